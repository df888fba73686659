package lifecycle

import (
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
		Omitted: s.Omitted, Cancelled: s.Cancelled, Attention: lastingAttention(f),
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

// failed reports whether the file is unstored for a reason other than a cancellation.
func failed(s State, file File) bool {
	return file.Unstored != nil && (s.Cancelled == "" || file.Unstored.Reason != s.Cancelled)
}
