package group_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/group"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// disk is a commit that the test holds and lets go.
type disk struct {
	begun chan []string
	write chan error
}

func newDisk() *disk { return &disk{begun: make(chan []string, 100), write: make(chan error, 100)} }

func (d *disk) commit(jobs []string) []error {
	d.begun <- append([]string(nil), jobs...)
	err := <-d.write
	errs := make([]error, len(jobs))
	for i := range errs {
		errs[i] = err
	}
	return errs
}

func start(t *testing.T, limits group.Limits) (*group.Committer[string], *disk) {
	t.Helper()
	d := newDisk()
	c := group.New(limits, d.commit)
	t.Cleanup(func() {
		close(d.write)
		c.Close()
	})
	return c, d
}

var roomy = group.Limits{Waiting: 100, WaitingBytes: 1000, BatchJobs: 100, BatchBytes: 1000}

// do has a job committed in the background.
func do(c *group.Committer[string], ctx context.Context, job string, size int64) <-chan error {
	answer := make(chan error, 1)
	go func() { answer <- c.Do(ctx, job, size) }()
	return answer
}

// fill puts jobs into the queue while the disk is held, one after the other.
func fill(t *testing.T, c *group.Committer[string], jobs []string, size int64) []<-chan error {
	t.Helper()
	var answers []<-chan error
	for i, job := range jobs {
		answers = append(answers, do(c, context.Background(), job, size))
		require.Eventually(t, func() bool { return c.Waiting() == i+1 }, 10*time.Second, time.Millisecond)
	}
	return answers
}

func TestWhatWaitsDuringACommitBecomesOneBatch(t *testing.T) {
	t.Parallel()
	c, d := start(t, roomy)
	first := do(c, context.Background(), "first", 1)
	require.Equal(t, []string{"first"}, <-d.begun)
	answers := fill(t, c, []string{"a", "b", "c"}, 1)
	d.write <- nil
	require.NoError(t, <-first)
	require.Equal(t, []string{"a", "b", "c"}, <-d.begun)
	d.write <- errors.New("disk full")
	for _, answer := range answers {
		require.EqualError(t, <-answer, "disk full")
	}
	again := do(c, context.Background(), "again", 1)
	require.Equal(t, []string{"again"}, <-d.begun)
	d.write <- nil
	require.NoError(t, <-again, "a failure is its batch's alone")
}

func TestABatchKeepsToItsLimits(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]group.Limits{
		"jobs":  {Waiting: 100, WaitingBytes: 1000, BatchJobs: 2, BatchBytes: 1000},
		"bytes": {Waiting: 100, WaitingBytes: 1000, BatchJobs: 100, BatchBytes: 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, d := start(t, limits)
			do(c, context.Background(), "first", 1)
			<-d.begun
			fill(t, c, []string{"a", "b", "c"}, 10)
			d.write <- nil
			require.Equal(t, []string{"a", "b"}, <-d.begun)
			d.write <- nil
			require.Equal(t, []string{"c"}, <-d.begun)
		})
	}
}

func TestTooMuchWaitingIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]group.Limits{
		"jobs":  {Waiting: 2, WaitingBytes: 1000, BatchJobs: 100, BatchBytes: 1000},
		"bytes": {Waiting: 100, WaitingBytes: 25, BatchJobs: 100, BatchBytes: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, d := start(t, limits)
			do(c, context.Background(), "first", 10)
			<-d.begun
			answers := fill(t, c, []string{"a", "b"}, 10)
			require.ErrorIs(t, c.Do(context.Background(), "c", 10), inbox.ErrBusy)
			d.write <- nil
			require.Equal(t, []string{"a", "b"}, <-d.begun)
			d.write <- nil
			for _, answer := range answers {
				require.NoError(t, <-answer)
			}
			later := do(c, context.Background(), "c", 10)
			require.Equal(t, []string{"c"}, <-d.begun, "there is room again")
			d.write <- nil
			require.NoError(t, <-later)
		})
	}
}

func TestOneJobLargerThanTheBoundPassesAlone(t *testing.T) {
	t.Parallel()
	c, d := start(t, group.Limits{Waiting: 10, WaitingBytes: 5, BatchJobs: 10, BatchBytes: 5})
	large := do(c, context.Background(), "large", 100)
	require.Equal(t, []string{"large"}, <-d.begun)
	d.write <- nil
	require.NoError(t, <-large)
}

func TestACallerWhoLeavesDuringTheCommitGetsBusyThoughItIsWritten(t *testing.T) {
	t.Parallel()
	c, d := start(t, roomy)
	ctx, cancel := context.WithCancel(context.Background())
	answer := do(c, ctx, "job", 1)
	require.Equal(t, []string{"job"}, <-d.begun)
	cancel()
	err := <-answer
	require.ErrorIs(t, err, inbox.ErrBusy)
	require.ErrorIs(t, err, context.Canceled)
}

func TestACallerWhoLeftBeforeItsBatchIsNotWritten(t *testing.T) {
	t.Parallel()
	c, d := start(t, roomy)
	do(c, context.Background(), "first", 1)
	<-d.begun
	ctx, cancel := context.WithCancel(context.Background())
	left := do(c, ctx, "left", 1)
	require.Eventually(t, func() bool { return c.Waiting() == 1 }, 10*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-left, inbox.ErrBusy)
	last := do(c, context.Background(), "last", 1)
	require.Eventually(t, func() bool { return c.Waiting() == 2 }, 10*time.Second, time.Millisecond)
	d.write <- nil
	require.Equal(t, []string{"last"}, <-d.begun)
	d.write <- nil
	require.NoError(t, <-last)
}

func TestCloseWritesWhatWasAcceptedAndRefusesTheRest(t *testing.T) {
	t.Parallel()
	d := newDisk()
	c := group.New(roomy, d.commit)
	first := do(c, context.Background(), "first", 1)
	<-d.begun
	answers := fill(t, c, []string{"a", "b"}, 1)
	closed := make(chan struct{})
	go func() {
		c.Close()
		close(closed)
	}()
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		return errors.Is(c.Do(ctx, "late", 1), inbox.ErrClosed)
	}, 10*time.Second, time.Millisecond)
	select {
	case <-closed:
		t.Fatal("closed before the last commit")
	default:
	}
	close(d.write)
	<-closed
	require.NoError(t, <-first)
	for _, answer := range answers {
		require.NoError(t, <-answer)
	}
	c.Close()
}

func TestManyCallersEachGetTheirAnswer(t *testing.T) {
	t.Parallel()
	odd := errors.New("odd")
	c := group.New(group.Limits{Waiting: 1000, WaitingBytes: 1000, BatchJobs: 7, BatchBytes: 1000}, func(jobs []int) []error {
		errs := make([]error, len(jobs))
		for i, job := range jobs {
			if job%2 == 1 {
				errs[i] = odd
			}
		}
		return errs
	})
	defer c.Close()
	var wg sync.WaitGroup
	for i := range 500 {
		wg.Go(func() {
			err := c.Do(context.Background(), i, 1)
			if want := i%2 == 1; want != errors.Is(err, odd) {
				t.Errorf("job %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}
