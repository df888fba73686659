package page_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// Each row is something that an attacker tries; none of them gets in, and none changes anything.
func TestWhatAttackersTryIsRefused(t *testing.T) {
	t.Parallel()
	answer := url.Values{"questionId": {"q1"}, "text": {"yes"}}
	for name, c := range map[string]struct {
		try    func(*testing.T, *world) (int, string)
		status int
		says   string
	}{
		"a form of another site": {func(t *testing.T, w *world) (int, string) {
			return w.signedIn(t, annSecret).send(t, http.MethodPost, "/cases/w9/answer", answer, map[string]string{"Sec-Fetch-Site": "cross-site"})
		}, 403, "Another web page sent this"},
		"a form of another site in an old browser": {func(t *testing.T, w *world) (int, string) {
			return w.signedIn(t, annSecret).send(t, http.MethodPost, "/cases/w9/answer", answer, map[string]string{"Origin": "https://evil.example"})
		}, 403, "Another web page sent this"},
		"a sign-in from another site": {func(t *testing.T, w *world) (int, string) {
			return w.browser(t).send(t, http.MethodPost, "/sign-in", url.Values{"token": {annSecret}}, map[string]string{"Sec-Fetch-Site": "cross-site"})
		}, 403, "Another web page sent this"},
		"no session": {func(t *testing.T, w *world) (int, string) { return w.browser(t).post(t, "/cases/w9/answer", answer) }, 401, "nothing was sent"},
		"an ID that an attacker chose": {func(t *testing.T, w *world) (int, string) {
			b := w.browser(t)
			b.setCookie(t, "chosen")
			status, _ := b.post(t, "/sign-in", url.Values{"token": {annSecret}})
			require.Equal(t, 200, status)
			require.NotEqual(t, "chosen", b.cookie(t).Value, "a sign-in makes a new ID")
			return w.thief(t, "chosen").get(t, "/cases/w9")
		}, 401, "Sign in"},
		"a cookie stolen before another sign-in": {func(t *testing.T, w *world) (int, string) {
			b := w.signedIn(t, annSecret)
			stolen := b.cookie(t).Value
			_, _ = b.post(t, "/sign-in", url.Values{"token": {annSecret}})
			require.NotEqual(t, stolen, b.cookie(t).Value)
			return w.thief(t, stolen).get(t, "/cases/w9")
		}, 401, "Sign in"},
		"a cookie stolen before the sign-out": {func(t *testing.T, w *world) (int, string) {
			b := w.signedIn(t, annSecret)
			stolen := b.cookie(t).Value
			_, _ = b.post(t, "/sign-out", nil)
			require.Nil(t, b.cookie(t))
			return w.thief(t, stolen).get(t, "/cases/w9")
		}, 401, "Sign in"},
		"a cookie stolen before it was renewed, after the sign-out": {func(t *testing.T, w *world) (int, string) {
			b := w.signedIn(t, annSecret)
			stolen := b.cookie(t).Value
			w.clock.advance(5 * time.Minute)
			_, _ = b.get(t, "/health")
			require.NotEqual(t, stolen, b.cookie(t).Value)
			_, _ = b.post(t, "/sign-out", nil)
			return w.thief(t, stolen).post(t, "/cases/w9/answer", answer)
		}, 401, "nothing was sent"},
		"a cookie stolen and renewed by the thief, after the sign-out": {func(t *testing.T, w *world) (int, string) {
			b := w.signedIn(t, annSecret)
			thief := w.thief(t, b.cookie(t).Value)
			w.clock.advance(5 * time.Minute)
			status, _ := thief.get(t, "/health")
			require.Equal(t, 200, status)
			require.NotEqual(t, b.cookie(t).Value, thief.cookie(t).Value)
			_, _ = b.post(t, "/sign-out", nil)
			return thief.get(t, "/cases/w9")
		}, 401, "Sign in"},
		"a cookie that the thief kept alive, after a sign-out hours later": {func(t *testing.T, w *world) (int, string) {
			b := w.signedIn(t, annSecret)
			thief := w.thief(t, b.cookie(t).Value)
			for range 3 {
				w.clock.advance(time.Hour)
				status, _ := thief.get(t, "/health")
				require.Equal(t, 200, status)
			}
			_, _ = b.post(t, "/sign-out", nil)
			return thief.get(t, "/cases/w9")
		}, 401, "Sign in"},
		"a cookie stolen before its token was replaced": {func(t *testing.T, w *world) (int, string) {
			stolen := w.signedIn(t, annSecret).cookie(t).Value
			w.tokens.replace(annSecret, "the-next-secret-of-ann-1")
			_ = w.signedIn(t, "the-next-secret-of-ann-1")
			return w.thief(t, stolen).get(t, "/cases/w9")
		}, 401, "Sign in"},
		"a cookie stolen hours ago, of a session that goes on": {func(t *testing.T, w *world) (int, string) {
			b := w.signedIn(t, annSecret)
			stolen := b.cookie(t).Value
			for range 2 {
				w.clock.advance(time.Hour)
				status, _ := b.get(t, "/health")
				require.Equal(t, 200, status)
			}
			return w.thief(t, stolen).get(t, "/cases/w9")
		}, 401, "Sign in"},
		"a cookie of half a day ago, always in use": {func(t *testing.T, w *world) (int, string) {
			b := w.signedIn(t, annSecret)
			for range 12 {
				w.clock.advance(time.Hour)
				_, _ = b.get(t, "/health")
			}
			return b.get(t, "/cases/w9")
		}, 401, "Sign in"},
		"a cookie that was not used for hours": {func(t *testing.T, w *world) (int, string) {
			b := w.signedIn(t, annSecret)
			w.clock.advance(2 * time.Hour)
			return b.get(t, "/cases/w9")
		}, 401, "Sign in"},
		"a cookie whose token was removed": {func(t *testing.T, w *world) (int, string) {
			b := w.signedIn(t, annSecret)
			w.tokens.remove(annSecret)
			return b.post(t, "/cases/w9/answer", answer)
		}, 401, "nothing was sent"},
		"a token in a URL": {func(t *testing.T, w *world) (int, string) {
			return w.browser(t).get(t, "/cases/w9?token="+annSecret)
		}, 400, "replace it"},
		"a sign-in by a URL": {func(t *testing.T, w *world) (int, string) {
			return w.browser(t).post(t, "/sign-in?token="+annSecret, nil)
		}, 400, "replace it"},
		"a token of the API as a header": {func(t *testing.T, w *world) (int, string) {
			return w.browser(t).send(t, http.MethodGet, "/cases/w9", nil, map[string]string{"Authorization": "Bearer " + annSecret})
		}, 401, "Sign in"},
		"guessed tokens": {func(t *testing.T, w *world) (int, string) {
			// A try comes back with time.
			at := time.Now()
			w.deps.Now = func() time.Time { return at }
			w.server, w.url = w.process(t)
			b := w.browser(t)
			for range 5 {
				status, _ := b.post(t, "/sign-in", url.Values{"token": {"a-guess-of-a-token"}})
				require.Equal(t, 401, status)
			}
			return b.post(t, "/sign-in", url.Values{"token": {annSecret}}) // even the right one waits
		}, 429, "Too many attempts from this address. Wait 10 seconds and try again."},
		"an empty token": {func(t *testing.T, w *world) (int, string) {
			return w.browser(t).post(t, "/sign-in", url.Values{"token": {" "}})
		}, 401, "not known"},
		"a form without the scope": {func(t *testing.T, w *world) (int, string) {
			return w.signedIn(t, readSecret).post(t, "/cases/w9/answer", answer)
		}, 403, "cases:write"},
		"a case of another account": {func(t *testing.T, w *world) (int, string) {
			return w.signedIn(t, emeaSecret).get(t, "/cases/w9")
		}, 403, "other accounts"},
		"a form that is too large": {func(t *testing.T, w *world) (int, string) {
			return w.signedIn(t, annSecret).post(t, "/cases/w9/answer", url.Values{"text": {strings.Repeat("x", 1<<20)}})
		}, 400, "too large"},
		"a frame around the page": {func(t *testing.T, w *world) (int, string) {
			return 0, w.framed(t, w.url+"/cases/w9")
		}, 0, "refused to connect"},
		"a method that is none": {func(t *testing.T, w *world) (int, string) {
			return w.signedIn(t, annSecret).send(t, http.MethodPut, "/cases/w9/answer", nil, map[string]string{"Sec-Fetch-Site": "same-origin"})
		}, 404, "no such page"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, true)
			w.temporal.set(asks("w9"))
			status, body := c.try(t, w)
			require.Equal(t, c.status, status, body)
			require.Contains(t, body, c.says)
			require.NotContains(t, body, "Is a signed PDF fine?")
			require.Empty(t, w.temporal.acts(), "nothing was done")
		})
	}
}

