package offloadapi

import (
	"context"
	"errors"
	"path"
	"slices"

	"github.com/signalbox-dev/signalbox/workflows"
)

// minSecret, in bytes: a shorter part of a URL is not a secret, and its removal would only garble a message.
const minSecret = 16

// createRequest is the body of POST /cases (Offload, "Create case").
type createRequest struct {
	workflows.CaseRequest
	ClientWebhookURL string `json:"clientWebhookUrl,omitempty"`
}

// Created is the response to POST /cases. Newer APIs respond with more fields, which GET has too.
type Created struct {
	CaseID string `json:"caseId"`
}

func (c Created) check() error {
	if workflows.ValidateCaseID(c.CaseID) != nil {
		return errors.New("the created case has no usable caseId")
	}
	return nil
}

// CreateCase creates a case whose webhooks go to webhookURL. Offload has no idempotency key: after an Uncertain failure a case may exist, and
// another call may create a second one.
func (c *Client) CreateCase(ctx context.Context, request workflows.CaseRequest, webhookURL string) (Created, error) {
	// The webhook URL allows its holder to post events. A response may quote it, or its last part; the error must not.
	secrets := slices.DeleteFunc([]string{webhookURL, path.Base(webhookURL)}, func(s string) bool {
		return len(s) < minSecret
	})
	return post[Created](ctx, c, "create case", "/cases", createRequest{request, webhookURL}, secrets...)
}
