package archive

import (
	"cmp"
	"context"
	"fmt"
	"mime"
	"strings"

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
	stored.ToldSize, stored.ToldType = difference(p.Attachment, o)
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
	if err := ctx.accept(p.Attachment, o); err != nil {
		return object{}, err
	}
	return o, a.bucket.put(ctx, key, content, o)
}

// differingDownloads is how many downloads that brought another file than told are made, over all attempts, before what comes is stored and
// marked. With the pauses of the workflow they take two and a half minutes: a file server that is being restarted answers with error pages
// meanwhile.
const differingDownloads = 6

// accept fails the attempt where the file differs from what was told and another download may bring the right one.
func (a *attempt) accept(told workflows.Attachment, o object) error {
	toldSize, toldType := difference(told, o)
	if toldSize == 0 && toldType == "" {
		return nil
	}
	n := a.differed.Add(1)
	if n >= differingDownloads {
		return nil
	}
	a.beat() // the next attempt goes on counting
	var how []string
	if toldSize != 0 {
		how = append(how, fmt.Sprintf("%d bytes, told %d", o.size, toldSize))
	}
	if toldType != "" {
		how = append(how, fmt.Sprintf("type %s, told %s", o.contentType, toldType))
	}
	return fmt.Errorf("%w: %s; download %d of %d", errDiffers, strings.Join(how, ", "), n, differingDownloads)
}

// difference returns the size and the type that the provider told, each only where the file has another. Parameters of a type don't count, nor
// does a type that says nothing.
func difference(told workflows.Attachment, o object) (size int64, contentType string) {
	if told.Size > 0 && told.Size != o.size {
		size = told.Size
	}
	_, toldBase := mediaType(told.Type)
	_, base := mediaType(o.contentType)
	if toldBase != "" && base != "" && toldBase != base {
		contentType = toldBase
	}
	return size, contentType
}

const unknownType = "application/octet-stream"

// contentType is what the file was served as, where the file server says something else than the provider. Where one says nothing, the other
// counts; where both agree, the provider's is kept with its parameters.
func contentType(told, served string) string {
	toldFull, toldBase := mediaType(told)
	servedFull, servedBase := mediaType(served)
	if toldBase == servedBase {
		servedFull = toldFull
	}
	return cmp.Or(servedFull, toldFull, unknownType)
}

// mediaType returns a content type in its usual form, with and without parameters. Both are empty where it is none or says nothing.
func mediaType(text string) (full, base string) {
	const most = 150
	base, params, err := mime.ParseMediaType(text)
	if err != nil || base == unknownType || base == "binary/octet-stream" {
		return "", ""
	}
	full = mime.FormatMediaType(base, params)
	if full == "" || len(full) > most {
		return "", ""
	}
	return full, base
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
			return fetched{}, provided(err, a.now().Before(p.LagUntil))
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
