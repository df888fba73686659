package page

import (
	"crypto/rand"
	"crypto/sha256"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// sessionLife ends a session, idleLife one that is not used.
	sessionLife = 12 * time.Hour
	idleLife    = 2 * time.Hour
	// maxSessions bounds the memory; the one that was used longest ago makes room.
	maxSessions = 1000

	// signInBurst tries are free for each source, then one every signInEvery.
	signInBurst = 5
	signInEvery = 10 * time.Second
	// maxSources bounds the memory of the throttle.
	maxSources = 10_000
)

// session is one sign-in. The secret is asked of the API anew with each request, so a token that is gone ends it.
type session struct {
	secret        string
	began, usedAt time.Time
}

// sessions keeps them by the hash of their ID: what the process holds does not let anybody in.
type sessions struct {
	now func() time.Time

	mu  sync.Mutex
	all map[[sha256.Size]byte]*session
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, all: map[[sha256.Size]byte]*session{}}
}

// begin returns the ID of a new session.
func (s *sessions) begin(secret string) string {
	id := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if len(s.all) >= maxSessions {
		s.makeRoom(now)
	}
	s.all[sha256.Sum256([]byte(id))] = &session{secret: secret, began: now, usedAt: now}
	return id
}

func (s *sessions) makeRoom(now time.Time) {
	var oldest [sha256.Size]byte
	last := now.Add(time.Hour)
	for id, one := range s.all {
		if over(one, now) {
			delete(s.all, id)
		} else if one.usedAt.Before(last) {
			oldest, last = id, one.usedAt
		}
	}
	if len(s.all) >= maxSessions {
		delete(s.all, oldest)
	}
}

func over(one *session, now time.Time) bool {
	return now.Sub(one.began) >= sessionLife || now.Sub(one.usedAt) >= idleLife
}

// use returns the secret of a session that lives.
func (s *sessions) use(id string) (secret string, ok bool) {
	key := sha256.Sum256([]byte(id))
	s.mu.Lock()
	defer s.mu.Unlock()
	one, known := s.all[key]
	if !known {
		return "", false
	}
	now := s.now()
	if over(one, now) {
		delete(s.all, key)
		return "", false
	}
	one.usedAt = now
	return one.secret, true
}

func (s *sessions) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, sha256.Sum256([]byte(id)))
}

// Secret returns the token of the session that a request brings; empty where it brings none.
func (s *Server) Secret(r *http.Request) string {
	v := &visit{s: s, r: r}
	if cookie, err := r.Cookie(cookieName(v.secure())); err == nil {
		v.resume(cookie.Value)
	}
	return v.secret
}

// cookieName has the prefix that lets a browser take the cookie over TLS from this host alone.
func cookieName(secure bool) string {
	if secure {
		return "__Host-signalbox"
	}
	return "signalbox"
}

func sessionCookie(id string, secure bool) *http.Cookie {
	cookie := &http.Cookie{
		Name: cookieName(secure), Value: id, Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode,
		MaxAge: int(sessionLife.Seconds()),
	}
	if id == "" {
		cookie.MaxAge = -1
	}
	return cookie
}

// throttle bounds the tries of each source to sign in.
type throttle struct {
	now func() time.Time

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

// allow takes one try of the source, and says whether there was one.
func (t *throttle) allow(source string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	bucket, known := t.buckets[source]
	if !known {
		if len(t.buckets) >= maxSources {
			t.forget(now)
		}
		bucket = rate.NewLimiter(rate.Every(signInEvery), signInBurst)
		t.buckets[source] = bucket
	}
	return bucket.AllowN(now, 1)
}

// giveBack returns the try of a sign-in that succeeded.
func (t *throttle) giveBack(source string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if bucket, known := t.buckets[source]; known {
		bucket.AllowN(t.now(), -1)
	}
}

// forget drops sources without recent tries, or any where all have some.
func (t *throttle) forget(now time.Time) {
	for source, bucket := range t.buckets {
		if bucket.TokensAt(now) >= signInBurst {
			delete(t.buckets, source)
		}
	}
	for source := range t.buckets {
		if len(t.buckets) < maxSources*9/10 {
			return
		}
		delete(t.buckets, source)
	}
}

// sourceOf is the caller's address; of IPv6 the network, in which one machine has many addresses.
func sourceOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if address = address.Unmap(); address.Is6() {
		if network, err := address.Prefix(64); err == nil {
			return network.String()
		}
	}
	return address.String()
}
