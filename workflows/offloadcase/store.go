package offloadcase

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// storing is a file on its way into the bucket.
type storing struct {
	call
	attachmentID string
}

// carryOutFiles keeps what is under way while it is wanted, and adds what there is room for.
func (r *run) carryOutFiles(fx lifecycle.Effects) {
	for i := range r.files {
		if !slices.ContainsFunc(fx.Files, func(f lifecycle.File) bool { return f.AttachmentID == r.files[i].attachmentID }) {
			r.files[i].giveUp()
		}
	}
	for _, file := range fx.Files {
		if len(r.files) >= fx.FilesAtOnce {
			return
		}
		if slices.ContainsFunc(r.files, func(f storing) bool { return f.attachmentID == file.AttachmentID }) {
			continue
		}
		r.files = append(r.files, storing{call: start(storePolicy(r.ctx), file.Activity, file.Params), attachmentID: file.AttachmentID})
	}
}

// collectFiles lets the rules have what became of the files that are done.
func (r *run) collectFiles() {
	var underWay []storing
	for _, file := range r.files {
		if !file.done() {
			underWay = append(underWay, file)
			continue
		}
		var stored workflows.StoredFile
		if err := file.future.Get(r.ctx, &stored); err != nil {
			f := fileFailure(err)
			if f.Type != workflows.ErrTypeArchiveNoBucket {
				workflow.GetLogger(r.ctx).Warn("file not stored", "attachment", file.attachmentID, "error", err)
			}
			r.take(lifecycle.FileFailed(r.c, file.attachmentID, f))
		} else {
			r.take(lifecycle.FileStored(r.c, file.attachmentID, stored))
		}
	}
	r.files = underWay
}
