package relay

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// notAccepted settles the rest of a lane after a signal that Temporal did not accept.
func (r *Relay) notAccepted(ctx context.Context, left []inbox.Delivery, result sendResult) []inbox.Settlement {
	head := left[0]
	holdLane := func(s inbox.Settlement) []inbox.Settlement {
		return append([]inbox.Settlement{s}, release(left[1:])...)
	}
	switch result.class {
	case closed:
		if result.beforeEnd {
			r.logger.Warn("deliveries came late: their workflow was closed in Temporal before it completed", zap.String("lane", head.Lane), zap.Int("count", len(left)))
		}
		return late(left, result)
	case notFound:
		return r.unmatched(left)
	case refused:
		return holdLane(r.countFailedAttempt(head, result.reason()))
	case outage, unclear:
		if r.gate.suspect(ctx, result.err) {
			return release(left)
		}
		if result.class == unclear {
			return holdLane(r.countFailedAttempt(head, result.reason()))
		}
	case accepted, busy:
	}
	now := r.now()
	return holdLane(inbox.Retry(head.ID, now.Add(uncountedPause(now.Sub(head.ReceivedAt))), result.reason(), false))
}

// countFailedAttempt counts an attempt of a delivery. After the last one the delivery is dead.
func (r *Relay) countFailedAttempt(d inbox.Delivery, reason string) inbox.Settlement {
	attempt := d.Attempts + 1
	if attempt >= r.config.MaxAttempts {
		r.logger.Error("delivery is dead after its last attempt", zap.String("delivery", d.ID), zap.String("lane", d.Lane), zap.String("reason", reason))
		return inbox.Finish(d.ID, inbox.StateDead, reason)
	}
	r.logger.Warn("delivery attempt failed", zap.String("delivery", d.ID), zap.String("lane", d.Lane), zap.Int("attempt", attempt), zap.String("reason", reason))
	return inbox.Retry(d.ID, r.now().Add(countedPause(attempt)), reason, true)
}

// keepEnds keeps the end that a replayed delivery had before in front of its reason: see Relay.ended.
func keepEnds(deliveries []inbox.Delivery, settlements []inbox.Settlement) []inbox.Settlement {
	ends := map[string]string{}
	for _, d := range deliveries {
		for _, end := range []inbox.State{inbox.StateLate, inbox.StateDelivered} {
			if wasBefore(d, end) {
				ends[d.ID] = string(end) + inbox.BeforeReplay
			}
		}
	}
	for i, s := range settlements {
		if end := ends[s.ID]; end != "" && s.State != inbox.StateLate && s.State != inbox.StateDelivered {
			settlements[i].Reason = end + ": " + s.Reason
		}
	}
	return settlements
}

// wasBefore reports whether a delivery has an end, or had it before its replay or dismissal.
func wasBefore(d inbox.Delivery, end inbox.State) bool {
	return d.State == end || strings.HasPrefix(d.Reason, string(end)+inbox.BeforeAct)
}

// countedPause returns the pause after a counted attempt: 1 s after the first, doubling up to 5 minutes. 20 attempts take about an hour.
func countedPause(attempt int) time.Duration {
	return jittered(min(time.Second<<min(attempt-1, 12), 5*time.Minute))
}

// uncountedPause returns a quarter of the time that an event has waited already, between half a second and half a minute. So the pause grows
// without a count of attempts.
func uncountedPause(waited time.Duration) time.Duration {
	return jittered(min(max(waited/4, 500*time.Millisecond), 30*time.Second))
}

// jittered returns d plus or minus up to a fifth, so that lanes that failed together don't return together.
func jittered(d time.Duration) time.Duration { return d - d/5 + rand.N(2*d/5+1) }

// late ends the deliveries of a workflow that is closed. A delivery that arrived before the workflow closed may have been applied. Of an erased case,
// late releases the deliveries for the case that has the reference now.
func late(left []inbox.Delivery, result sendResult) []inbox.Settlement {
	out := make([]inbox.Settlement, 0, len(left))
	for _, d := range left {
		switch {
		case d.ReceivedAt.Before(result.begunAt):
			out = append(out, inbox.Finish(d.ID, inbox.StateLate, "it came before this case began, and an earlier case of the reference was erased"))
		case !result.begunAt.IsZero():
			out = append(out, inbox.Release(d.ID))
		case d.ReceivedAt.Equal(result.applied):
			out = append(out, inbox.Finish(d.ID, inbox.StateDelivered, ""))
		case result.beforeEnd:
			out = append(out, inbox.Finish(d.ID, inbox.StateLate, inbox.BeforeEnd))
		case !d.ReceivedAt.Before(result.closedAt):
			out = append(out, inbox.Finish(d.ID, inbox.StateLate, "the workflow is closed"))
		default:
			out = append(out, inbox.Finish(d.ID, inbox.StateLate, "the workflow closed after this delivery arrived; it may have received it"))
		}
	}
	return out
}

func release(deliveries []inbox.Delivery) []inbox.Settlement {
	out := make([]inbox.Settlement, 0, len(deliveries))
	for _, d := range deliveries {
		out = append(out, inbox.Release(d.ID))
	}
	return out
}

func finish(deliveries []inbox.Delivery, end inbox.State, reason string) []inbox.Settlement {
	out := make([]inbox.Settlement, 0, len(deliveries))
	for _, d := range deliveries {
		out = append(out, inbox.Finish(d.ID, end, reason))
	}
	return out
}
