package offloadapi

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"golang.org/x/time/rate"
)

// ErrPaced says that the request would have to wait too long under Config.CallsPerSecond or ReadsPerSecond. Always NotSent.
var ErrPaced = errors.New("over the configured rate")

// maxTurn is the longest wait of a request for its turn. After that its worker slot is free for other work.
const maxTurn = 5 * time.Second

// limiter spaces requests evenly. The zero value has no limit.
type limiter struct {
	turns *rate.Limiter
	now   func() time.Time
	// timeout is how long a request may take after it was sent.
	timeout time.Duration
}

// UsableRate refuses negative numbers, infinity and NaN.
func UsableRate(perSecond float64) bool { return perSecond >= 0 && perSecond <= math.MaxInt32 }

func newLimiter(perSecond float64, c Config) limiter {
	if perSecond == 0 {
		return limiter{}
	}
	return limiter{turns: rate.NewLimiter(rate.Limit(perSecond), 1), now: c.Now, timeout: c.Timeout}
}

// wait waits for the request's turn. It fails with ErrPaced, and returns the time until the turn, if that is longer than maxTurn or would leave
// less than the timeout before the context's deadline: a request that the deadline cuts short is uncertain.
func (l limiter) wait(ctx context.Context) (after time.Duration, err error) {
	if l.turns == nil {
		return 0, nil
	}
	now := l.now()
	turn := l.turns.ReserveN(now, 1)
	delay := turn.DelayFrom(now)
	if delay == 0 {
		return 0, nil
	}
	most := maxTurn
	if deadline, set := ctx.Deadline(); set {
		most = min(most, deadline.Sub(now)-l.timeout)
	}
	if delay > most {
		turn.CancelAt(now)
		return delay, fmt.Errorf("%w: its turn is in %s", ErrPaced, delay.Round(time.Millisecond))
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return 0, nil
	case <-ctx.Done():
		turn.CancelAt(l.now())
		return 0, ctx.Err()
	}
}
