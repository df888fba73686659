package offload

import (
	"context"
	"time"
)

// Link makes a temporary URL by which an attachment can be downloaded (Offload, "Get case attachment"), for an activity that is about to do so.
// expires is zero where Offload doesn't say. The URL is a secret: it must not leave the activity. The error is the one to fail the activity
// with.
func (a *Activities) Link(ctx context.Context, account, caseID, attachmentID string) (url string, expires time.Time, err error) {
	client, err := a.account(account)
	if err != nil {
		return "", time.Time{}, a.failure(ctx, repeatable, waitedFor, err)
	}
	call, cancel := callContext(ctx, ctx)
	defer cancel()
	download, err := client.GetAttachment(call, caseID, attachmentID)
	if err != nil {
		return "", time.Time{}, a.failure(ctx, repeatable, waitedFor, err)
	}
	return download.DownloadURL, download.ExpiresAt, nil
}

// Result is the result of a case as JSON, whole, however large; nil where the case has none. The error is the one to fail an activity with.
func (a *Activities) Result(ctx context.Context, account, caseID string) ([]byte, error) {
	client, err := a.account(account)
	if err != nil {
		return nil, a.failure(ctx, repeatable, waitedFor, err)
	}
	call, cancel := callContext(ctx, ctx)
	defer cancel()
	found, err := client.GetCase(call, caseID)
	if err != nil {
		return nil, a.failure(ctx, repeatable, waitedFor, err)
	}
	return found.Facts().Result, nil
}
