package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/sqlstore"
)

const (
	// firstPause and lastPause are between the tries of an append.
	firstPause, lastPause = 10 * time.Millisecond, 250 * time.Millisecond
	// lockedFor is how long a lane that was found locked is kept out of shared batches. Each try that finds it locked prolongs that.
	lockedFor = time.Second
	// atOnce is how many appends of a failed batch are tried at a time, mostLocked how many may wait for a lock in vain before the
	// rest is given up: then it is no lane that is locked.
	atOnce, mostLocked = 4, 8
)

// job is one caller's append.
type job []*sqlstore.Delivery

// Append implements sqlstore.Database. A repeated try finds what an earlier one has stored, though the answer of its commit was lost.
func (d *database) Append(ctx context.Context, rows []*sqlstore.Delivery, size int64) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		queue := d.shared
		if d.locked.holds(rows) {
			queue = d.apart
		}
		err := queue.Do(ctx, rows, size)
		if !errors.Is(err, errTransient) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// commit writes a batch in one transaction, or where one append or one lock may have failed it, each append in its own.
func (d *database) commit(batch []job) []error {
	err := d.write(batch)
	if len(batch) > 1 && (errors.Is(err, inbox.ErrIDTaken) || hasState(err, singleStates...)) {
		return d.commitApart(batch)
	}
	return slices.Repeat([]error{err}, len(batch))
}

// commitApart writes each append of a batch in its own transaction. Of those to a lane that is locked, few wait for the lock.
func (d *database) commitApart(batch []job) []error {
	errs := make([]error, len(batch))
	var locked lockedLanes
	var waits atomic.Int64
	var tries errgroup.Group
	tries.SetLimit(atOnce)
	for i, j := range batch {
		tries.Go(func() error {
			if waits.Load() >= mostLocked || locked.holds(j) {
				errs[i] = fmt.Errorf("%w: another append waits for it", errTransient)
				return nil
			}
			if errs[i] = d.write(batch[i : i+1]); hasState(errs[i], lockTimeout) {
				waits.Add(1)
				if len(j) == 1 {
					locked.add(j)
				}
			}
			return nil
		})
	}
	_ = tries.Wait() // each has its own error
	return errs
}

// write stores the rows of a batch, all or none. It runs without the callers' contexts: one that leaves must not interrupt the others.
func (d *database) write(batch []job) error {
	rows := slices.Concat(batch...)
	err := d.transact(context.Background(), mode{}, func(t sqlstore.Tx) error { return d.store.AppendTo(t, rows) })
	if len(batch) == 1 && hasState(err, lockTimeout) {
		d.locked.add(batch[0])
	}
	switch {
	case err == nil:
		d.store.Appended(rows)
	case isTransient(err):
		return fmt.Errorf("%w: %w", errTransient, err)
	}
	return err
}

// lockedLanes are the lanes, and outside of lanes the keys, whose locks an append has waited for in vain.
type lockedLanes struct{ marks sync.Map }

func (l *lockedLanes) holds(j job) bool {
	return slices.ContainsFunc(j, func(d *sqlstore.Delivery) bool {
		_, held := l.marks.Load(lockOf(d))
		return held
	})
}

func (l *lockedLanes) add(j job) {
	for _, d := range j {
		name, mark := lockOf(d), new(int) // the last mark decides when the name goes
		l.marks.Store(name, mark)
		time.AfterFunc(lockedFor, func() { l.marks.CompareAndDelete(name, mark) })
	}
}

func lockOf(d *sqlstore.Delivery) string {
	if d.State == inbox.StatePending {
		return d.Lane
	}
	return cmp.Or(d.DedupeKey, d.ID)
}
