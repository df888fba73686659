package workflows

import "time"

// FilesStart is the input of the workflow "offload-files", which stores the files of a case after its end.
type FilesStart struct {
	Account   string `json:"account"`
	Reference string `json:"reference"`
	CaseID    string `json:"caseId"`
	// EndedAt is when the case ended: reads of the provider may lag behind its webhook for some minutes from then on.
	EndedAt     time.Time    `json:"endedAt"`
	Attachments []Attachment `json:"attachments,omitempty"`
	// Result says that the result was too large for the outcome and is to be stored as a file.
	Result bool `json:"result,omitempty"`
	// Seq is the number of the case's newest notice.
	Seq int64 `json:"seq,omitempty"`
	// ReplyTo gets the notice "case.files_stored"; nil: nobody does.
	ReplyTo *ReplyTo `json:"replyTo,omitempty"`
}

// CaseFiles is what the workflow "offload-files" returns, and what its query "state" shows meanwhile.
type CaseFiles struct {
	Reference string `json:"reference"`
	CaseID    string `json:"caseId"`
	// Stored are the attachments in the bucket, in the order of the case's; Result is the result, where it was too large for the outcome.
	Stored []StoredFile `json:"stored,omitempty"`
	Result *StoredFile  `json:"result,omitempty"`
	// Unstored are the files that could not be stored.
	Unstored []UnstoredFile `json:"unstored,omitempty"`
	// Pending counts the files that are still to be stored.
	Pending int `json:"pending,omitempty"`
	// NoBucket says that the workers keep no files, so none was stored.
	NoBucket bool `json:"noBucket,omitempty"`
	// Cancelled says why the rest was left out, where a person cancelled it.
	Cancelled string   `json:"cancelled,omitempty"`
	Attention []string `json:"attention,omitempty"`
}

// OffloadFilesWorkflowID is the ID of the workflow that stores the files of the case that a business app calls reference.
func OffloadFilesWorkflowID(reference string) string { return OffloadFilesWorkflow + "/" + reference }
