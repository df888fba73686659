package offloadapi

import (
	"context"
	"encoding/json"
	"errors"
	"path"
	"slices"
)

const (
	// maxCaseID, in bytes, is far above the UUID that Offload makes and below what a search attribute holds.
	maxCaseID = 250
	// minSecret, in bytes: a shorter part of a URL is no secret, and taking it out would only garble a message.
	minSecret = 16
)

// CreateRequest is the body of POST /cases (Offload, "Create case"). What Offload defaults is left out when it is not set.
type CreateRequest struct {
	Channel           string          `json:"channel"`
	Goal              Goal            `json:"goal"`
	Counterparty      Counterparty    `json:"counterparty"`
	SenderPersona     SenderPersona   `json:"senderPersona"`
	ClientReferenceID string          `json:"clientReferenceId,omitempty"`
	Constraints       []string        `json:"constraints,omitempty"`
	MaxAttempts       *int            `json:"maxAttempts,omitempty"`
	FollowUpDelay     *int            `json:"followUpDelayHours,omitempty"`
	ResultSchema      json.RawMessage `json:"resultSchema,omitempty"`
	ClientWebhookURL  string          `json:"clientWebhookUrl,omitempty"`
	Metadata          json.RawMessage `json:"metadata,omitempty"`
}

// Goal is what the case is to reach; Knowledge is a JSON string or object.
type Goal struct {
	Objective string          `json:"objective"`
	Knowledge json.RawMessage `json:"knowledge,omitempty"`
}

// Counterparty is who is written to.
type Counterparty struct {
	Address    string            `json:"address"`
	Name       string            `json:"name"`
	Company    string            `json:"company,omitempty"`
	Timezone   string            `json:"timezone,omitempty"`
	CustomData map[string]string `json:"customData,omitempty"`
}

// SenderPersona is in whose name it is written.
type SenderPersona struct {
	Name    string `json:"name"`
	Role    string `json:"role,omitempty"`
	Company string `json:"company,omitempty"`
	Tone    string `json:"tone,omitempty"`
}

// Created is what POST /cases answers. Newer APIs say more, which GET says too.
type Created struct {
	CaseID string `json:"caseId"`
}

func (c *Created) check() error {
	if c.CaseID == "" || len(c.CaseID) > maxCaseID {
		return errors.New("the created case has no usable caseId")
	}
	return nil
}

// CreateCase creates a case. There is no idempotency key: after an Uncertain failure nobody can tell whether a case exists, and calling
// again may make a second one.
func (c *Client) CreateCase(ctx context.Context, request CreateRequest) (Created, error) {
	// Whoever knows the webhook URL can speak for Offload. An error that quotes it, whole or by its last part, must not show it.
	secrets := slices.DeleteFunc([]string{request.ClientWebhookURL, path.Base(request.ClientWebhookURL)}, func(s string) bool {
		return len(s) < minSecret
	})
	var created Created
	if err := c.post(ctx, "create case", "/cases", request, &created, secrets...); err != nil {
		return Created{}, err
	}
	return created, nil
}
