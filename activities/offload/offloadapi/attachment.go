package offloadapi

import (
	"context"
	"errors"
	"time"
)

// Attachment is a file that the counterparty sent: its metadata as GET and webhooks show it (Offload, "Get case attachment").
type Attachment struct {
	AttachmentID string    `json:"attachmentId"`
	Name         string    `json:"name"`
	Size         int64     `json:"size"`
	Type         string    `json:"type"`
	MessageID    string    `json:"messageId"`
	InboxID      string    `json:"inboxId"`
	ReceivedAt   time.Time `json:"receivedAt"`
}

// Download is an attachment with its download URL. The URL needs no key and is valid until ExpiresAt; Offload does not publish for how long.
// Get it right before the download and do not store it.
type Download struct {
	Attachment
	DownloadURL string    `json:"downloadUrl"`
	ExpiresAt   time.Time `json:"expiresAt"`
}

func (d Download) check() error {
	if d.DownloadURL == "" {
		return errors.New("the attachment has no downloadUrl")
	}
	return nil
}

// GetAttachment returns an attachment with a new download URL.
func (c *Client) GetAttachment(ctx context.Context, caseID, attachmentID string) (Download, error) {
	const op = "get attachment"
	route, err := caseRoute(caseID, "attachments", attachmentID)
	if err != nil {
		return Download{}, &Error{Op: op, Kind: NotSent, Err: err}
	}
	download, _, err := get[Download](ctx, c, op, route)
	return download, err
}