// Without the headers the page would show in the frame: the row above proves something.
func TestInABrowserAFrameShowsAPageWithoutTheHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	bare := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		recorder := httptest.NewRecorder()
		w.server.ServeHTTP(recorder, r)
		_, _ = rw.Write(recorder.Body.Bytes())
	}))
	t.Cleanup(bare.Close)
	require.Contains(t, w.framed(t, bare.URL+"/cases/w9"), "Is a signed PDF fine?")
}

func TestASignInReturnsToAPageHereOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	for target, want := range map[string]string{
		"/cases?state=RUNNING": "/cases?state=RUNNING", "": "/", "https://evil.example/": "/", "//evil.example/": "/", "////evil.example/": "/", `/\evil.example`: "/",
		"javascript:alert(1)": "/", "/\t/evil.example": "/", "cases": "/", "https:/evil.example": "/",
	} {
		b := w.browser(t)
		b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		response := b.response(t, http.MethodPost, "/sign-in", url.Values{"token": {annSecret}, "return": {target}}, nil)
		require.Equal(t, 303, response.StatusCode)
		require.Equal(t, want, response.Header.Get("Location"), "%q", target)
	}
}

func TestEveryAnswerHasTheHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	b := w.browser(t)
	for _, path := range []string{"/", "/sign-in", "/cases/none", "/nowhere"} {
		header := b.response(t, http.MethodGet, path, nil, nil).Header
		require.Equal(t, "no-store", header.Get("Cache-Control"), path)
		require.Equal(t, "DENY", header.Get("X-Frame-Options"), path)
		require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"), path)
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			require.Contains(t, header.Get("Content-Security-Policy"), part, path)
		}
		require.NotContains(t, header.Get("Content-Security-Policy"), "unsafe", path)
	}
}

