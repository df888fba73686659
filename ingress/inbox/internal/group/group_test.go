package group_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/group"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestMain(m *testing.M) { testenv.RunWithoutLeaks(m) }

// disk is a commit that the test holds and lets go.
type disk struct {
	begun chan []string
	write chan error
}

func newDisk() *disk { return &disk{begun: make(chan []string, 9000), write: make(chan error, 9000)} }

func (d *disk) commit(jobs []string) []error {
	d.begun <- append([]string(nil), jobs...)
	err := <-d.write
	errs := make([]error, len(jobs))
	for i := range errs {
		errs[i] = err
	}
	return errs
}

func start(t *testing.T) (*group.Committer[string], *disk) {
	t.Helper()
	d := newDisk()
	c := group.New(d.commit)
	t.Cleanup(func() {
		close(d.write)
		c.Close()
	})
	return c, d
}

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
		require.Eventually(t, func() bool { return c.Waiting() == i+1 }, time.Minute, time.Millisecond)
	}
	return answers
}

// crowd puts many jobs into the queue, in any order.
func crowd(t *testing.T, c *group.Committer[string], jobs int, size int64) []<-chan error {
	t.Helper()
	var answers []<-chan error
	for range jobs {
		answers = append(answers, do(c, context.Background(), "job", size))
	}
	require.Eventually(t, func() bool { return c.Waiting() == jobs }, time.Minute, time.Millisecond)
	return answers
}

func TestWhatWaitsDuringACommitBecomesOneBatch(t *testing.T) {
	t.Parallel()
	c, d := start(t)
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

const mib = 1 << 20

func TestABatchIsBounded(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		jobs  int
		size  int64
		first int
	}{
		"in jobs":  {jobs: 513, size: 1, first: 512},
		"in bytes": {jobs: 3, size: 4 * mib, first: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, d := start(t)
			do(c, context.Background(), "first", 1)
			<-d.begun
			crowd(t, c, tt.jobs, tt.size)
			d.write <- nil
			require.Len(t, <-d.begun, tt.first)
			d.write <- nil
			require.Len(t, <-d.begun, tt.jobs-tt.first)
		})
	}
}

// A batch that takes longer than a transaction may would take as long when it is tried again.
func TestABatchAfterOneThatTookTooLongIsHalfAsLarge(t *testing.T) {
	t.Parallel()
	c, d := start(t)
	do(c, context.Background(), "first", 1)
	<-d.begun
	crowd(t, c, 100, 1)
	tooLong := fmt.Errorf("commit: %w", context.DeadlineExceeded)
	d.write <- nil
	require.Len(t, <-d.begun, 100)
	crowd(t, c, 200, 1)
	for _, want := range []struct {
		answer error
		next   int
	}{{tooLong, 50}, {tooLong, 25}, {errors.New("disk full"), 57}, {nil, 68}} {
		d.write <- want.answer
		require.Len(t, <-d.begun, want.next)
	}
}

func TestTooMuchWaitingIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		jobs int
		size int64
	}{
		"jobs":  {jobs: 8192, size: 1},
		"bytes": {jobs: 2, size: 32 * mib},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, d := start(t)
			do(c, context.Background(), "first", 1)
			<-d.begun
			answers := crowd(t, c, tt.jobs, tt.size)
			require.ErrorIs(t, c.Do(context.Background(), "refused", tt.size), inbox.ErrBusy)
			for range tt.jobs + 2 {
				d.write <- nil
			}
			for _, answer := range answers {
				require.NoError(t, <-answer)
			}
			require.NoError(t, c.Do(context.Background(), "later", tt.size), "there is room again")
		})
	}
}

func TestOneJobLargerThanTheBoundPassesAlone(t *testing.T) {
	t.Parallel()
	c, d := start(t)
	large := do(c, context.Background(), "large", 100*mib)
	require.Equal(t, []string{"large"}, <-d.begun)
	d.write <- nil
	require.NoError(t, <-large)
}

func TestACallerWhoLeavesDuringTheCommitGetsBusyThoughItIsWritten(t *testing.T) {
	t.Parallel()
	c, d := start(t)
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
	c, d := start(t)
	do(c, context.Background(), "first", 1)
	<-d.begun
	ctx, cancel := context.WithCancel(context.Background())
	left := do(c, ctx, "left", 1)
	require.Eventually(t, func() bool { return c.Waiting() == 1 }, time.Minute, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-left, inbox.ErrBusy)
	last := do(c, context.Background(), "last", 1)
	require.Eventually(t, func() bool { return c.Waiting() == 2 }, time.Minute, time.Millisecond)
	d.write <- nil
	require.Equal(t, []string{"last"}, <-d.begun)
	d.write <- nil
	require.NoError(t, <-last)
}

func TestCloseWritesWhatWasAcceptedAndRefusesTheRest(t *testing.T) {
	t.Parallel()
	d := newDisk()
	c := group.New(d.commit)
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
	}, time.Minute, time.Millisecond)
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
	c := group.New(func(jobs []int) []error {
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

func TestRetryTriesAgainWhileTheErrorIsTransient(t *testing.T) {
	t.Parallel()
	away, wrong := errors.New("away"), errors.New("wrong")
	full := fmt.Errorf("%w: 8192 writes wait", inbox.ErrBusy)
	transient := func(err error) bool { return errors.Is(err, away) }
	for _, answers := range [][]error{{nil}, {wrong}, {inbox.ErrClosed}, {away, full, away, nil}, {full, away, wrong}} {
		last := error(nil)
		tries := 0
		err := group.Retry(t.Context(), transient, func(got error) error {
			require.Equal(t, last, got)
			last = answers[tries]
			tries++
			return last
		})
		require.Len(t, answers, tries)
		require.Equal(t, last, err)
	}
}

func TestRetryEndsWithItsContext(t *testing.T) {
	t.Parallel()
	away := errors.New("away")
	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	err := group.Retry(ctx, func(error) bool { return true }, func(error) error {
		if tries++; tries == 3 {
			cancel()
		}
		return away
	})
	require.Equal(t, away, err, "the error says why nothing was written")
	require.Equal(t, 3, tries)
}
