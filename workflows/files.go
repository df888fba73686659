package workflows

import (
	"errors"
	"time"
)

// Limits of the workflow "offload-files".
const (
	// MaxCaseFiles is the most attachments of a case that are stored. The result does not count.
	MaxCaseFiles = 500
	// MaxAttachmentIDBytes is the longest ID of an attachment that is stored.
	MaxAttachmentIDBytes = 250
)

// FilesStart is the input of the workflow "offload-files", which stores the files of a case after its end.
type FilesStart struct {
	Account   string `json:"account"`
	Reference string `json:"reference"`
	CaseID    string `json:"caseId"`
	// EndedAt is when the case ended. For some minutes after it, the provider's reads may lag behind its webhook. Zero means now.
	EndedAt time.Time `json:"endedAt"`
	// Attachments are stored if their ID is within MaxAttachmentIDBytes and they are among the first MaxCaseFiles. CaseFiles.Omitted counts
	// the others.
	Attachments []Attachment `json:"attachments,omitempty"`
	// Result means that the result was too large for the outcome and must be stored as a file.
	Result bool `json:"result,omitempty"`
	// ReplyTo and Notify are those of the case: they get the notice "case.files_stored".
	ReplyTo *ReplyTo `json:"replyTo,omitempty"`
	Notify  []string `json:"notify,omitempty"`
	// Seq is the number of the case's newest notice. The notice of the files has the same source and gets the next number.
	Seq int64 `json:"seq,omitempty"`
}

// ErrInvalidFilesStart: the input of the workflow "offload-files" is invalid. The message names each field and the fix.
var ErrInvalidFilesStart = errors.New("invalid start of offload-files")

// Validate names every field that can't be used.
func (s FilesStart) Validate() error {
	var c check
	if err := ValidateReference(s.Reference); err != nil {
		c.say("reference: %v", err)
	}
	c.within("account", s.Account, maxFilesIDBytes)
	c.within("caseId", s.CaseID, maxFilesIDBytes)
	if s.ReplyTo != nil {
		c.within("replyTo.workflowId", s.ReplyTo.WorkflowID, MaxWorkflowIDBytes)
		c.within("replyTo.signal", s.ReplyTo.Signal, MaxSignalNameBytes)
	}
	c.notify(s.Notify)
	if s.Seq < 0 {
		c.say("seq: %d is negative: use 0 or more", s.Seq)
	}
	return c.err(ErrInvalidFilesStart)
}

const maxFilesIDBytes = 1000

// FilesStatus is the status of storing a case's files.
type FilesStatus string

// The status is STORING until it is one of the others, which are final.
const (
	FilesStoring FilesStatus = "STORING"
	// FilesStored: each file is in the bucket, or is listed as unstored with the reason.
	FilesStored FilesStatus = "STORED"
	// FilesCancelled: a person stopped the storing; files stored before remain.
	FilesCancelled FilesStatus = "CANCELLED"
	// FilesNoBucket: the workers have no bucket, so no file was stored, and no notice is sent.
	FilesNoBucket FilesStatus = "NO_BUCKET"
)

// Ended reports whether the status is final.
func (s FilesStatus) Ended() bool { return s != FilesStoring }

// AttentionFileDiffers: a stored file has another size or type than the provider reported; CaseFiles says which file.
const AttentionFileDiffers = "file_differs"

// AttentionFilesDelayed: no file could be stored for 15 minutes; storing is retried.
const AttentionFilesDelayed = "files_delayed"

// ErrTypeFilesEnded refuses the update "cancel" of a workflow "offload-files" that has nothing more to store.
const ErrTypeFilesEnded = "SignalboxFilesEnded"

// CaseFiles is the result of the workflow "offload-files", and of its query "state".
type CaseFiles struct {
	Reference string      `json:"reference"`
	CaseID    string      `json:"caseId"`
	Status    FilesStatus `json:"status"`
	// Since is when Status was entered.
	Since time.Time `json:"since"`
	// WaitingFor says in words what happens next, and what a person can do; empty at the end.
	WaitingFor string `json:"waitingFor,omitempty"`
	// Stored are the attachments in the bucket, in the order of the case. Result is the stored result, if it was too large for the outcome.
	Stored []StoredFile `json:"stored,omitempty"`
	Result *StoredFile  `json:"result,omitempty"`
	// Unstored are the files that were not stored. If the workflow stopped waiting for a file during an attempt, the file may still be in
	// the bucket.
	Unstored []UnstoredFile `json:"unstored,omitempty"`
	// Omitted counts the attachments that were not tried: they have no usable ID, or are beyond MaxCaseFiles.
	Omitted int `json:"omitted,omitempty"`
	// Pending counts the files that are not stored yet. At Until the rest become unstored.
	Pending int       `json:"pending,omitempty"`
	Until   time.Time `json:"until,omitzero"`
	// Cancelled is the reason of a person who cancelled the storing.
	Cancelled string   `json:"cancelled,omitempty"`
	Attention []string `json:"attention,omitempty"`
}

// FilesReceipt is the result of the update "cancel" of the workflow "offload-files".
type FilesReceipt struct {
	Status FilesStatus `json:"status"`
}

// OffloadFilesWorkflowID returns the ID of the workflow that stores the files of a case.
func OffloadFilesWorkflowID(reference string) string { return OffloadFilesWorkflow + "/" + reference }