func TestTheCookieIsOutOfReach(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	for _, c := range []struct {
		url, forwarded string
		secure         bool
	}{
		{"http://localhost/sign-in", "", false},
		{"http://localhost/sign-in", "http", false},
		{"http://localhost/sign-in", "https", true}, // a proxy on this machine speaks TLS
		{"https://signalbox.example/sign-in", "", true},
	} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, c.url, strings.NewReader("token="+annSecret))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("X-Forwarded-Proto", c.forwarded)
		recorder := httptest.NewRecorder()
		w.server.ServeHTTP(recorder, request)
		cookies := recorder.Result().Cookies() //nolint:bodyclose // a recorder has nothing to close
		require.Len(t, cookies, 1, recorder.Body.String())
		require.Equal(t, map[bool]string{false: "signalbox", true: "__Host-signalbox"}[c.secure], cookies[0].Name)
		require.True(t, cookies[0].HttpOnly)
		require.Equal(t, http.SameSiteStrictMode, cookies[0].SameSite)
		require.Equal(t, c.secure, cookies[0].Secure)
		require.Equal(t, 12*60*60, cookies[0].MaxAge)
		require.NotContains(t, cookies[0].Value, annSecret)
	}
}

// A balancer may send each request to another process, and one may have been started anew.
func TestProcessesWithOneKeyringShareSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	b := w.signedIn(t, annSecret)
	first := w.url
	_, second := w.process(t)
	w.url = second // the cookie is the host's, whatever the port
	status, body := b.get(t, "/cases/w9")
	require.Equal(t, 200, status, body)
	require.Contains(t, body, "Is a signed PDF fine?")

	for range 5 { // used here and there it goes on for as long as a session may
		w.clock.advance(110 * time.Minute)
		w.url = map[string]string{first: second, second: first}[w.url]
		status, _ = b.get(t, "/cases/w9")
		require.Equal(t, 200, status)
	}
	w.tokens.remove(annSecret)
	for _, w.url = range []string{first, second} {
		status, _ = b.get(t, "/cases/w9")
		require.Equal(t, 401, status, "a removed token ends the session everywhere")
	}
}

