// Package group commits the work of many callers together: while one batch is being written, new jobs wait and form the next one. So a disk
// that syncs a thousand times a second serves tens of thousands of callers, and a single caller does not wait.
package group

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

const (
	// Bounds of what may wait and of one batch: jobs, and the sum of their sizes in bytes. A batch of large jobs would keep small ones waiting.
	maxWaiting, maxWaitingBytes = 8192, 64 << 20
	maxBatch, maxBatchBytes     = 512, 8 << 20
)

// Committer merges jobs of type J into batches.
type Committer[J any] struct {
	commit func([]J) []error

	// closing guards jobs against a send after its close; senders share it.
	closing sync.RWMutex
	closed  bool
	jobs    chan *entry[J]
	// most is the bound of a batch in jobs: half of the last batch if that took too long, and more again with each that did not.
	most  int
	bytes atomic.Int64
	done  chan struct{}
}

type entry[J any] struct {
	ctx    context.Context
	job    J
	size   int64
	answer chan error
}

// New starts the goroutine that commits; Close ends it. commit gets at least one job and returns one error for each; it is never called
// concurrently.
func New[J any](commit func([]J) []error) *Committer[J] {
	c := &Committer[J]{commit: commit, jobs: make(chan *entry[J], maxWaiting), most: maxBatch, done: make(chan struct{})}
	go c.run()
	return c
}

// Do has the job committed and returns its error. It returns inbox.ErrBusy at once when too much waits, and when ctx ends first; then the
// job may still be committed, so the caller must not change what it refers to.
func (c *Committer[J]) Do(ctx context.Context, job J, size int64) error {
	e := &entry[J]{ctx: ctx, job: job, size: size, answer: make(chan error, 1)}
	if err := c.enqueue(e); err != nil {
		return err
	}
	select {
	case err := <-e.answer:
		return err
	case <-ctx.Done():
		return busy(ctx)
	}
}

// Retry calls do until its error is neither inbox.ErrBusy nor transient, or ctx ends. do gets the error of the last try, at first nil.
func Retry(ctx context.Context, transient func(error) bool, do func(last error) error) error {
	err := do(nil)
	for pause := 10 * time.Millisecond; err != nil && (errors.Is(err, inbox.ErrBusy) || transient(err)); pause = min(2*pause, 250*time.Millisecond) {
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
		err = do(err)
	}
	return err
}

// Close returns when all accepted jobs are committed. It may be called twice.
func (c *Committer[J]) Close() {
	c.closing.Lock()
	if !c.closed {
		c.closed = true
		close(c.jobs)
	}
	c.closing.Unlock()
	<-c.done
}

func (c *Committer[J]) enqueue(e *entry[J]) error {
	c.closing.RLock()
	defer c.closing.RUnlock()
	if c.closed {
		return inbox.ErrClosed
	}
	// A single job larger than the bound passes when nothing else waits.
	if waiting := c.bytes.Add(e.size); waiting > maxWaitingBytes && waiting > e.size {
		c.bytes.Add(-e.size)
		return fmt.Errorf("%w: %d bytes wait to be written", inbox.ErrBusy, waiting-e.size)
	}
	select {
	case c.jobs <- e:
		return nil
	default:
		c.bytes.Add(-e.size)
		return fmt.Errorf("%w: %d writes wait", inbox.ErrBusy, maxWaiting)
	}
}

func (c *Committer[J]) run() {
	defer close(c.done)
	var batch []*entry[J]
	var jobs []J
	for first := range c.jobs {
		batch, jobs = c.fill(append(batch[:0], first)), jobs[:0]
		live := batch[:0]
		for _, e := range batch {
			c.bytes.Add(-e.size)
			// Do has already returned an error to the caller.
			if e.ctx.Err() != nil {
				e.answer <- busy(e.ctx)
				continue
			}
			live, jobs = append(live, e), append(jobs, e.job)
		}
		if len(jobs) == 0 {
			continue
		}
		c.most = min(c.most+maxBatch/16, maxBatch)
		for i, err := range c.commit(jobs) {
			if errors.Is(err, context.DeadlineExceeded) {
				c.most = max(1, len(jobs)/2)
			}
			live[i].answer <- err
		}
		// Free the memory of a written batch before the next one comes.
		clear(batch)
		clear(jobs)
	}
}

// fill adds jobs that wait, up to the limits of a batch. If none waits, it lets other goroutines run, three times in all: some are about to add
// a job, and one commit for all of them is cheaper.
func (c *Committer[J]) fill(batch []*entry[J]) []*entry[J] {
	for size, pauses := batch[0].size, 0; len(batch) < c.most && size < maxBatchBytes && pauses < 3; {
		select {
		case e, ok := <-c.jobs:
			if !ok {
				return batch
			}
			batch, size = append(batch, e), size+e.size
		default:
			pauses++
			runtime.Gosched()
		}
	}
	return batch
}

func busy(ctx context.Context) error {
	return fmt.Errorf("%w: %w", inbox.ErrBusy, context.Cause(ctx))
}
