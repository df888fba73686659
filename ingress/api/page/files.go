package page

import (
	"cmp"
	"strings"

	"github.com/signalbox-dev/signalbox/workflows"
)

// caseFile is a file of a case for people: its name, its size in bytes where known, how far it is, and where it lies.
type caseFile struct {
	Name string
	Size int64
	// State is one of STORED, STORING, NOT_STORED and AT_OFFLOAD.
	State string
	// Why says why it is not stored, or how it differs from what Offload told.
	Why string
	// Place is the object's address in the bucket; empty for a file that Offload alone has. SHA256 is of the object.
	Place, SHA256 string
}

// caseFiles joins what Offload told of the files with where "offload-files" has put them. No address is a link: a browser has no access to the
// bucket, and Offload makes URLs for its API's callers only.
func caseFiles(facts workflows.CaseFacts, files *workflows.CaseFiles) []caseFile {
	told := map[string]workflows.Attachment{}
	for _, one := range facts.Attachments {
		told[one.ID] = one
	}
	var rows []caseFile
	stored := func(name string, file workflows.StoredFile) {
		row := caseFile{Name: name, Size: file.Size, State: "STORED", Place: strings.TrimSuffix(file.Bucket, "/") + "/" + file.Key, SHA256: file.SHA256}
		if file.Differs() {
			row.Why = "Its size or type differs from Offload's report"
		}
		rows = append(rows, row)
	}
	listed := map[string]bool{}
	if files != nil {
		if files.Result != nil {
			stored("The result", *files.Result)
		}
		for _, file := range files.Stored {
			listed[file.AttachmentID] = true
			stored(cmp.Or(told[file.AttachmentID].Name, file.AttachmentID), file)
		}
		for _, file := range files.Unstored {
			listed[file.AttachmentID] = true
			name := cmp.Or(file.Name, file.AttachmentID)
			if file.AttachmentID == "" {
				name = "The result"
			}
			rows = append(rows, caseFile{Name: name, Size: told[file.AttachmentID].Size, State: "NOT_STORED", Why: file.Reason})
		}
	}
	rest := "AT_OFFLOAD"
	if files != nil && files.Status == workflows.FilesStoring {
		rest = "STORING"
	}
	for _, one := range facts.Attachments {
		if !listed[one.ID] {
			rows = append(rows, caseFile{Name: cmp.Or(one.Name, one.ID), Size: one.Size, State: rest})
		}
	}
	return rows
}
