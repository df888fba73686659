package relay

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// leases are the unsettled claims of this relay: lanes that are queued, being sent or waiting to be settled.
type leases struct {
	// length is a lease's; trusted is the part of it in which a signal may begin.
	length, trusted time.Duration

	mu    sync.Mutex
	lanes map[string]*lease
}

type lease struct {
	// claim is the number of the claim.
	claim int64
	// since is when the lane was last claimed or renewed.
	since time.Time
	// settling says that the lane's results are being written, so that the inbox may hand it out again at any moment.
	settling bool
}

// A lease is renewed from a third of its length on; the relay checks its leases every sixth. So one renewal may fail before
// the lease is not trusted any more.
const (
	renewAfter = 3
	renewEvery = 6
	// leaseMargin is the part of a lease that is left over for clocks that differ.
	leaseMargin = 10
)

func newLeases(length, signalTimeout time.Duration) *leases {
	return &leases{length: length, trusted: length - signalTimeout - length/leaseMargin, lanes: map[string]*lease{}}
}

// add takes a lane that was claimed at a time. It returns false for a lane that this relay still has from a claim whose lease
// ended: that one goes on under the new claim, and the lane must not be handled twice.
func (l *leases) add(lane string, claim int64, at time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if old, held := l.lanes[lane]; held && !old.settling {
		old.claim, old.since = claim, at
		return false
	}
	l.lanes[lane] = &lease{claim: claim, since: at}
	return true
}

// trust says whether a signal for the lane may begin: it ends before the lease does.
func (l *leases) trust(lane string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := l.lanes[lane]
	return held != nil && now.Sub(held.since) < l.trusted
}

// settling is called before the result of a lane is written, and returns the claim that this ends; settled is called after.
func (l *leases) settling(lane string) (claim int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if held := l.lanes[lane]; held != nil {
		held.settling = true
		claim = held.claim
	}
	return claim
}

// settled leaves out a lane that was claimed again meanwhile.
func (l *leases) settled(claims map[string]int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for lane, claim := range claims {
		if held := l.lanes[lane]; held != nil && held.claim == claim {
			delete(l.lanes, lane)
		}
	}
}

// due returns the claims to renew. A lease that has ended is not renewed: another relay may have had the lane since.
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

// renewed takes the result of a renewal at a time. A lane that was asked for and not renewed may be another relay's by now: it is not
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

// renewLeases renews until ctx ends.
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
