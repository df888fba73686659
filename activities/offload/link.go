package offload

import (
	"context"
	"time"
)

// Link returns a temporary download URL of an attachment (Offload, "Get case attachment"). expires is zero if Offload does not return it. The URL
// is a secret: it must not leave the calling activity. An error has its type of the contract already: the activity returns it unchanged.
func (a *Activities) Link(ctx context.Context, account, caseID, attachmentID string) (url string, expires time.Time, err error) {
	client, err := a.account(account)
	if err != nil {
		return "", time.Time{}, a.failure(ctx, mayRepeat, callPacing, err)
	}
	call, cancel := callContext(ctx)
	defer cancel()
	download, err := client.GetAttachment(call, caseID, attachmentID)
	if err != nil {
		return "", time.Time{}, a.failure(ctx, mayRepeat, callPacing, err)
	}
	return download.DownloadURL, download.ExpiresAt, nil
}

// Result returns the whole result of a case as JSON, of any size; nil if the case has none. An error has its type of the contract
// already: the activity returns it unchanged.
func (a *Activities) Result(ctx context.Context, account, caseID string) ([]byte, error) {
	client, err := a.account(account)
	if err != nil {
		return nil, a.failure(ctx, mayRepeat, callPacing, err)
	}
	call, cancel := callContext(ctx)
	defer cancel()
	found, err := client.GetCase(call, caseID)
	if err != nil {
		return nil, a.failure(ctx, mayRepeat, callPacing, err)
	}
	return found.Facts().Result, nil
}
