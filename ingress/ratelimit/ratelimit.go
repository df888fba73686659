// Package ratelimit limits how often each of many keys, such as the sources of requests, may do something.
package ratelimit

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limiter has one token bucket for each key.
type Limiter[K comparable] struct {
	now   func() time.Time
	every rate.Limit
	burst int

	mu      sync.Mutex
	buckets map[K]*rate.Limiter
}

// maxBuckets is how many keys a limiter remembers.
const maxBuckets = 10_000

// New returns a Limiter with full buckets of burst tokens, each of which gets perSecond tokens back in a second.
func New[K comparable](now func() time.Time, burst int, perSecond float64) *Limiter[K] {
	return &Limiter[K]{now: now, every: rate.Limit(perSecond), burst: burst, buckets: map[K]*rate.Limiter{}}
}

// Allow takes a token of the key and reports whether there was one.
func (l *Limiter[K]) Allow(key K) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	bucket, known := l.buckets[key]
	if !known {
		if len(l.buckets) >= maxBuckets {
			l.forget()
		}
		bucket = rate.NewLimiter(l.every, l.burst)
		l.buckets[key] = bucket
	}
	return bucket.AllowN(l.now(), 1)
}

// GiveBack returns a token that Allow has taken.
func (l *Limiter[K]) GiveBack(key K) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bucket, known := l.buckets[key]; known {
		bucket.AllowN(l.now(), -1)
	}
}

// forget drops full buckets: a new bucket is full too. If too few are full, it drops any others down to nine tenths of maxBuckets, so that
// the next new keys need no search.
func (l *Limiter[K]) forget() {
	now := l.now()
	for key, bucket := range l.buckets {
		if bucket.TokensAt(now) >= float64(l.burst) {
			delete(l.buckets, key)
		}
	}
	for key := range l.buckets {
		if len(l.buckets) < maxBuckets*9/10 {
			return
		}
		delete(l.buckets, key)
	}
}
