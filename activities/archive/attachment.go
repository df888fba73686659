package archive

import (
	"cmp"
	"context"
	"fmt"
	"mime"
	"strings"

	"github.com/signalbox-dev/signalbox/workflows"
)

// StoreAttachment is the activity "archive.store-attachment": it downloads an attachment into the bucket, unless the bucket has it already.
func (a *Activities) StoreAttachment(ctx context.Context, p workflows.StoreAttachmentParams) (workflows.StoredFile, error) {
	stored, o, err := storeFile(ctx, a, p, attachmentKey, a.fetchAndPut)
	if err != nil {
		return workflows.StoredFile{}, err
	}
	stored.AttachmentID = p.Attachment.ID
	stored.ReportedSize, stored.ReportedType = difference(p.Attachment, o)
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

// differingDownloads is after how many downloads, over all attempts, a file is stored and marked although its size or type differs from what
// the provider said. With the pauses of the workflow that takes two and a half minutes: a restarting file server answers with error pages for
// some time.
const differingDownloads = 6

// accept fails if the file differs from what the provider said and another download may bring the right one.
func (a *attempt) accept(told workflows.Attachment, o object) error {
	reportedSize, reportedType := difference(told, o)
	if reportedSize == 0 && reportedType == "" {
		return nil
	}
	n := a.differed.Add(1)
	if n >= differingDownloads {
		return nil
	}
	a.sendHeartbeat() // carries the count to the next attempt
	var how []string
	if reportedSize != 0 {
		how = append(how, fmt.Sprintf("%d bytes, Offload reported %d", o.size, reportedSize))
	}
	if reportedType != "" {
		how = append(how, fmt.Sprintf("type %s, Offload reported %s", o.contentType, reportedType))
	}
	return fmt.Errorf("%w: %s; download %d of %d", errDiffers, strings.Join(how, ", "), n, differingDownloads)
}

// difference returns the size and the type that the provider said, each only if the file has another. Parameters of a type don't count, nor do
// types such as application/octet-stream that say nothing.
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

// contentType returns the type of the file server if the provider's differs. If one says nothing, the other counts; if both agree, the
// provider's is kept with its parameters.
func contentType(told, served string) string {
	toldFull, toldBase := mediaType(told)
	servedFull, servedBase := mediaType(served)
	if toldBase == servedBase {
		servedFull = toldFull
	}
	return cmp.Or(servedFull, toldFull, unknownType)
}

// mediaType returns a content type in its standard form, with and without parameters. Both are empty if it is invalid or says nothing.
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

// disposition returns a Content-Disposition with which a browser saves the file instead of showing it, because its content is not trusted. The
// name is the original one, within the limits of a header.
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

// download downloads an attachment with a new URL. A URL that has expired, by the worker's clock or by the response, is replaced once. The second
// URL is always tried, since the clock may be wrong.
func (a *Activities) download(ctx *attempt, p workflows.StoreAttachmentParams, into *scratch) (fetched, error) {
	for first := true; ; first = false {
		link, expires, err := a.provider.Link(ctx, p.Account, p.CaseID, p.Attachment.ID)
		if err != nil {
			return fetched{}, fromProvider(err, a.now().Before(p.LagUntil))
		}
		if first && !expires.IsZero() && !a.now().Before(expires) {
			continue
		}
		got, err := a.fetch(ctx, link, into)
		if err == nil {
			return got, nil
		}
		if !first || !isExpired(err) {
			return fetched{}, fmt.Errorf("fetch attachment: %w", err)
		}
	}
}
