package lifecycle

import (
	"slices"
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
// If the workers have no bucket and nothing is stored yet, no files are wanted, and none is missing. If the bucket disappears later, that
// is a failure like any other.
func FileFailed(f Files, id string, failure rules.Failure, now time.Time) Files {
	i := f.find(id)
	if i < 0 {
		return f
	}
	if failure.Type == workflows.ErrTypeArchiveNoBucket && !anyStored(f.State) {
		return end(f, workflows.FilesNoBucket, now)
	}
	// A timeout has no type and says nothing about the bucket.
	f.State.Probed = f.State.Probed || failure.Type != ""
	file := f.State.Files[i]
	file.LastType, file.LastError = failure.Type, workflows.Clip(failure.Message, maxReason)
	file.NotBefore = now.Add(min(firstPause<<min(file.Turns, 10), longestPause))
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
		Name: file.Name, ErrorType: errType, Reason: workflows.Clip(reason, maxReason),
	}}
}

// Tick applies the time: at Until it gives up the pending files; after a long time without progress it raises attention.
func Tick(f Files, now time.Time) Files {
	if f.State.Status.Ended() {
		return f
	}
	f.State.Delayed = rules.Due(delayedAt(f.State), now)
	if !rules.Due(f.State.Until, now) {
		return f
	}
	return finish(giveUp(f, func(file File) File {
		reason := "not stored within " + Budget.String()
		if file.LastError != "" {
			reason += ": " + file.LastError
		}
		return unstored(file, file.LastType, reason)
	}), now)
}

func delayedAt(s State) time.Time { return s.ProgressAt.Add(delayedAfter) }

// CheckCancel returns why the storing can't be cancelled, or nil.
func CheckCancel(f Files, c workflows.CancelCase) error {
	if f.State.Status.Ended() {
		return rules.Refuse(workflows.ErrTypeFilesEnded, "nothing is left to store: the status is %s", f.State.Status)
	}
	for _, field := range []struct{ name, text string }{{"by", c.By}, {"reason", c.Reason}} {
		if n := workflows.JSONLen(field.text); n > maxCancelWords {
			return rules.Invalid("%s: %d bytes as JSON, at most %d: shorten it", field.name, n, maxCancelWords)
		}
	}
	return nil
}

// Cancel ends the storing: stored files stay, and the others are listed as unstored.
func Cancel(f Files, c workflows.CancelCase, now time.Time) Files {
	if f.State.Status.Ended() {
		return f
	}
	words := "cancelled"
	if c.By != "" {
		words += " by " + c.By
	}
	if c.Reason != "" {
		words += ": " + c.Reason
	}
	f.State.Cancelled = workflows.Clip(words, maxReason)
	f = giveUp(f, func(file File) File { return unstored(file, "", f.State.Cancelled) })
	return end(f, workflows.FilesCancelled, now)
}

func giveUp(f Files, as func(File) File) Files {
	f.State.Files = slices.Clone(f.State.Files)
	for i, file := range f.State.Files {
		if file.pending() {
			f.State.Files[i] = as(file)
		}
	}
	return f
}

// finish ends the storing when no file is pending.
func finish(f Files, now time.Time) Files {
	if f.State.Status.Ended() || pending(f.State) > 0 {
		return f
	}
	return end(f, workflows.FilesStored, now)
}

func end(f Files, status workflows.FilesStatus, now time.Time) Files {
	f.State.Status, f.State.Since = status, now
	return postFilesStored(f, now)
}
