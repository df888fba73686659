package lifecycle

import (
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

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
	f.State.Cancelled = workflows.Clip(words, maxReasonBytes)
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
	return addFilesStoredNotice(f, now)
}
