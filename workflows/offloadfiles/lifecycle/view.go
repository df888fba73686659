package lifecycle

import (
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// View returns the answer of the query "state".
func View(f Files) workflows.CaseFiles {
	view := Result(f)
	view.WaitingFor, view.Attention = WaitingFor(f), Attention(f)
	return view
}

// Result returns the workflow's result, which is also the data of its notice.
func Result(f Files) workflows.CaseFiles {
	s := f.State
	files := workflows.CaseFiles{
		Reference: f.Start.Reference, CaseID: f.Start.CaseID, Status: s.Status, Since: s.Since,
		Omitted: s.Omitted, NoBucket: s.Status == workflows.FilesNoBucket, Cancelled: s.Cancelled, Attention: lastingAttention(f),
	}
	if !s.Status.Ended() {
		files.Pending, files.Until = pending(s), s.Until
	}
	for _, file := range s.Files {
		switch {
		case file.Stored != nil && file.ID == "":
			stored := *file.Stored
			files.Result = &stored
		case file.Stored != nil:
			stored := *file.Stored
			stored.AttachmentID = file.ID
			files.Stored = append(files.Stored, stored)
		case file.Unstored != nil:
			unstored := *file.Unstored
			unstored.AttachmentID = file.ID
			files.Unstored = append(files.Unstored, unstored)
		}
	}
	return files
}

// Attention returns the reasons why a person should look, sorted. Files that were left out by a cancellation, or for lack of a bucket,
// are no reason.
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
	add(s.Omitted > 0 && s.Status != workflows.FilesNoBucket, workflows.AttentionFileNotStored)
	add(s.Outbox.Refused(), workflows.AttentionNoticeRefused)
	slices.Sort(reasons)
	return reasons
}

// delayedForUnknownReason reports whether the files are delayed and no trouble says why.
func delayedForUnknownReason(s State) bool {
	return s.Delayed && !s.Status.Ended() && !slices.ContainsFunc(s.Files, func(file File) bool { return file.pending() && file.Trouble != "" })
}

// failed reports whether the file is unstored for a reason other than a cancellation.
func failed(s State, file File) bool {
	return file.Unstored != nil && (s.Cancelled == "" || file.Unstored.Reason != s.Cancelled)
}

// DueAt returns when the attention becomes urgent: the end of the budget while files are stored, after that the end.
func DueAt(f Files) time.Time {
	if f.State.Status.Ended() {
		return f.State.Since
	}
	return f.State.Until
}
