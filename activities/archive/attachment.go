package archive

import (
	"cmp"
	"context"
	"fmt"
	"mime"

	"github.com/signalbox-dev/signalbox/workflows"
)

// StoreAttachment is the activity "archive.store-attachment": it fetches an attachment and puts it into the bucket, unless it is there already.
func (a *Activities) StoreAttachment(ctx context.Context, p workflows.StoreAttachmentParams) (workflows.StoredFile, error) {
	attempt, end := a.begin(ctx)
	defer end()
	stored, err := a.storeAttachment(attempt, p)
	if err != nil {
		return workflows.StoredFile{}, failure(ctx, err)
	}
	return stored, nil
}

func (a *Activities) storeAttachment(ctx *attempt, p workflows.StoreAttachmentParams) (workflows.StoredFile, error) {
	if a.bucket == nil {
		return workflows.StoredFile{}, errNoBucket
	}
	key, err := attachmentKey(p)
	if err != nil {
		return workflows.StoredFile{}, err
	}
	o, found, err := a.bucket.find(ctx, key)
	if err != nil {
		return workflows.StoredFile{}, err
	}
	if !found {
		if o, err = a.fetchAndPut(ctx, key, p); err != nil {
			return workflows.StoredFile{}, err
		}
	}
	stored := a.bucket.stored(key, o)
	stored.AttachmentID = p.Attachment.ID
	if told := p.Attachment.Size; told > 0 && told != o.size {
		stored.ToldSize = told
	}
	return stored, nil
}

func (a *Activities) fetchAndPut(ctx *attempt, key string, p workflows.StoreAttachmentParams) (object, error) {
	file, err := newScratch(a.folder)
	if err != nil {
		return object{}, err
	}
	defer file.drop()

	got, err := a.download(ctx, p, file)
	if err != nil {
		return object{}, err
	}
	content, err := file.reader()
	if err != nil {
		return object{}, err
	}
	o := object{
		size:        got.size,
		sha256:      got.sha256,
		contentType: contentType(p.Attachment.Type, got.contentType),
		disposition: disposition(p.Attachment.Name),
	}
	return o, a.bucket.put(ctx, key, content, o)
}

// contentType is the first that is one. The provider's comes first: it saw the mail, while its file server may say the same of every file.
func contentType(candidates ...string) string {
	for _, candidate := range candidates {
		parsed, params, err := mime.ParseMediaType(candidate)
		if err != nil {
			continue
		}
		if formatted := mime.FormatMediaType(parsed, params); formatted != "" {
			return formatted
		}
	}
	return "application/octet-stream"
}

// disposition has a browser save the file rather than show it: a stranger wrote it. The name is the original one, within the limits of a header.
func disposition(name string) string {
	const attachment, most = "attachment", 120
	if runes := []rune(name); len(runes) > most {
		name = string(runes[len(runes)-most:]) // the end has the extension
	}
	if name == "" {
		return attachment
	}
	return cmp.Or(mime.FormatMediaType(attachment, map[string]string{"filename": name}), attachment)
}

// download fetches an attachment by a URL made right before. One that has expired by then, or so the worker's clock says, is replaced once;
// the second is tried whatever the clock says, which may be wrong.
func (a *Activities) download(ctx *attempt, p workflows.StoreAttachmentParams, into *scratch) (fetched, error) {
	for try := 1; ; try++ {
		link, expires, err := a.provider.Link(ctx, p.Account, p.CaseID, p.Attachment.ID)
		if err != nil {
			return fetched{}, &providerError{err}
		}
		first := try == 1
		if first && !expires.IsZero() && !a.now().Before(expires) {
			continue
		}
		got, err := a.fetch(ctx, link, into)
		if err == nil || !first || !isExpired(err) {
			if err != nil {
				return fetched{}, fmt.Errorf("fetch attachment: %w", err)
			}
			return got, nil
		}
	}
}
