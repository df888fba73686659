package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// FileStored records that a file is in the bucket. An empty ID means the result.
func FileStored(f Files, id string, stored workflows.StoredFile, now time.Time) Files {
	i := f.find(id)
	if i < 0 {
		return f
	}
	stored = clipStored(stored)
	stored.AttachmentID = "" // File.ID has it
	f = f.change(i, File{ID: id, Stored: &stored})
	f.State.ProgressAt = now
	f.State.Probed = true
	return finish(f, now)
}

// FileFailed applies a call that ended without storing the file.
//
// If the workers have no bucket, no files are expected: the storing ends as NO_BUCKET. One worker may lack it for a while, so other attempts come
// first, for noBucketTime. Once an attempt has found a bucket, its lack is a failure like any other.
func FileFailed(f Files, id string, failure rules.Failure, now time.Time) Files {
	i := f.find(id)
	if i < 0 {
		return f
	}
	file := f.State.Files[i]
	file.LastType, file.LastError = failure.Type, workflows.Clip(failure.Message, maxReasonBytes)
	if failure.Type == workflows.ErrTypeArchiveNoBucket && !f.State.Probed {
		file.NotBefore = now.Add(firstPause)
		if f.State.NoBucketSince.IsZero() {
			f.State.NoBucketSince = now
		}
		if f.noBucketAt().Sub(file.NotBefore) < reportTime {
			return end(f, workflows.FilesNoBucket, now)
		}
		return f.change(i, file)
	}
	// A timeout has no type and says nothing about the bucket.
	f.State.Probed = f.State.Probed || failure.Type != ""
	file.NotBefore = now.Add(rules.Backoff(firstPause, longestPause, file.Turns))
	if isFinal(f.State, failure.Type, now) || !file.NotBefore.Before(f.State.Until.Add(-reportTime)) {
		f.State.ProgressAt = now
		return finish(f.change(i, unstored(file, file.LastType, file.LastError)), now)
	}
	isNew := troubleAttention(failure.Type) != "" && failure.Type != file.Trouble
	switch {
	case isNew:
		file.Trouble = failure.Type
	case failure.Type != file.Trouble && failure.Type != "":
		file.Trouble = ""
	}
	if !isNew {
		file.Turns++
	}
	return f.change(i, file)
}

// unstored returns the file as given up.
func unstored(file File, errType, reason string) File {
	return File{ID: file.ID, Unstored: &workflows.UnstoredFile{
		Name: file.Name, ErrorType: errType, Reason: workflows.Clip(reason, maxReasonBytes),
	}}
}
