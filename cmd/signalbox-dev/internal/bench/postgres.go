package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgserver"
	"github.com/signalbox-dev/signalbox/ingress/loadtest"
	"github.com/signalbox-dev/signalbox/workflows"
)

// postgresVariants acknowledge with the inbox in a PostgreSQL of the run, and there beside a lane that another session has locked; none where
// this machine has no PostgreSQL.
func (s *stage) postgresVariants(o Options) ([]variant, error) {
	if err := pgserver.Installed(); err != nil {
		o.say("leaving out PostgreSQL: %v", err)
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
	open := func(ctx context.Context) (inbox.Store, error) { return postgres.Open(ctx, address, postgres.Options{}) }
	locked := func(ctx context.Context, on *receiver) (func() error, error) { return lockLane(ctx, address, on) }
	return []variant{
		{rowPostgres, s.signalbox(open, nil), manyConnections},
		{rowLocked, s.signalbox(open, locked), manyConnections},
	}, nil
}

// lockedCase is the number of a case that no other connection posts to.
const lockedCase = 999_999

// lockLane locks a lane and its delivery as another session does, and has a sender post that delivery again and again as long as they are
// locked: each waits for the lock to be counted.
func lockLane(ctx context.Context, address string, on *receiver) (release func() error, err error) {
	var number atomic.Int64
	event := loadtest.ForCase(on.keys, lockedCase, &number)
	post := func() error {
		c, err := loadtest.Dial(ctx, on.address())
		if err != nil {
			return err
		}
		number.Store(0) // the same event each time
		return errors.Join(c.Post(event), c.Close())
	}
	if err := post(); err != nil {
		return nil, err
	}
	session, err := pgx.Connect(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("lock a lane: %w", err)
	}
	locked, lane := 0, "'"+workflows.OffloadCaseWorkflowID(loadtest.Reference(lockedCase))+"'"
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
	return func() error {
		over.Store(true)
		err := session.Close(context.WithoutCancel(ctx)) // which ends the transaction
		stuck.Wait()
		return err
	}, nil
}
