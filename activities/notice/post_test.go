package notice_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/activities/notice"
	"github.com/signalbox-dev/signalbox/workflows"
)

func secret(letter string) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(letter, 24)))
}

var finance = workflows.Target{Callback: "finance"}

// post delivers a notice to a receiver with this answer.
func post(t *testing.T, answer http.HandlerFunc, change ...func(*notice.Config)) (workflows.NoticeDelivery, error) {
	t.Helper()
	return postNotice(t, told(finance).Notice, answer, change...)
}

func postNotice(t *testing.T, n workflows.Notice, answer http.HandlerFunc, change ...func(*notice.Config)) (workflows.NoticeDelivery, error) {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return postNoticeTo(t, n, server.URL+"/hook?token=hunter2", change...)
}

func postTo(t *testing.T, url string, change ...func(*notice.Config)) (workflows.NoticeDelivery, error) {
	t.Helper()
	return postNoticeTo(t, told(finance).Notice, url, change...)
}

func postNoticeTo(t *testing.T, n workflows.Notice, url string, change ...func(*notice.Config)) (workflows.NoticeDelivery, error) {
	t.Helper()
	config := notice.Config{Callbacks: map[string]notice.Callback{
		"finance": {URL: url, Secrets: []string{secret("a"), secret("b")}, AllowPrivate: true},
	}}
	for _, c := range change {
		c(&config)
	}
	return deliver(t, config, workflows.ActivityNoticePost, workflows.DeliverNotice{Notice: n, To: finance})
}

func TestAPostIsSignedOnceForEachSecret(t *testing.T) {
	t.Parallel()
	var body []byte
	var header http.Header
	delivery, err := post(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		header = r.Header
		w.WriteHeader(http.StatusAccepted)
	})
	require.NoError(t, err)
	require.Equal(t, http.StatusAccepted, delivery.Log[0].Status)
	want := told(finance).Notice
	var got workflows.Notice
	require.NoError(t, json.Unmarshal(body, &got))
	require.Equal(t, want, got)
	require.Equal(t, "application/json", header.Get("Content-Type"))
	require.Equal(t, want.ID, header.Get("webhook-id"))
	require.Len(t, strings.Fields(header.Get("webhook-signature")), 2)
	for _, letter := range []string{"a", "b"} {
		verifier, err := standardwebhooks.NewWebhook(secret(letter))
		require.NoError(t, err)
		require.NoError(t, verifier.Verify(body, header))
		require.Error(t, verifier.Verify(append(body, ' '), header))
	}
	other, err := standardwebhooks.NewWebhook(secret("c"))
	require.NoError(t, err)
	require.Error(t, other.Verify(body, header))
}

