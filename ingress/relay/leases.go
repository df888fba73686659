package relay

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// leases are the unsettled claims of this relay, of lanes that are queued, being sent or waiting to be settled.
type leases struct {
	// length is how long a lease lasts (Config.Lease in config.go, 15 seconds by default); trusted is the part of that time in which a signal may begin.
	length, trusted time.Duration

	mu    sync.Mutex
	lanes map[string]*lease
}

type lease struct {
	// claim is the number of the claim.
	claim     int64
	claimedAt time.Time
	// since is when the lane was claimed, or when the claim was last renewed.
	since time.Time
	// settling is true while the lane's results are being written. From then on the lane may be claimed again at any moment.
	settling bool
}

// The relay renews a lease after a third of its length, and looks for leases to renew every sixth of it. So one renewal may fail before the
// relay stops to trust the lease.
const (
	renewAfter = 3
	renewEvery = 6
	// leaseMargin: a tenth of a lease is reserved for differences between clocks.
	leaseMargin = 10
)

func newLeases(length, signalTimeout time.Duration) *leases {
	return &leases{length: length, trusted: length - signalTimeout - length/leaseMargin, lanes: map[string]*lease{}}
}

// add records a claim made at a time. It returns false if this relay still handles the lane under an older claim whose lease has ended: that
// handling goes on under the new claim, and the caller must not handle the lane again.
func (l *leases) add(lane string, claim int64, at time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if old, held := l.lanes[lane]; held && !old.settling {
		old.claim, old.since = claim, at
		return false
	}
	l.lanes[lane] = &lease{claim: claim, claimedAt: at, since: at}
	return true
}

// oldest returns the age of the oldest claim that is not settled; 0 without one.
func (l *leases) oldest(now time.Time) (age time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, held := range l.lanes {
		age = max(age, now.Sub(held.claimedAt))
	}
	return age
}

// trust reports whether a signal for the lane may begin, which means that it ends before the lease does.
func (l *leases) trust(lane string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := l.lanes[lane]
	return held != nil && now.Sub(held.since) < l.trusted
}

// settling must be called before the results of a lane are written, and settled after it. settling returns the claim that they end.
func (l *leases) settling(lane string) (claim int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if held := l.lanes[lane]; held != nil {
		held.settling = true
		claim = held.claim
	}
	return claim
}

// settled forgets the claims, unless their lane was claimed again meanwhile.
func (l *leases) settled(claims map[string]int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for lane, claim := range claims {
		if held := l.lanes[lane]; held != nil && held.claim == claim {
			delete(l.lanes, lane)
		}
	}
}

// due returns the claims to renew. It leaves out leases that have ended: another relay may have claimed the lane since.
func (l *leases) due(now time.Time) map[string]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	claims := map[string]int64{}
	for lane, held := range l.lanes {
		if age := now.Sub(held.since); age >= l.length/renewAfter && age < l.length {
			claims[lane] = held.claim
		}
	}
	return claims
}

// renewed records the result of a renewal at a time. A lane that could not be renewed may be another relay's by now, so its lease is not
// trusted any more.
func (l *leases) renewed(asked map[string]int64, renewed []string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for lane, claim := range asked {
		held := l.lanes[lane]
		switch {
		case held == nil || held.claim != claim || !held.since.Before(at): // settled, claimed again or renewed meanwhile
		case slices.Contains(renewed, lane):
			held.since = at
		default:
			held.since = time.Time{}
		}
	}
}

// renewLeases renews leases until ctx ends.
func (r *Relay) renewLeases(ctx context.Context) {
	every := r.config.Lease / renewEvery
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := r.now()
		claims := r.leases.due(now)
		if len(claims) == 0 {
			continue
		}
		try, cancel := context.WithTimeout(ctx, every)
		renewed, err := r.inbox.Renew(try, inbox.RenewRequest{Claims: claims, Until: now.Add(r.config.Lease)})
		cancel()
		switch {
		case err == nil:
			r.leases.renewed(claims, renewed, now)
		case ctx.Err() == nil:
			r.logger.Error("renew claims", zap.Int("lanes", len(claims)), zap.Error(err))
		}
	}
}
