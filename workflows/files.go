package workflows

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Limits of the workflow "offload-files".
const (
	// MaxCaseFiles is the number of attachments of a case that are stored. The result comes on top.
	MaxCaseFiles = 500
	// MaxAttachmentIDBytes is the longest ID of an attachment that is stored.
	MaxAttachmentIDBytes = 250
)

// FilesStart is the input of the workflow "offload-files", which stores the files of a case after its end.
type FilesStart struct {
	Account   string `json:"account"`
	Reference string `json:"reference"`
	CaseID    string `json:"caseId"`
	// EndedAt is when the case ended: reads of the provider may lag behind its webhook for some minutes from then on. Zero means that the
	// case has just ended.
	EndedAt time.Time `json:"endedAt"`
	// Attachments are stored if they have an ID within MaxAttachmentIDBytes and are among the first MaxCaseFiles. CaseFiles.Omitted counts
	// the others.
	Attachments []Attachment `json:"attachments,omitempty"`
	// Result says that the result was too large for the outcome and is to be stored as a file.
	Result bool `json:"result,omitempty"`
	// ReplyTo and Notify are the case's: they get the notice "case.files_stored".
	ReplyTo *ReplyTo `json:"replyTo,omitempty"`
	Notify  []string `json:"notify,omitempty"`
	// Seq is the number of the case's newest notice. The notice of the files, which has the same source, gets the next one.
	Seq int64 `json:"seq,omitempty"`
}

// ErrInvalidFilesStart says that a start of the workflow "offload-files" can't be carried out; the message names each field and the fix.
var ErrInvalidFilesStart = errors.New("invalid start of offload-files")

// Validate names every field that can't be used.
func (s FilesStart) Validate() error {
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if err := ValidateReference(s.Reference); err != nil {
		say("reference: %v", err)
	}
	within := func(name, value string, most int) {
		switch {
		case value == "":
			say("%s: it is required", name)
		case len(value) > most:
			say("%s: %d bytes, at most %d", name, len(value), most)
		}
	}
	within("account", s.Account, maxFilesIDBytes)
	within("caseId", s.CaseID, maxFilesIDBytes)
	if s.ReplyTo != nil {
		within("replyTo.workflowId", s.ReplyTo.WorkflowID, maxFilesTargetBytes)
		within("replyTo.signal", s.ReplyTo.Signal, maxFilesTargetBytes)
	}
	if err := ValidateNotify(s.Notify); err != nil {
		say("%v", err)
	}
	if s.Seq < 0 {
		say("seq: %d is negative", s.Seq)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%w: %s", ErrInvalidFilesStart, strings.Join(wrong, "; "))
	}
	return nil
}

const (
	maxFilesIDBytes     = 1000
	maxFilesTargetBytes = 1000 // Temporal's limit of a workflow ID
)

// FilesStatus is where the storing of a case's files stands.
type FilesStatus string

// Files are being STORING until one of the others, which are final.
const (
	FilesStoring FilesStatus = "STORING"
	// FilesStored: each file is in the bucket, or is listed as unstored with the reason.
	FilesStored FilesStatus = "STORED"
	// FilesCancelled: a person stopped it; what had been stored stays.
	FilesCancelled FilesStatus = "CANCELLED"
	// FilesNoBucket: the workers keep no files, so none was stored and no notice is made.
	FilesNoBucket FilesStatus = "NO_BUCKET"
)

// Ended says whether the status is final.
func (s FilesStatus) Ended() bool { return s != FilesStoring }

// AttentionFileDiffers: a stored file has another size or type than the provider told; CaseFiles says which.
const AttentionFileDiffers = "file_differs"

// AttentionFilesDelayed: for 15 minutes no file could be stored; it is tried again.
const AttentionFilesDelayed = "files_delayed"

// ErrTypeFilesEnded refuses the update "cancel" of a workflow "offload-files" that has nothing left to store.
const ErrTypeFilesEnded = "SignalboxFilesEnded"

// CaseFiles is what the workflow "offload-files" returns, and what its query "state" shows meanwhile.
type CaseFiles struct {
	Reference string      `json:"reference"`
	CaseID    string      `json:"caseId"`
	Status    FilesStatus `json:"status"`
	// Since is when Status was entered.
	Since time.Time `json:"since"`
	// WaitingFor says in words what happens next and who can make it happen; empty once it is done.
	WaitingFor string `json:"waitingFor,omitempty"`
	// Stored are the attachments in the bucket, in the order of the case's; Result is the result, where it was too large for the outcome.
	Stored []StoredFile `json:"stored,omitempty"`
	Result *StoredFile  `json:"result,omitempty"`
	// Unstored are the files that were not stored. One that was under way when the workflow stopped waiting for it may be in the bucket
	// nevertheless.
	Unstored []UnstoredFile `json:"unstored,omitempty"`
	// Omitted counts the attachments that were not asked for: they have no usable ID, or are more than MaxCaseFiles.
	Omitted int `json:"omitted,omitempty"`
	// Pending counts the files that are still to be stored. Those that are not stored until Until are listed as unstored.
	Pending int       `json:"pending,omitempty"`
	Until   time.Time `json:"until,omitzero"`
	// NoBucket says that the workers keep no files, so none was stored.
	NoBucket bool `json:"noBucket,omitempty"`
	// Cancelled says why the rest was left out, where a person cancelled it.
	Cancelled string   `json:"cancelled,omitempty"`
	Attention []string `json:"attention,omitempty"`
}

// FilesReceipt answers the update "cancel" of the workflow "offload-files".
type FilesReceipt struct {
	Status FilesStatus `json:"status"`
}

// OffloadFilesWorkflowID is the ID of the workflow that stores the files of the case that a business app calls reference.
func OffloadFilesWorkflowID(reference string) string { return OffloadFilesWorkflow + "/" + reference }
