package lifecycle

import (
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Attention returns the reasons why a person should look, sorted. Files that were left out by a cancellation are no reason, nor are attachments for
// lack of a bucket: they are not expected. A result is one, because the outcome lacks it.
func Attention(f Files) []string {
	reasons := lastingAttention(f)
	if f.State.Outbox.Delayed() {
		reasons = append(reasons, workflows.AttentionNoticeDelayed)
	}
	if delayedForUnknownReason(f.State) {
		reasons = append(reasons, workflows.AttentionFilesDelayed)
	}
	slices.Sort(reasons)
	return reasons
}

// lastingAttention returns the attention for the result. It leaves out a delay of the notice, which is over once it is handed off.
func lastingAttention(f Files) []string {
	s := f.State
	var reasons []string
	add := func(when bool, reason string) {
		if when && !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	for _, file := range s.Files {
		add(file.Trouble != "" && !s.Status.Ended(), troubleAttention(file.Trouble))
		add(file.Stored != nil && file.Stored.Differs(), workflows.AttentionFileDiffers)
		add(failed(s, file), workflows.AttentionFileNotStored)
	}
	add(s.Status == workflows.FilesNoBucket && f.Start.Result, workflows.AttentionFileNotStored)
	add(s.Omitted > 0 && s.Status != workflows.FilesNoBucket, workflows.AttentionFileNotStored)
	add(s.Outbox.Refused(), workflows.AttentionNoticeRefused)
	slices.Sort(reasons)
	return reasons
}

// delayedForUnknownReason reports whether the files are delayed and no trouble says why.
func delayedForUnknownReason(s State) bool {
	return s.Delayed && !s.Status.Ended() && !slices.ContainsFunc(s.Files, func(file File) bool { return file.pending() && file.Trouble != "" })
}

// DueAt returns when the attention becomes urgent: the end of the budget while files are stored, after that the end.
func DueAt(f Files) time.Time {
	if f.State.Status.Ended() {
		return f.State.Since
	}
	return f.State.Until
}
