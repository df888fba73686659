package archive

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
)

// reportMargin is kept of an attempt's time for cleaning up and telling the server how it ended.
const reportMargin = 5 * time.Second

var errOutOfTime = errors.New("the attempt's time is over")

// attempt is the context of one attempt of an activity, which ends before the server gives the attempt up.
type attempt struct {
	context.Context
	// fetchedBytes is how far a download is.
	fetchedBytes atomic.Int64
	// differed counts the downloads, of this attempt and those before it, that brought another file than told.
	differed atomic.Int64
}

// Progress is what the Temporal Web UI shows of a running activity, as the details of its last heartbeat. The next attempt gets it.
type Progress struct {
	FetchedBytes int64 `json:"fetchedBytes"`
	// Differed counts the downloads that brought another size or type than told.
	Differed int64 `json:"differed,omitempty"`
}

// beat tells the server how far the attempt is.
func (a *attempt) beat() {
	activity.RecordHeartbeat(a, Progress{FetchedBytes: a.fetchedBytes.Load(), Differed: a.differed.Load()})
}

// begin starts an attempt and its heartbeat. The heartbeat says that the worker lives; that the download does is watched apart (stall).
func (a *Activities) begin(ctx context.Context) (_ *attempt, end func()) {
	info := activity.GetInfo(ctx)
	margin := min(reportMargin, info.Deadline.Sub(info.StartedTime)/4)
	bounded, cancel := context.WithDeadlineCause(ctx, info.Deadline.Add(-margin), errOutOfTime)
	begun := &attempt{Context: bounded}
	var before Progress
	if activity.HasHeartbeatDetails(ctx) && activity.GetHeartbeatDetails(ctx, &before) == nil {
		begun.differed.Store(before.Differed)
	}

	var beating sync.WaitGroup
	beating.Go(func() {
		ticker := time.NewTicker(a.beat)
		defer ticker.Stop()
		for {
			select {
			case <-bounded.Done():
				return
			case <-ticker.C:
				begun.beat()
			}
		}
	})
	return begun, func() {
		cancel()
		beating.Wait()
	}
}
