package lifecycle

import (
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Files are the files of a case and the state of storing them.
type Files struct {
	// Start has no attachments: State.Files has what is needed of them.
	Start workflows.FilesStart
	State State
}

// State is all that the workflow carries over when it continues as new.
type State struct {
	// Version is the version of the code that began the run; see versions.go of the workflow.
	Version int `json:"version"`

	Status workflows.FilesStatus `json:"status"`
	Since  time.Time             `json:"since"`
	// Until is when the budget is over.
	Until time.Time `json:"until"`
	// LagUntil is until when a file that the provider does not find is retried.
	LagUntil time.Time `json:"lagUntil"`
	// ProgressAt is when a file was last settled, or the start. Delayed: that is long ago, and files are pending.
	ProgressAt time.Time `json:"progressAt,omitzero"`
	Delayed    bool      `json:"delayed,omitempty"`
	// Probed: an attempt has shown that the workers have a bucket.
	Probed bool `json:"probed,omitempty"`
	// NoBucketSince is when an attempt first found a worker without a bucket.
	NoBucketSince time.Time `json:"noBucketSince,omitzero"`
	// Cancelled says who cancelled the storing and why.
	Cancelled string `json:"cancelled,omitempty"`
	// Omitted counts attachments that are not tried.
	Omitted int `json:"omitted,omitempty"`
	// Files are in the order of the attachments; the result comes first.
	Files  []File       `json:"files,omitempty"`
	Outbox rules.Outbox `json:"outbox,omitzero"`
}

// File is one file of the case. It is pending until Stored or Unstored is set.
type File struct {
	// ID is the attachment's ID; empty for the result.
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
	Type string `json:"type,omitempty"`
	Size int64  `json:"size,omitempty"`
	// Turns counts the calls that ended without storing the file. Files with fewer turns come first.
	Turns int `json:"turns,omitempty"`
	// NotBefore is when the next call may start.
	NotBefore time.Time `json:"notBefore,omitzero"`
	// Trouble is the type of the error that a person must repair before this file can be stored; empty once it is settled.
	Trouble string `json:"trouble,omitempty"`
	// LastType and LastError are the type and message of the last call's error.
	LastType  string `json:"lastType,omitempty"`
	LastError string `json:"lastError,omitempty"`

	// Stored or Unstored describes the end, without the ID.
	Stored   *workflows.StoredFile   `json:"stored,omitempty"`
	Unstored *workflows.UnstoredFile `json:"unstored,omitempty"`
}

func (f File) pending() bool { return f.Stored == nil && f.Unstored == nil }

// Begin returns the state at the start of the workflow. The start must be valid.
func Begin(start workflows.FilesStart, now time.Time) Files {
	attachments := start.Attachments
	start.Attachments = nil
	f := Files{Start: start, State: State{
		Status: workflows.FilesStoring, Since: now, ProgressAt: now, Until: now.Add(budget), LagUntil: lagUntil(start.EndedAt, now),
		Outbox: rules.Outbox{Seq: start.Seq},
	}}
	if start.Result {
		f.State.Files = append(f.State.Files, File{})
	}
	seen, kept := map[string]bool{}, 0
	for _, a := range attachments {
		switch {
		case seen[a.ID]:
		case a.ID == "", len(a.ID) > workflows.MaxAttachmentIDBytes, kept == workflows.MaxCaseFiles:
			f.State.Omitted++
		default:
			seen[a.ID] = true
			kept++
			f.State.Files = append(f.State.Files, File{
				ID: a.ID, Name: withEnd(a.Name, maxName), Type: mediaType(a.Type), Size: a.Size,
			})
		}
	}
	return finish(f, now)
}

func lagUntil(endedAt, now time.Time) time.Time {
	if endedAt.IsZero() || endedAt.After(now) {
		endedAt = now
	}
	return endedAt.Add(lag)
}

// change returns the files with file i replaced.
func (f Files) change(i int, file File) Files {
	f.State.Files = slices.Clone(f.State.Files)
	f.State.Files[i] = file
	return f
}

// find returns the position of a pending file, or -1.
func (f Files) find(id string) int {
	if f.State.Status.Ended() {
		return -1
	}
	return slices.IndexFunc(f.State.Files, func(file File) bool { return file.ID == id && file.pending() })
}

func pending(s State) int {
	n := 0
	for _, file := range s.Files {
		if file.pending() {
			n++
		}
	}
	return n
}

// noBucketAt is when the storing ends if no worker has a bucket.
func (f Files) noBucketAt() time.Time {
	return rules.Sooner(f.State.NoBucketSince.Add(noBucketTime), f.State.Until)
}
