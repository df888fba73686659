package archive

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
)

// reportMargin is the part of an attempt's time that is reserved to clean up and to report the result to the server.
const reportMargin = 5 * time.Second

var errOutOfTime = errors.New("the attempt ran out of time")

// attempt is the context of one activity attempt. It ends shortly before the attempt times out at the server (see reportMargin).
type attempt struct {
	context.Context
	// fetchedBytes is how many bytes of the download have arrived.
	fetchedBytes atomic.Int64
	// differed counts the downloads, in this and earlier attempts, whose size or type differed from what the provider said.
	differed atomic.Int64
}

// Progress is the details of a heartbeat. The Temporal Web UI shows it for a running activity, and the next attempt reads it.
type Progress struct {
	FetchedBytes int64 `json:"fetchedBytes"`
	// Differed counts the downloads whose size or type differed from what the provider said.
	Differed int64 `json:"differed,omitempty"`
}

// sendHeartbeat sends a heartbeat with the progress.
func (a *attempt) sendHeartbeat() {
	activity.RecordHeartbeat(a, Progress{FetchedBytes: a.fetchedBytes.Load(), Differed: a.differed.Load()})
}

// begin starts an attempt and its heartbeats, which are sent even if the download makes no progress. A stalled download is detected separately
// (see stall).
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
		ticker := time.NewTicker(a.heartbeatInterval)
		defer ticker.Stop()
		for {
			select {
			case <-bounded.Done():
				return
			case <-ticker.C:
				begun.sendHeartbeat()
			}
		}
	})
	return begun, func() {
		cancel()
		beating.Wait()
	}
}
