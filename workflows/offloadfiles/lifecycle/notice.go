package lifecycle

import (
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// addFilesStoredNotice adds the notice of the files. Its source is the case, so that it comes after the case's own notices. Without a bucket
// it adds none, because no files are expected. A case that was reset may end again with other files: their notice has its own ID.
func addFilesStoredNotice(f Files, now time.Time) Files {
	if f.State.Status == workflows.FilesNoBucket {
		return f
	}
	f.State.Outbox = f.State.Outbox.Add(workflows.PostedNotice{
		Notice: workflows.Notice{
			Kind: workflows.NoticeCaseFilesStored, Source: source(f), Reference: f.Start.Reference, Time: now,
		},
		ReplyTo: f.Start.ReplyTo, Notify: f.Start.Notify,
	}, rules.CaseSubject(f.Start.EndedAt, "files"))
	return f
}

func source(f Files) string { return workflows.OffloadCaseWorkflowID(f.Start.Reference) }

// handOff returns the next hand-off, or nil. The data is filled in here, because the state holds it anyway.
func handOff(f Files, now time.Time) *workflows.HandOff {
	due := slices.Clone(f.State.Outbox.Due(now))
	if len(due) == 0 {
		return nil
	}
	for i := range due {
		files := Result(f)
		due[i].Data.Files = &files
	}
	return &workflows.HandOff{Source: source(f), Account: f.Start.Account, Notices: due}
}

// HandOffSucceeded applies a successful hand-off.
func HandOffSucceeded(f Files, notices []workflows.PostedNotice) Files {
	f.State.Outbox = f.State.Outbox.Remove(notices)
	return f
}

// HandOffFailed applies a failed hand-off.
func HandOffFailed(f Files, notices []workflows.PostedNotice, failure rules.Failure, now time.Time) Files {
	f.State.Outbox = f.State.Outbox.Failed(notices, failure, now)
	return f
}
