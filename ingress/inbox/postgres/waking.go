package postgres

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

const (
	channel = "signalbox_inbox"
	// tellPause is between two notifications: a busy process tells the others a few dozen times a second, not once for each batch.
	tellPause   = 25 * time.Millisecond
	tellTimeout = 5 * time.Second
	// askAfter is how long the listener hears nothing before it asks whether the server is still there.
	askAfter   = 30 * time.Second
	askTimeout = 5 * time.Second
	firstPause = 100 * time.Millisecond
	mostPause  = 5 * time.Second
)

// notify is a transaction of its own: NOTIFY takes a lock that all who notify wait for until their commit is on disk, and so would
// make the appends of all replicas one queue. This one waits for no disk.
const notify = `SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)`

// waking wakes this process and the others. Between the end of a transaction and the notification lies a moment in which a process
// can die; then the others find what is due when they next claim.
type waking struct {
	wake chan struct{}
	// self is by which a process knows its own notifications.
	self    string
	pool    *pgxpool.Pool
	tell    chan struct{}
	closing chan struct{}
	stop    context.CancelFunc
	tells   sync.WaitGroup
	hears   sync.WaitGroup
}

// newWaking starts to listen. It has heard whatever comes after it returns, as long as the connection lasts.
func newWaking(pool *pgxpool.Pool) (*waking, error) {
	self, err := inbox.NewID()
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	w := &waking{wake: make(chan struct{}, 1), self: self, pool: pool, tell: make(chan struct{}, 1), closing: make(chan struct{}), stop: stop}
	conn, err := w.listen(ctx)
	if err != nil {
		stop()
		return nil, err
	}
	w.tells.Go(w.tellAll)
	w.hears.Go(func() { w.hearAll(ctx, conn) })
	return w, nil
}

// signal wakes whoever claims here, and soon whoever claims elsewhere.
func (w *waking) signal() {
	w.here()
	select {
	case w.tell <- struct{}{}:
	default:
	}
}

func (w *waking) here() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// close tells what is still to be told.
func (w *waking) close() {
	close(w.closing)
	w.tells.Wait()
	w.stop()
	w.hears.Wait()
}

func (w *waking) tellAll() {
	for {
		select {
		case <-w.tell:
			w.tellOthers()
		case <-w.closing:
			select {
			case <-w.tell:
				w.tellOthers()
			default:
			}
			return
		}
		select {
		case <-time.After(tellPause):
		case <-w.closing:
		}
	}
}

// tellOthers gives a hint. One that can't be given costs the others a moment; that the server is away is seen by whoever writes.
func (w *waking) tellOthers() {
	ctx, cancel := context.WithTimeout(context.Background(), tellTimeout)
	defer cancel()
	_, _ = w.pool.Exec(ctx, notify, channel, w.self)
}

// listen makes the connection that hears; it is not one of the pool.
func (w *waking) listen(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	config := w.pool.Config()
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		hangUp(conn)
		return nil, fmt.Errorf("listen: %w", err)
	}
	return conn, nil
}

// hearAll wakes this process whenever another one tells, and connects again where the connection is lost.
func (w *waking) hearAll(ctx context.Context, conn *pgx.Conn) {
	for pause := firstPause; ctx.Err() == nil; {
		if conn != nil {
			w.hear(ctx, conn)
			hangUp(conn)
			pause = firstPause
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, mostPause)
		var err error
		if conn, err = w.listen(ctx); err == nil {
			// Whatever was told meanwhile was not heard.
			w.here()
		}
	}
	if conn != nil {
		hangUp(conn)
	}
}

// hear returns when the connection is of no more use.
func (w *waking) hear(ctx context.Context, conn *pgx.Conn) {
	for {
		quiet, cancel := context.WithTimeout(ctx, askAfter)
		heard, err := conn.WaitForNotification(quiet)
		silence := quiet.Err() != nil && ctx.Err() == nil
		cancel()
		switch {
		case err == nil:
			// What this process did it knows.
			if heard.Payload != w.self {
				w.here()
			}
		case silence && !conn.IsClosed():
			asking, cancel := context.WithTimeout(ctx, askTimeout)
			err := conn.Ping(asking)
			cancel()
			if err != nil {
				return
			}
		default:
			return
		}
	}
}

// hangUp is for a connection that is done with; how its end goes changes nothing.
func hangUp(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx)
}
