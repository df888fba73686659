package lifecycle

import (
	"cmp"
	"slices"

	"github.com/signalbox-dev/signalbox/workflows"
)

// filesAtOnce bounds what one case takes of the workers that store files.
const filesAtOnce = 4

// File is a file of the case that is to be put into the bucket.
type File struct {
	// AttachmentID is empty for the result.
	AttachmentID string
	// Activity stores the file, given Params.
	Activity string
	Params   any
}

// wantedFiles are those that are still to be stored: of a case that has ended, its result where that is too large to be told, and every
// attachment. An attachment without an ID can't be asked for. Whoever cancels a case doesn't wait for its files; the outcome names them.
func wantedFiles(c Case) []File {
	s := c.State
	if !s.Status.Ended() || s.Status == workflows.CaseCancelled || s.NoBucket || s.CaseID == "" {
		return nil
	}
	settled := make(map[string]bool, len(s.StoredFiles)+len(s.UnstoredFiles))
	for _, f := range s.StoredFiles {
		settled[f.AttachmentID] = true
	}
	for _, f := range s.UnstoredFiles {
		settled[f.AttachmentID] = true
	}
	var files []File
	if s.Facts.ResultOmitted && !settled[""] {
		files = append(files, File{
			Activity: workflows.ActivityArchiveStoreResult,
			Params:   workflows.StoreResultParams{Account: c.Start.Account, Reference: c.Start.Reference, CaseID: s.CaseID},
		})
	}
	for _, a := range s.Facts.Attachments {
		if a.ID == "" || settled[a.ID] {
			continue
		}
		files = append(files, File{
			AttachmentID: a.ID,
			Activity:     workflows.ActivityArchiveStoreAttachment,
			Params: workflows.StoreAttachmentParams{
				Account: c.Start.Account, Reference: c.Start.Reference, CaseID: s.CaseID, Attachment: a,
			},
		})
	}
	return files
}

// atOnce lets the first file find out alone whether there is a bucket: where none is configured, that costs each case one activity.
func atOnce(s State) int {
	if len(s.StoredFiles)+len(s.UnstoredFiles) == 0 {
		return 1
	}
	return filesAtOnce
}

// FileStored takes in that a file is in the bucket. An empty ID means the result.
func FileStored(c Case, attachmentID string, file workflows.StoredFile) Case {
	if !wanted(c, attachmentID) {
		return c
	}
	file.AttachmentID = attachmentID
	c.State.StoredFiles = append(slices.Clip(c.State.StoredFiles), file)
	return c
}

// FileFailed takes in that a file could not be stored. That never changes how the case ended. Without a bucket no file is asked for, and
// none is missing; a bucket that is gone after it has taken a file is a failure like any other.
func FileFailed(c Case, attachmentID string, f Failure) Case {
	s := &c.State
	switch {
	case !wanted(c, attachmentID):
	case f.Type == workflows.ErrTypeArchiveNoBucket && len(s.StoredFiles) == 0:
		s.NoBucket = true
	default:
		s.UnstoredFiles = append(slices.Clip(s.UnstoredFiles), workflows.UnstoredFile{
			AttachmentID: attachmentID, ErrorType: f.Type, Reason: f.Message,
		})
	}
	return c
}

func wanted(c Case, attachmentID string) bool {
	return slices.ContainsFunc(wantedFiles(c), func(f File) bool { return f.AttachmentID == attachmentID })
}

// tellFiles puts into the outcome what became of the files: in the order of the attachments, whichever was stored first.
func tellFiles(outcome *workflows.CaseOutcome, s State) {
	for _, f := range inOrder(s, s.StoredFiles, func(f workflows.StoredFile) string { return f.AttachmentID }) {
		if f.AttachmentID == "" {
			outcome.ResultFile = &f
		} else {
			outcome.Files = append(outcome.Files, f)
		}
	}
	outcome.Unstored = inOrder(s, s.UnstoredFiles, func(f workflows.UnstoredFile) string { return f.AttachmentID })
	if s.Facts.ResultOmitted && outcome.ResultFile == nil && s.CaseID != "" {
		outcome.ResultAt = "GET /cases/" + s.CaseID
	}
}

// inOrder sorts by the attachments; the result, which has no ID, comes first.
func inOrder[F any](s State, files []F, id func(F) string) []F {
	position := make(map[string]int, len(s.Facts.Attachments))
	for i, a := range s.Facts.Attachments {
		position[a.ID] = i + 1
	}
	position[""] = 0
	return slices.SortedStableFunc(slices.Values(files), func(a, b F) int { return cmp.Compare(position[id(a)], position[id(b)]) })
}
