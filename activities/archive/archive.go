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

// Provider is the source of the files. Its methods get an activity's context. The activity returns their errors, so the errors must already be
// types of the contract and must not contain the download URL.
type Provider interface {
	// Link returns a temporary URL of an attachment. expires is zero if it is not known.
	Link(ctx context.Context, account, caseID, attachmentID string) (url string, expires time.Time, err error)
	// Result returns a case's result as JSON; nil if it has none.
	Result(ctx context.Context, account, caseID string) ([]byte, error)
}

// defaultMaxBytes is the default of Config.MaxBytes, far more than mail servers accept.
const defaultMaxBytes = 100 << 20

// defaultHeartbeat is the interval of an activity's heartbeats.
const defaultHeartbeat = 10 * time.Second

// Config holds the dependencies and limits of the activities.
type Config struct {
	// Bucket gets the files. Without one, the activities fail with ArchiveNoBucket. The caller closes it.
	Bucket *Bucket
	// Provider is required with a bucket.
	Provider Provider
	// MaxBytes is the largest file that is stored. 0: 100 MiB.
	MaxBytes int64
	// AllowPrivate allows downloads from private, link-local and loopback addresses, for simulators and private networks. Only with it is the
	// proxy of the environment used, because the address check can't see the addresses behind a proxy.
	AllowPrivate bool
	// AllowPlainHTTP allows unencrypted downloads.
	AllowPlainHTTP bool
	// Folder is where a file is kept during its download, each of up to MaxBytes. Default: the system's folder for temporary files.
	Folder string
	// Now is the clock with which the expiry of a URL is compared. Required with a bucket.
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
	// stall is how long a download may bring no byte; heartbeatInterval is the interval of heartbeats.
	stall, heartbeatInterval time.Duration
}

// New returns the activities, or an error with all mistakes in the configuration.
func New(cfg Config) (*Activities, error) {
	var wrong []error
	if cfg.Bucket != nil {
		if cfg.Provider == nil {
			wrong = append(wrong, errors.New("provider: missing"))
		}
		if cfg.Now == nil {
			wrong = append(wrong, errors.New("clock: missing"))
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
		bucket:            cfg.Bucket,
		provider:          cfg.Provider,
		maxBytes:          cfg.MaxBytes,
		allowPlainHTTP:    cfg.AllowPlainHTTP,
		folder:            cfg.Folder,
		now:               cfg.Now,
		transport:         newTransport(cfg.AllowPrivate),
		stall:             30 * time.Second,
		heartbeatInterval: defaultHeartbeat,
	}, nil
}

// Register registers the activities by the contract's names.
func (a *Activities) Register(registry worker.ActivityRegistry) {
	registry.RegisterActivityWithOptions(a.StoreAttachment, activity.RegisterOptions{Name: workflows.ActivityArchiveStoreAttachment})
	registry.RegisterActivityWithOptions(a.StoreResult, activity.RegisterOptions{Name: workflows.ActivityArchiveStoreResult})
}

// Close drops idle connections. Downloads under way go on.
func (a *Activities) Close() { a.transport.CloseIdleConnections() }

// storeFile makes one attempt to store a file: it calls put, unless the bucket has the file already.
func storeFile[P any](ctx context.Context, a *Activities, p P, keyOf func(P) (string, error), put func(*attempt, string, P) (object, error)) (workflows.StoredFile, object, error) {
	attempt, end := a.begin(ctx)
	defer end()
	if a.bucket == nil {
		return workflows.StoredFile{}, object{}, failure(ctx, errNoBucket)
	}
	key, err := keyOf(p)
	if err != nil {
		return workflows.StoredFile{}, object{}, failure(ctx, err)
	}
	o, found, err := a.bucket.find(attempt, key)
	if err == nil && !found {
		o, err = put(attempt, key, p)
	}
	if err != nil {
		return workflows.StoredFile{}, object{}, failure(ctx, err)
	}
	return a.bucket.stored(key, o), o, nil
}
