package workflows

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
}

// StoreResultParams is the argument of the activity "archive.store-result", which reads the case and stores its result.
type StoreResultParams struct {
	Account   string `json:"account"`
	Reference string `json:"reference"`
	CaseID    string `json:"caseId"`
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
	SHA256      string `json:"sha256"`
	ContentType string `json:"contentType"`
	// ToldSize is what the provider said where that is not Size. The unit of its sizes is not documented (Offload, "Get case attachment"), so
	// this is no error; zero where they agree or it said none.
	ToldSize int64 `json:"toldSize,omitempty"`
}

// UnstoredFile is a file that could not be stored, and why.
type UnstoredFile struct {
	// AttachmentID is empty for a result.
	AttachmentID string `json:"attachmentId,omitempty"`
	// ErrorType is one of the activity's: ErrTypeArchive… or ErrTypeOffload…; empty where none was told in time.
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
	// ErrTypeArchiveNoResult: the provider shows no result for the case. Final.
	ErrTypeArchiveNoResult = "ArchiveNoResult"
	// ErrTypeArchiveDownload: the file could not be fetched. Retried, each time by a fresh URL.
	ErrTypeArchiveDownload = "ArchiveDownload"
	// ErrTypeArchiveBucket: the bucket could not be read or written. Retried.
	ErrTypeArchiveBucket = "ArchiveBucket"
	// ErrTypeArchiveWorker: the worker could not keep the file while it was fetched: no space, or no folder for it. Retried.
	ErrTypeArchiveWorker = "ArchiveWorker"
)
