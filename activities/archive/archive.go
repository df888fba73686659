package archive

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Provider is who has the files. Its calls are made under an activity's context, and their errors are what the activity fails with: they must
// be translated already, and hold no download URL.
type Provider interface {
	// Link makes a temporary URL for an attachment. expires is zero where it isn't known.
	Link(ctx context.Context, account, caseID, attachmentID string) (url string, expires time.Time, err error)
	// Result is the JSON of a case's result, nil where it has none.
	Result(ctx context.Context, account, caseID string) ([]byte, error)
}

// defaultMaxBytes is the size cap: mail servers let far less through.
const defaultMaxBytes = 100 << 20

// Beat is how often a running activity tells the server that its worker lives.
const Beat = 10 * time.Second

// Config is what the activities need.
type Config struct {
	// Bucket is where files go. Nil: no files are kept, and the activities fail with ArchiveNoBucket. It stays its owner's to close.
	Bucket *Bucket
	// Provider is required where there is a bucket.
	Provider Provider
	// MaxBytes is the largest file that is stored. 0: 100 MiB.
	MaxBytes int64
	// AllowPrivate lets downloads lead to private, link-local and loopback addresses: for simulators and private networks. With it, and only
	// then, the proxy of the environment is used, since nobody here sees which addresses a proxy goes to.
	AllowPrivate bool
	// AllowPlainHTTP lets downloads travel unencrypted.
	AllowPlainHTTP bool
	// Folder is where a file is kept while it is fetched, each of up to MaxBytes. Default: the system's folder for temporary files.
	Folder string
	// Now is the clock against which a URL's expiry is read. Required where there is a bucket.
	Now func() time.Time
}

// Activities are the archive's activities.
type Activities struct {
	bucket         *Bucket
	provider       Provider
	maxBytes       int64
	allowPlainHTTP bool
	folder         string
	now            func() time.Time
	transport      *http.Transport
	// stall is how long a download may bring nothing, beat how often the server hears of it.
	stall, beat time.Duration
}

// New returns the activities, or an error that names everything in the configuration that can't be used.
func New(cfg Config) (*Activities, error) {
	var wrong []error
	if cfg.Bucket != nil {
		if cfg.Provider == nil {
			wrong = append(wrong, errors.New("provider: it is missing"))
		}
		if cfg.Now == nil {
			wrong = append(wrong, errors.New("clock: it is missing"))
		}
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = defaultMaxBytes
	}
	if cfg.MaxBytes < 0 {
		wrong = append(wrong, fmt.Errorf("max bytes: %d is negative", cfg.MaxBytes))
	}
	if len(wrong) > 0 {
		return nil, fmt.Errorf("archive activities: %w", errors.Join(wrong...))
	}
	return &Activities{
		bucket:         cfg.Bucket,
		provider:       cfg.Provider,
		maxBytes:       cfg.MaxBytes,
		allowPlainHTTP: cfg.AllowPlainHTTP,
		folder:         cfg.Folder,
		now:            cfg.Now,
		transport:      newTransport(cfg.AllowPrivate),
		stall:          30 * time.Second,
		beat:           Beat,
	}, nil
}

// Register registers the activities by the contract's names.
func (a *Activities) Register(registry worker.ActivityRegistry) {
	registry.RegisterActivityWithOptions(a.StoreAttachment, activity.RegisterOptions{Name: workflows.ActivityArchiveStoreAttachment})
	registry.RegisterActivityWithOptions(a.StoreResult, activity.RegisterOptions{Name: workflows.ActivityArchiveStoreResult})
}

// Close drops idle connections. Downloads under way go on.
func (a *Activities) Close() { a.transport.CloseIdleConnections() }
