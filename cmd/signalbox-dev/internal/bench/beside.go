package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgserver"
	"github.com/signalbox-dev/signalbox/workflows"
)

// Acknowledging beside what must not weigh on it.
const (
	rowStalled = "Signalbox, durable, beside 1,000 stalled senders"
	rowFree    = "Signalbox, PostgreSQL"
	rowLocked  = "Signalbox, PostgreSQL, beside a locked lane"
)

const stalledSenders = 1000

// acceptBesideStalled has connections to an agent that does not exist announce 1 MiB each, send half of it and stall.
func (s *stage) acceptBesideStalled(ctx context.Context, name string, l load) (_ Sample, err error) {
	signalbox, err := startSubject(s.folder, fmt.Sprintf("inbox-%d", s.numbers.Load()), s.keys)
	if err != nil {
		return Sample{}, err
	}
	defer func() { err = errors.Join(err, signalbox.close()) }()
	l.address = signalbox.address()
	closeStalled, err := stall(ctx, l.address, stalledSenders)
	defer closeStalled()
	if err != nil {
		return Sample{}, err
	}
	sample, err := l.run(ctx, name)
	if err != nil {
		return sample, err
	}
	return sample, signalbox.requireStored(ctx, sample.Count)
}

// stall returns when all have sent their half, or as much as the server took.
func stall(ctx context.Context, address string, count int) (closeAll func(), err error) {
	const sendingTime = 5 * time.Second
	half := fmt.Appendf(nil, "POST /webhooks/artmail/nobody HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Artmail-Signature: %064d\r\nContent-Length: %d\r\n\r\n%s",
		0, 1<<20, bytes.Repeat([]byte(" "), 512<<10))
	var connections []net.Conn
	var sending sync.WaitGroup
	defer sending.Wait()
	closeAll = func() {
		for _, c := range connections {
			_ = c.Close() // the server may have cut it
		}
	}
	var dialer net.Dialer
	for range count {
		c, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return closeAll, fmt.Errorf("open %d stalled connections: %w", count, err)
		}
		connections = append(connections, c)
		if err := c.SetWriteDeadline(now().Add(sendingTime)); err != nil {
			return closeAll, err
		}
		sending.Go(func() { _, _ = c.Write(half) })
	}
	return closeAll, nil
}

// lockedWays are acknowledging with an inbox in PostgreSQL, and beside a lane that another session has locked; none where this machine has no
// PostgreSQL. The server is the run's own.
func (s *stage) lockedWays(o Options) ([]way, error) {
	if err := pgserver.Installed(); err != nil {
		o.say("leaving out the locked lane: %v", err)
		return nil, nil
	}
	// Not in the run's own folder, whose path may be too long for a socket. What is compared lies on the same disk.
	folder, err := os.MkdirTemp("", "signalbox-bench-")
	if err != nil {
		return nil, fmt.Errorf("folder for PostgreSQL: %w", err)
	}
	s.stopDatabase = func() error { return os.RemoveAll(folder) }
	server, err := pgserver.Make(folder)
	if err != nil {
		return nil, err
	}
	if err := server.Start(); err != nil {
		return nil, err
	}
	s.stopDatabase = func() error { return errors.Join(server.End(syscall.SIGINT), os.RemoveAll(folder)) }
	address := server.URL("postgres")
	return []way{
		{rowFree, func(ctx context.Context, name string, l load) (Sample, error) {
			return s.acceptInPostgres(ctx, name, l, address, false)
		}, manyConnections},
		{rowLocked, func(ctx context.Context, name string, l load) (Sample, error) {
			return s.acceptInPostgres(ctx, name, l, address, true)
		}, manyConnections},
	}, nil
}

func (s *stage) acceptInPostgres(ctx context.Context, name string, l load, address string, locked bool) (_ Sample, err error) {
	store, err := postgres.Open(ctx, address, postgres.Options{})
	if err != nil {
		return Sample{}, err
	}
	signalbox, err := serveSubject(store, s.keys)
	if err != nil {
		return Sample{}, err
	}
	defer func() { err = errors.Join(err, signalbox.close()) }()
	l.address = signalbox.address()
	if locked {
		release, err := s.lockLane(ctx, address, l.address)
		if err != nil {
			return Sample{}, err
		}
		defer release()
	}
	before, err := signalbox.stored(ctx)
	if err != nil {
		return Sample{}, err
	}
	sample, err := l.run(ctx, name)
	if err != nil {
		return sample, err
	}
	after, err := signalbox.stored(ctx)
	if err == nil && after-before != int64(sample.Count) {
		err = fmt.Errorf("%s: acknowledged %d events, the inbox has %d", name, sample.Count, after-before)
	}
	return sample, err
}

// lockedCase is the number of a case that nothing else posts to.
const lockedCase = 999_999

// lockLane locks a lane and its delivery as another session does, and has a sender post that delivery again and again as long as they are
// locked: each waits for the lock to be counted.
func (s *stage) lockLane(ctx context.Context, address, ingress string) (release func(), err error) {
	event := caseRequest(s.keys, lockedCase, new(atomic.Int64))
	post := func() error {
		c, err := dial(ctx, ingress)
		if err != nil {
			return err
		}
		event.count.Store(0) // the same event each time
		return errors.Join(c.post(event), c.conn.Close())
	}
	if err := post(); err != nil {
		return nil, err
	}
	session, err := pgx.Connect(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("lock a lane: %w", err)
	}
	locked, lane := 0, "'"+workflows.OffloadCaseWorkflowID(reference(lockedCase))+"'"
	for _, statement := range []string{
		"BEGIN",
		"SELECT FROM inbox_delivery WHERE lane = " + lane + " FOR UPDATE",
		// There is a row where a relay has claimed it before.
		"SELECT FROM inbox_lane WHERE lane_key IN (SELECT lane_key FROM inbox_delivery WHERE lane = " + lane + ") FOR UPDATE",
	} {
		tag, err := session.Exec(ctx, statement)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("lock a lane: %w", err), session.Close(ctx))
		}
		locked += int(tag.RowsAffected())
	}
	if locked == 0 {
		return nil, errors.Join(errors.New("lock a lane: it has no delivery"), session.Close(ctx))
	}
	var over atomic.Bool
	var stuck sync.WaitGroup
	stuck.Go(func() {
		for !over.Load() && ctx.Err() == nil {
			_ = post() // it is refused once its budget is over
		}
	})
	return func() {
		over.Store(true)
		_ = session.Close(context.WithoutCancel(ctx)) // which ends the transaction
		stuck.Wait()
	}, nil
}
