package offloadapi

import (
	"context"
	"errors"
	"path"
	"slices"

	"github.com/signalbox-dev/signalbox/workflows"
)

const (
	// maxCaseID, in bytes, is far above the UUID that Offload makes and below what a search attribute holds.
	maxCaseID = 250
	// minSecret, in bytes: a shorter part of a URL is no secret, and taking it out would only garble a message.
	minSecret = 16
)

// createRequest is the body of POST /cases (Offload, "Create case").
type createRequest struct {
	workflows.CaseRequest
	ClientWebhookURL string `json:"clientWebhookUrl,omitempty"`
}

// Created is what POST /cases answers. Newer APIs say more, which GET says too.
type Created struct {
	CaseID string `json:"caseId"`
}

func (c Created) check() error {
	if c.CaseID == "" || len(c.CaseID) > maxCaseID {
		return errors.New("the created case has no usable caseId")
	}
	return nil
}

// CreateCase creates a case whose webhooks go to webhookURL. There is no idempotency key: after an Uncertain failure it is unknown
// whether a case exists, and calling again may make a second one.
func (c *Client) CreateCase(ctx context.Context, request workflows.CaseRequest, webhookURL string) (Created, error) {
	// Whoever knows the webhook URL can speak for Offload. An error that quotes it, whole or by its last part, must not show it.
	secrets := slices.DeleteFunc([]string{webhookURL, path.Base(webhookURL)}, func(s string) bool {
		return len(s) < minSecret
	})
	return post[Created](ctx, c, "create case", "/cases", createRequest{request, webhookURL}, secrets...)
}