func TestACookieOfAnotherKeyringIsNone(t *testing.T) {
	t.Parallel()
	w, other := newWorld(t, true), newWorld(t, true)
	b, thief := w.signedIn(t, annSecret), other.browser(t)
	value := b.cookie(t).Value
	for _, try := range []string{value, value[:len(value)-2], strings.ToLower(value), "", "AAAA"} {
		thief.setCookie(t, try)
		status, _ := thief.get(t, "/health")
		require.Equal(t, 401, status)
	}
}

// The limiter lets a person who mistyped try again, and does not hold up others.
func TestTheSignInLimitIsOfOneSourceAndEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	// A try comes back with time.
	at := time.Now()
	w.deps.Now = func() time.Time { return at }
	w.server, w.url = w.process(t)
	try := func(source, secret string, forwarded ...string) int {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/sign-in", strings.NewReader("token="+secret))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.RemoteAddr = source
		for _, address := range forwarded {
			request.Header.Add("X-Forwarded-For", address)
		}
		recorder := httptest.NewRecorder()
		w.server.ServeHTTP(recorder, request)
		return recorder.Code
	}
	for n := range 8 {
		try("192.0.2.1:1", "a-guess")
		// The addresses of one IPv6 network are one source.
		try([]string{"[2001:db8::1]:1", "[2001:db8::2]:1"}[n%2], "a-guess")
	}
	require.Equal(t, 429, try("192.0.2.1:2", annSecret))
	require.Equal(t, 429, try("[2001:db8::3]:1", annSecret))
	require.Equal(t, 303, try("192.0.2.2:1", annSecret))
	require.Equal(t, 303, try("[2001:db8:1::1]:1", annSecret))
	at = at.Add(11 * time.Second)
	require.Equal(t, 303, try("192.0.2.1:3", annSecret))
	for range 20 {
		require.Equal(t, 303, try("192.0.2.3:1", annSecret), "who has a token is not throttled")
	}
	// People behind a trusted proxy are counted apart; what another sender says of itself is not believed.
	for range 6 {
		try("198.51.100.7:1", "a-guess", "203.0.113.1")
		try("192.0.2.9:1", "a-guess", "203.0.113.2")
	}
	require.Equal(t, 429, try("198.51.100.8:1", annSecret, "203.0.113.1"))
	require.Equal(t, 303, try("198.51.100.7:1", annSecret, "203.0.113.2"))
	require.Equal(t, 429, try("192.0.2.9:1", annSecret, "203.0.113.3"))
}

func TestFailedSignInsDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	core, logs := observer.New(zap.DebugLevel)
	at := time.Now()
	w.deps.Now = func() time.Time { return at }
	w.deps.Log = zap.New(core, zap.WithClock(stopped{at}))
	w.server, w.url = w.process(t)
	for n := range 300 {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/sign-in", strings.NewReader("token=a-guess"))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.RemoteAddr = fmt.Sprintf("192.0.2.%d:1", n%20)
		w.server.ServeHTTP(httptest.NewRecorder(), request)
	}
	require.Equal(t, 10, logs.FilterMessage("sign-in refused").Len())
	require.Equal(t, 10, logs.FilterMessage("sign-in throttled").Len())
}

// stopped is a clock for logs.
type stopped struct{ at time.Time }

func (s stopped) Now() time.Time                       { return s.at }
func (stopped) NewTicker(d time.Duration) *time.Ticker { return time.NewTicker(d) }

func TestWithoutTokensThereIsNothingToSignInTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	w.temporal.set(asks("w9"))
	b := w.browser(t)
	status, body := b.get(t, "/")
	require.Equal(t, 200, status)
	require.Contains(t, body, "Is a signed PDF fine?")
	require.NotContains(t, body, "Sign out")
	require.NotContains(t, body, "Signed in", "there was no sign-in")
	require.Contains(t, body, "You act as</span> local")
	status, body = b.post(t, "/cases/w9/answer", url.Values{"questionId": {"q1"}, "text": {"Yes."}, "return": {"/"}})
	require.Equal(t, 200, status)
	require.Contains(t, body, "The answer was taken")
	require.Equal(t, []string{"provide-input by local"}, w.temporal.acts())
}