func TestEachStatusIsClassified(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		status     int
		retryAfter string
		want       string // empty: delivered
		pause      time.Duration
	}{
		"200":                    {status: 200},
		"204":                    {status: 204},
		"299":                    {status: 299},
		"301":                    {status: 301, want: workflows.ErrTypeNoticeUndelivered},
		"304":                    {status: 304, want: workflows.ErrTypeNoticeUndelivered},
		"307":                    {status: 307, want: workflows.ErrTypeNoticeUndelivered},
		"400":                    {status: 400, want: workflows.ErrTypeNoticeUndelivered},
		"401":                    {status: 401, want: workflows.ErrTypeNoticeUndelivered},
		"404":                    {status: 404, want: workflows.ErrTypeNoticeUndelivered},
		"410":                    {status: 410, want: workflows.ErrTypeNoticeTargetGone},
		"500":                    {status: 500, want: workflows.ErrTypeNoticeUndelivered},
		"429 with seconds":       {status: 429, retryAfter: "120", want: workflows.ErrTypeNoticeUndelivered, pause: 2 * time.Minute},
		"503 with a date":        {status: 503, retryAfter: now.Add(time.Hour).Format(http.TimeFormat), want: workflows.ErrTypeNoticeUndelivered, pause: time.Hour},
		"503 with a date gone":   {status: 503, retryAfter: now.Add(-time.Hour).Format(http.TimeFormat), want: workflows.ErrTypeNoticeUndelivered},
		"503 with many seconds":  {status: 503, retryAfter: "99999999999", want: workflows.ErrTypeNoticeUndelivered, pause: 24 * time.Hour},
		"503 with a far date":    {status: 503, retryAfter: now.AddDate(1, 0, 0).Format(http.TimeFormat), want: workflows.ErrTypeNoticeUndelivered, pause: 24 * time.Hour},
		"503 with nothing of it": {status: 503, retryAfter: "soon", want: workflows.ErrTypeNoticeUndelivered},
		"503 with less":          {status: 503, retryAfter: "-5", want: workflows.ErrTypeNoticeUndelivered},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			delivery, err := post(t, func(w http.ResponseWriter, _ *http.Request) {
				if c.retryAfter != "" {
					w.Header().Set("Retry-After", c.retryAfter)
				}
				w.WriteHeader(c.status)
				if c.status != http.StatusNoContent && c.status != http.StatusNotModified {
					_, _ = io.WriteString(w, "secret-of-the-receiver")
				}
			}, func(config *notice.Config) { config.Now = func() time.Time { return now } })
			if c.want == "" {
				require.NoError(t, err)
				require.Equal(t, c.status, delivery.Log[0].Status)
				return
			}
			failed := requireFailure(t, err, c.want, `callback "finance"`, strconv.Itoa(c.status))
			require.Equal(t, c.pause, failed.NextRetryDelay())
			require.NotContains(t, err.Error(), "secret-of-the-receiver")
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	t.Cleanup(inside.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		_, err := post(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, inside.URL, status) })
		requireFailure(t, err, workflows.ErrTypeNoticeUndelivered, "redirects are not followed")
	}
	require.False(t, reached.Load())
}

func TestAPrivateAddressIsRefusedUnlessItIsAllowed(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	_, err := post(t, func(http.ResponseWriter, *http.Request) { reached.Store(true) }, func(config *notice.Config) {
		callback := config.Callbacks["finance"]
		callback.AllowPrivate = false
		config.Callbacks["finance"] = callback
	})
	requireFailure(t, err, workflows.ErrTypeNoticeUndelivered, "not public")
	require.False(t, reached.Load())
	_, err = postTo(t, "http://169.254.169.254/latest/meta-data/", func(config *notice.Config) {
		config.Callbacks["finance"] = notice.Callback{URL: "http://169.254.169.254/", Secrets: []string{secret("a")}}
	})
	requireFailure(t, err, workflows.ErrTypeNoticeUndelivered, "not public")
}

func TestAFailedConnectionIsRetriedAndItsErrorHidesTheURL(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = bufio.NewReader(conn).ReadByte()
			_ = conn.Close()
		}
	}()
	_, err = postTo(t, "http://"+listener.Addr().String()+"/hook?token=hunter2")
	requireFailure(t, err, workflows.ErrTypeNoticeUndelivered)
	require.NotContains(t, err.Error(), "hunter2")
}

// Only the status of an answer counts: Post reads a bounded part of the body.
func TestAnEndlessAnswerWithA2xxIsADelivery(t *testing.T) {
	t.Parallel()
	_, err := post(t, func(w http.ResponseWriter, r *http.Request) {
		chunk := make([]byte, 32<<10)
		for r.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	require.NoError(t, err)
}

func TestAMalformedSecretIsRefusedAndNotShown(t *testing.T) {
	t.Parallel()
	config := notice.Config{Callbacks: map[string]notice.Callback{"finance": {Secrets: []string{secret("a"), "whsec_hunter2!"}}}, Now: time.Now}
	_, err := notice.New(config)
	require.ErrorContains(t, err, `callback "finance": secret 2 is malformed: want "whsec_" and base64`)
	require.NotContains(t, err.Error(), "hunter2")
}

func TestAConfigurationWithoutAClockIsRefused(t *testing.T) {
	t.Parallel()
	_, err := notice.New(notice.Config{})
	require.EqualError(t, err, "notice activities: clock: missing")
}
