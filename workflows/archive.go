package workflows

import "time"

// Activities of the archive, on TaskQueueFiles: they store files of a case in the bucket.
const (
	ActivityArchiveStoreAttachment = "archive.store-attachment" // StoreAttachmentParams → StoredFile
	ActivityArchiveStoreResult     = "archive.store-result"     // StoreResultParams → StoredFile
)

// StoreAttachmentParams is the argument of the activity "archive.store-attachment". The activity requests the download URL itself, so
// that the history never holds one.
type StoreAttachmentParams struct {
	Account    string     `json:"account"`
	Reference  string     `json:"reference"`
	CaseID     string     `json:"caseId"`
	Attachment Attachment `json:"attachment"`
	// LagUntil is until when the provider's reads may lag behind its webhooks. Until then the activity retries an attachment that is not found.
	LagUntil time.Time `json:"lagUntil,omitzero"`
}

// StoreResultParams is the argument of the activity "archive.store-result", which reads the case and stores its result.
type StoreResultParams struct {
	Account   string `json:"account"`
	Reference string `json:"reference"`
	CaseID    string `json:"caseId"`
	// LagUntil is until when the provider's reads may lag behind its webhooks. Until then the activity retries a result that is missing.
	LagUntil time.Time `json:"lagUntil,omitzero"`
}

// StoredFile is a file in the bucket. The same file stored again has the same key.
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
	// ContentType is the type that the file server gave; if it gave none, the type that the provider reported.
	ContentType string `json:"contentType"`
	// ReportedSize is the size that the provider reported, if it differs from Size; else zero. The unit of the provider's sizes is not
	// documented (Offload, "Get case attachment").
	ReportedSize int64 `json:"reportedSize,omitempty"`
	// ReportedType is the type that the provider reported, if it differs from ContentType, parameters aside; else empty. It is empty too if one
	// of the types is missing or "application/octet-stream", which says nothing.
	ReportedType string `json:"reportedType,omitempty"`
}

// Differs reports whether the file has another size or type than the provider reported.
func (f StoredFile) Differs() bool { return f.ReportedSize != 0 || f.ReportedType != "" }

// UnstoredFile is a file that could not be stored.
type UnstoredFile struct {
	// AttachmentID is empty for a result.
	AttachmentID string `json:"attachmentId,omitempty"`
	// Name is the attachment's file name, as the counterparty wrote it.
	Name string `json:"name,omitempty"`
	// ErrorType is one of the activity's error types, ErrTypeArchive… or ErrTypeOffload…; empty if no attempt has reported an error.
	ErrorType string `json:"errorType,omitempty"`
	Reason    string `json:"reason"`
}

// Types of the errors of the archive's activities. Errors of the provider (ErrTypeOffload…) pass through unchanged.
const (
	// ErrTypeArchiveNoBucket: the worker has no bucket configured. Retried, because other workers may have one.
	ErrTypeArchiveNoBucket = "ArchiveNoBucket"
	// ErrTypeArchiveTooLarge: the file is over the size cap. Final.
	ErrTypeArchiveTooLarge = "ArchiveTooLarge"
	// ErrTypeArchiveTargetRefused: the download URL leads to a forbidden target: a private address, or unencrypted HTTP. Final.
	ErrTypeArchiveTargetRefused = "ArchiveTargetRefused"
	// ErrTypeArchiveInvalid: the case or attachment has no usable ID. Final.
	ErrTypeArchiveInvalid = "ArchiveInvalid"
	// ErrTypeArchiveNoResult: the provider shows no result for the case. Retried until LagUntil, then final.
	ErrTypeArchiveNoResult = "ArchiveNoResult"
	// ErrTypeArchiveDownload: the download failed. Retried, each time with a new URL.
	ErrTypeArchiveDownload = "ArchiveDownload"
	// ErrTypeArchiveDiffers: the downloaded file has another size or type than the provider reported. Retried a few times, each time with a
	// new URL; then the file is stored and marked.
	ErrTypeArchiveDiffers = "ArchiveDiffers"
	// ErrTypeArchiveBucket: the bucket could not be read or written. Retried.
	ErrTypeArchiveBucket = "ArchiveBucket"
	// ErrTypeArchiveWorker: the worker could not hold the file during the download: no disk space, or no folder. Retried.
	ErrTypeArchiveWorker = "ArchiveWorker"
)
