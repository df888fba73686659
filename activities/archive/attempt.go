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
}

// Progress is what the Temporal Web UI shows of a running activity, as the details of its last heartbeat.
type Progress struct {
	FetchedBytes int64 `json:"fetchedBytes"`
}

// begin starts an attempt and its heartbeat. The heartbeat says that the worker lives; that the download does is watched apart (stall).
func (a *Activities) begin(ctx context.Context) (_ *attempt, end func()) {
	info := activity.GetInfo(ctx)
	margin := min(reportMargin, info.Deadline.Sub(info.StartedTime)/4)
	bounded, cancel := context.WithDeadlineCause(ctx, info.Deadline.Add(-margin), errOutOfTime)
	begun := &attempt{Context: bounded}

	var beating sync.WaitGroup
	beating.Go(func() {
		ticker := time.NewTicker(a.beat)
		defer ticker.Stop()
		for {
			select {
			case <-bounded.Done():
				return
			case <-ticker.C:
				activity.RecordHeartbeat(ctx, Progress{FetchedBytes: begun.fetchedBytes.Load()})
			}
		}
	})
	return begun, func() {
		cancel()
		beating.Wait()
	}
}
