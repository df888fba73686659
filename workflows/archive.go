package workflows

import "time"

// Activities of the archive, on TaskQueueFiles: they put files of a case into the bucket.
const (
	ActivityArchiveStoreAttachment = "archive.store-attachment" // StoreAttachmentParams → StoredFile
	ActivityArchiveStoreResult     = "archive.store-result"     // StoreResultParams → StoredFile
)

// StoreAttachmentParams is the argument of the activity "archive.store-attachment". The activity asks for a download URL itself, so that
// none stands in a history.
type StoreAttachmentParams struct {
	Account    string     `json:"account"`
	Reference  string     `json:"reference"`
	CaseID     string     `json:"caseId"`
	Attachment Attachment `json:"attachment"`
	// LagUntil is how long the provider's reads may lag behind its webhooks: until then an attachment that it does not know is asked for again.
	LagUntil time.Time `json:"lagUntil,omitzero"`
}

// StoreResultParams is the argument of the activity "archive.store-result", which reads the case and stores its result.
type StoreResultParams struct {
	Account   string `json:"account"`
	Reference string `json:"reference"`
	CaseID    string `json:"caseId"`
	// LagUntil is how long the provider's reads may lag behind its webhooks: until then a result that it does not show is asked for again.
	LagUntil time.Time `json:"lagUntil,omitzero"`
}

// StoredFile says where a file is and what it holds. The same file stored again has the same key.
type StoredFile struct {
	// AttachmentID is empty for a result.
	AttachmentID string `json:"attachmentId,omitempty"`
	// Bucket is the bucket's URL without its options, Key the object's name in it.
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
	// Size is in bytes, of the object.
	Size int64 `json:"size"`
	// SHA256 is in lower-case hexadecimal, of the object's bytes.
	SHA256 string `json:"sha256"`
	// ContentType is the type that the file was served with, or the one that the provider told where the file server named none.
	ContentType string `json:"contentType"`
	// ToldSize is the size that the provider told, where that is not Size. The unit of its sizes is not documented (Offload, "Get case
	// attachment"). Zero where they agree or none was told.
	ToldSize int64 `json:"toldSize,omitempty"`
	// ToldType is the type that the provider told, where that is not ContentType; parameters don't count. Empty where they agree, or where
	// one of them is missing or "application/octet-stream", which says nothing.
	ToldType string `json:"toldType,omitempty"`
}

// Differs says whether the file has another size or type than the provider told.
func (f StoredFile) Differs() bool { return f.ToldSize != 0 || f.ToldType != "" }

// UnstoredFile is a file that could not be stored, and why.
type UnstoredFile struct {
	// AttachmentID is empty for a result.
	AttachmentID string `json:"attachmentId,omitempty"`
	// Name is the attachment's file name, as the counterparty wrote it.
	Name string `json:"name,omitempty"`
	// ErrorType is one of the activity's: ErrTypeArchive… or ErrTypeOffload…; empty where no attempt has said why.
	ErrorType string `json:"errorType,omitempty"`
	Reason    string `json:"reason"`
}

// Types of the errors that the archive's activities fail with, beside those of the provider (ErrTypeOffload…), which pass through.
const (
	// ErrTypeArchiveNoBucket: the worker keeps no files. Final; where it is not configured, nothing else is expected.
	ErrTypeArchiveNoBucket = "ArchiveNoBucket"
	// ErrTypeArchiveTooLarge: the file is over the size cap. Final.
	ErrTypeArchiveTooLarge = "ArchiveTooLarge"
	// ErrTypeArchiveTargetRefused: the download leads to where the worker must not go: a private address, or unencrypted HTTP. Final.
	ErrTypeArchiveTargetRefused = "ArchiveTargetRefused"
	// ErrTypeArchiveInvalid: the case or attachment has no usable ID. Final.
	ErrTypeArchiveInvalid = "ArchiveInvalid"
	// ErrTypeArchiveNoResult: the provider shows no result for the case. Retried until LagUntil, then final.
	ErrTypeArchiveNoResult = "ArchiveNoResult"
	// ErrTypeArchiveDownload: the file could not be fetched. Retried, each time by a fresh URL.
	ErrTypeArchiveDownload = "ArchiveDownload"
	// ErrTypeArchiveDiffers: the file came with another size or type than told. Retried some times, each time by a fresh URL; then it is stored
	// and marked.
	ErrTypeArchiveDiffers = "ArchiveDiffers"
	// ErrTypeArchiveBucket: the bucket could not be read or written. Retried.
	ErrTypeArchiveBucket = "ArchiveBucket"
	// ErrTypeArchiveWorker: the worker could not keep the file while it was fetched: no space, or no folder for it. Retried.
	ErrTypeArchiveWorker = "ArchiveWorker"
)
