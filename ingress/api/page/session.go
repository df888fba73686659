package page

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

const (
	// A session ends sessionLife after the sign-in, or after idleLife without use.
	sessionLife = 12 * time.Hour
	idleLife    = 2 * time.Hour
	// renewEvery is how often the cookie of a session in use is replaced.
	renewEvery = time.Minute
	// maxEnded bounds the memory of sessions that were ended; the oldest makes room.
	maxEnded = 10_000

	// signInBurst attempts are free for each source, then one every signInEvery.
	signInBurst = 5
	signInEvery = 10 * time.Second
)

// session is one sign-in. The visitor's cookie holds it, sealed by the keyring that all processes share, so each process can read it. Each request
// looks up the token again by its Secret: when the token is removed, its sessions end.
type session struct {
	ID     string    `json:"id"`
	Secret string    `json:"secret"`
	Began  time.Time `json:"began"`
	UsedAt time.Time `json:"usedAt"`
}

// sealContext separates a cookie from everything else that the keyring seals.
const sealContext = "page session"

// sessions make and read cookies, and remember which sessions this process ended before they expired.
type sessions struct {
	keys *keyring.Ring
	now  func() time.Time

	mu sync.Mutex
	// ended maps the ID of each ended session to the time at which it would have expired.
	ended map[string]time.Time
}

func newSessions(keys *keyring.Ring, now func() time.Time) *sessions {
	return &sessions{keys: keys, now: now, ended: map[string]time.Time{}}
}

// begin returns the cookie of a new session.
func (s *sessions) begin(secret string) (string, error) {
	now := s.now()
	return s.seal(session{ID: rand.Text(), Secret: secret, Began: now, UsedAt: now})
}

func (s *sessions) seal(one session) (string, error) {
	plain, err := json.Marshal(one)
	if err != nil {
		return "", fmt.Errorf("session: %w", err)
	}
	sealed, err := s.keys.Seal(plain, sealContext)
	if err != nil {
		return "", fmt.Errorf("session: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// read returns the session of a cookie that this keyring sealed, also one that has ended.
func (s *sessions) read(cookie string) (one session, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil {
		return session{}, false
	}
	plain, err := s.keys.Open(sealed, sealContext)
	return one, err == nil && json.Unmarshal(plain, &one) == nil
}

// use returns the session of a cookie; false if it has ended.
func (s *sessions) use(cookie string) (session, bool) {
	one, ok := s.read(cookie)
	now := s.now()
	if !ok || now.Sub(one.Began) >= sessionLife || now.Sub(one.UsedAt) >= idleLife {
		return session{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ended := s.ended[one.ID]
	return one, !ended
}

// renew returns a new cookie for a session that is used now; empty if the cookie is less than renewEvery old.
func (s *sessions) renew(one session) (string, error) {
	now := s.now()
	if now.Sub(one.UsedAt) < renewEvery {
		return "", nil
	}
	one.UsedAt = now
	return s.seal(one)
}

// end ends a session in this process. Another process still accepts a copy of the cookie until that expires. An expired cookie ends its session
// too, because a stolen copy may have been renewed since.
func (s *sessions) end(cookie string) {
	one, ok := s.read(cookie)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ended) >= maxEnded {
		s.makeRoom()
	}
	s.ended[one.ID] = one.Began.Add(sessionLife)
}

// makeRoom forgets sessions that are too old by now, or the oldest one.
func (s *sessions) makeRoom() {
	now := s.now()
	maps.DeleteFunc(s.ended, func(_ string, until time.Time) bool { return !until.After(now) })
	if len(s.ended) < maxEnded {
		return
	}
	var oldest string
	for id, until := range s.ended {
		if oldest == "" || until.Before(s.ended[oldest]) {
			oldest = id
		}
	}
	delete(s.ended, oldest)
}

// Secret returns the secret of the token with which the visitor signed in; empty without a session. It may set a renewed cookie on w.
func (s *Server) Secret(w http.ResponseWriter, r *http.Request) string {
	v := &visit{s: s, w: w, r: r}
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

func sessionCookie(value string, secure bool) *http.Cookie {
	cookie := &http.Cookie{
		Name: cookieName(secure), Value: value, Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode,
		MaxAge: int(sessionLife.Seconds()),
	}
	if value == "" {
		cookie.MaxAge = -1
	}
	return cookie
}
