package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"

	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/health"
	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres"
)

// openingInbox is an inbox that opens while the process already listens: its database may be away, or a migration may take minutes. Until then
// Append waits as long as its context allows, and the other methods fail with inbox.ErrBusy.
type openingInbox struct {
	where string
	open  func(context.Context) (inbox.Store, error)
	log   *zap.Logger

	// opened is closed when store is set.
	opened chan struct{}
	store  inbox.Store

	mu sync.Mutex
	// failed is the error of the last try to open; nil if no try has failed.
	failed error
}

func newOpeningInbox(where string, log *zap.Logger) *openingInbox {
	return &openingInbox{
		where:  where,
		open:   func(ctx context.Context) (inbox.Store, error) { return storage.Open(ctx, where, log) },
		log:    log,
		opened: make(chan struct{}),
	}
}

// run tries to open the inbox until it succeeds or ctx ends; then it returns nil. It fails for a wrong setting only.
func (l *openingInbox) run(ctx context.Context) (inbox.Store, error) {
	if info, err := os.Stat(l.where); err == nil && info.IsDir() && !postgres.IsAddress(l.where) {
		return nil, fmt.Errorf("%w: --inbox (SIGNALBOX_INBOX): %s is a folder: name a file in it", setting.ErrWrong, l.where)
	}
	l.log.Info("inbox opens", zap.String("inbox", storage.Name(l.where)))
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		store, err := l.open(ctx)
		switch {
		case err == nil:
			l.store = store
			close(l.opened)
			return store, nil
		case ctx.Err() != nil:
			return nil, nil
		case l.wrong(err):
			return nil, fmt.Errorf("%w: --inbox (SIGNALBOX_INBOX): %w", setting.ErrWrong, err)
		}
		l.mu.Lock()
		l.failed = err
		l.mu.Unlock()
		if !health.Sleep(ctx, health.Jitter(pause)) {
			return nil, nil
		}
	}
}

// wrong reports whether an error means a wrong setting, so that another try can't succeed. A server that is away, a full disk and a lock do not.
func (l *openingInbox) wrong(err error) bool {
	if errors.Is(err, inbox.ErrNewer) {
		return true
	}
	if postgres.IsAddress(l.where) {
		return false
	}
	const notADatabase = 26 // SQLITE_NOTADB
	var sqlite interface {
		error
		Code() int
	}
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOTDIR) ||
		errors.As(err, &sqlite) && sqlite.Code() == notADatabase
}

// check is the probe of the inbox. server knows whether the last webhook was stored.
func (l *openingInbox) check(ctx context.Context, server *ingress.Server) error {
	if _, err := l.current(); err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		switch {
		case l.failed == nil:
			return &health.Problem{Text: "the inbox is not open yet", Fix: "wait: changing the tables of a large inbox takes minutes", Follows: true}
		case errors.Is(l.failed, postgres.ErrUnsuitable):
			return &health.Problem{Text: "the PostgreSQL server can't hold the inbox", Fix: "the log says which of its settings to change", Cause: l.failed}
		default:
			return &health.Problem{Text: "the inbox can't be opened", Fix: l.fix(), Cause: l.failed}
		}
	}
	err := server.CheckInbox(ctx)
	switch {
	case errors.Is(err, ingress.ErrNotStored):
		return &health.Problem{Text: ingress.ErrNotStored.Error(), Fix: l.fix(), Cause: err}
	case err != nil:
		return &health.Problem{Text: ingress.ErrInboxAway.Error(), Fix: l.fix(), Cause: err}
	}
	return nil
}

func (l *openingInbox) fix() string {
	if postgres.IsAddress(l.where) {
		return "see that PostgreSQL runs and lets this process in, and that --inbox (SIGNALBOX_INBOX) names it; the log says more"
	}
	return "see that the disk has room and the file that --inbox (SIGNALBOX_INBOX) names is there; the log says more"
}

// current returns the store, or inbox.ErrBusy if it is not open yet.
func (l *openingInbox) current() (inbox.Store, error) {
	select {
	case <-l.opened:
		return l.store, nil
	default:
		return nil, fmt.Errorf("%w: it is not open yet", inbox.ErrBusy)
	}
}

// Append implements ingress.Inbox.
func (l *openingInbox) Append(ctx context.Context, deliveries []inbox.Delivery) ([]inbox.Receipt, error) {
	select {
	case <-l.opened:
	case <-ctx.Done():
	}
	store, err := l.current()
	if err != nil {
		return nil, err
	}
	return store.Append(ctx, deliveries)
}

// Trim implements ingress.Inbox.
func (l *openingInbox) Trim(ctx context.Context, request inbox.TrimRequest) (int, error) {
	store, err := l.current()
	if err != nil {
		return 0, err
	}
	return store.Trim(ctx, request)
}

// List implements ingress.Inbox.
func (l *openingInbox) List(ctx context.Context, filter inbox.Filter) (inbox.Page, error) {
	store, err := l.current()
	if err != nil {
		return inbox.Page{}, err
	}
	return store.List(ctx, filter)
}

// Check implements ingress.Inbox.
func (l *openingInbox) Check(ctx context.Context) error {
	store, err := l.current()
	if err != nil {
		return err
	}
	return store.Check(ctx)
}

// close closes the store. Call it after run and all writers have ended.
func (l *openingInbox) close() {
	if store, err := l.current(); err == nil {
		if err := store.Close(); err != nil {
			l.log.Error("close inbox", zap.Error(err))
		}
	}
}
