package ingress_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
)

func TestTheExamplesOfTheReferenceAreStoredUnchanged(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	bodies := map[string]string{}
	for _, name := range []string{"completed", "failed", "input_needed"} {
		body, err := os.ReadFile(filepath.Join("hook", "offload", "testdata", name+".json"))
		require.NoError(t, err)
		require.Equal(t, 204, f.post(t, f.offloadPath("vendor_2048"), string(body)).status)
		bodies["case."+name] = string(body)
	}
	kept := f.kept(t)
	require.Len(t, kept, 3)
	for _, d := range kept {
		require.Equal(t, inbox.StatePending, d.State)
		require.Equal(t, bodies[d.Kind], f.opened(t, d))
	}
}

func TestEachArtmailKindIsStoredUnderItsKey(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	for _, tt := range []struct{ kind, extra, key string }{
		{"agent.activated", `,"apiKey":"art_key_1","user":{"id":"u","email":"u@example.com"}`, "agent.activated/a1"},
		{"approval_response", `,"messageId":"m1","inResponseToId":"m0","approved":true,"reason":null,"runId":null`, "approval_response/m1"},
		{"agent.paused", `,"reason":"user_paused"`, "agent.paused/a1/1774131900000"},
		{"agent.resumed", ``, "agent.resumed/a1/1774131900000"},
		{"agent.deactivated", `,"reason":"user_deactivated","apiKeyRevoked":true`, "agent.deactivated/a1"},
		{"run_force_failed", `,"runId":"r1","reason":"stale","staleMinutes":16`, "run_force_failed/r1"},
	} {
		body := fmt.Sprintf(`{"type":%q,"activationId":"a1","timestamp":"2026-03-21T22:25:00Z"%s}`, tt.kind, tt.extra)
		require.Equal(t, 204, f.postArtmail(t, body).status)
		newest := f.kept(t)[0]
		require.Equal(t, tt.kind, newest.Kind)
		require.Equal(t, tt.key, newest.DedupeKey)
		require.Equal(t, agent, newest.Scope)
		require.Equal(t, time.UnixMilli(1774131900000).UTC(), newest.OccurredAt)
		require.Equal(t, body, f.opened(t, newest))
	}
}

// broken is an inbox that can't store while it has an error.
type broken struct {
	inbox.Store
	mu  sync.Mutex
	err error
}

func (b *broken) set(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (b *broken) Append(ctx context.Context, deliveries []inbox.Delivery) ([]inbox.Receipt, error) {
	b.mu.Lock()
	err := b.err
	b.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return b.Store.Append(ctx, deliveries)
}

func TestAnInboxThatCannotStoreIsAnsweredWith503AndRecovers(t *testing.T) {
	t.Parallel()
	store := &broken{}
	at := time.Now()
	// A failed write makes the server unready for a few seconds: here for ever.
	f := startAt(t, func() time.Time { return at }, config(), func(s inbox.Store) inbox.Store {
		store.Store = s
		return store
	})
	f.ready(t)
	for name, err := range map[string]error{"busy": inbox.ErrBusy, "closed": inbox.ErrClosed, "disk full": errors.New("database or disk is full")} {
		store.set(err)
		for _, got := range []answer{f.post(t, f.offloadPath("order-1"), completed), f.postArtmail(t, paused)} {
			require.Equal(t, 503, got.status, name)
			require.NotEmpty(t, got.header.Get("Retry-After"), name)
		}
		got := f.do(t, "GET", "/readyz", nil)
		require.Equal(t, 503, got.status, name)
		require.Equal(t, "not ready\n", got.body, "the public answer gives no reason")
	}
	store.set(nil)
	require.Equal(t, 204, f.post(t, f.offloadPath("order-1"), completed).status)
	f.ready(t)
	require.Len(t, f.kept(t), 1)
}

func TestALockedDeliveryDoesNotMakeTheServerUnready(t *testing.T) {
	t.Parallel()
	store := &broken{}
	at := time.Now()
	// A failed write makes the server unready for a few seconds: here for ever.
	f := startAt(t, func() time.Time { return at }, config(), func(s inbox.Store) inbox.Store {
		store.Store = s
		return store
	})
	store.set(inbox.ErrLocked)
	require.Equal(t, 503, f.post(t, f.offloadPath("order-1"), completed).status)
	f.ready(t)
}

func TestAClockThatStepsBackKeepsNoServerUnready(t *testing.T) {
	t.Parallel()
	store := &broken{}
	var back atomic.Int64
	f := startAt(t, func() time.Time { return time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC).Add(-time.Duration(back.Load())) }, config(), func(s inbox.Store) inbox.Store {
		store.Store = s
		return store
	})
	store.set(inbox.ErrBusy)
	require.Equal(t, 503, f.post(t, f.offloadPath("order-1"), completed).status)
	require.Equal(t, 503, f.do(t, "GET", "/readyz", nil).status)
	store.set(nil)
	back.Store(int64(time.Hour))
	require.Equal(t, 200, f.do(t, "GET", "/readyz", nil).status, "no request shows that the inbox has recovered: it is not ready, so none comes")
}

// unanswered is an inbox whose Check blocks until it is released. It counts the calls and those in progress.
type unanswered struct {
	inbox.Store
	calls, inProgress, most atomic.Int64
	release                 chan struct{}
}

func (u *unanswered) Check(ctx context.Context) error {
	u.calls.Add(1)
	if n := u.inProgress.Add(1); n > u.most.Load() {
		u.most.Store(n)
	}
	defer u.inProgress.Add(-1)
	<-u.release
	if errors.Is(ctx.Err(), context.Canceled) {
		return errors.New("the caller that came first has ended the check of all")
	}
	return nil
}

// Each check is a job in the queue of the inbox's writes, and everyone can ask for /readyz.
func TestRequestsOfReadyzShareOneCheckOfTheInbox(t *testing.T) {
	t.Parallel()
	store := &unanswered{release: make(chan struct{})}
	f := start(t, config(), func(s inbox.Store) inbox.Store {
		store.Store = s
		return store
	})
	release := sync.OnceFunc(func() { close(store.release) })
	t.Cleanup(release)
	var all sync.WaitGroup
	statuses := make([]int, 200)
	for i := range statuses {
		all.Go(func() { statuses[i] = f.do(t, "GET", "/readyz", nil).status })
	}
	all.Wait()
	require.Equal(t, slices.Repeat([]int{503}, len(statuses)), statuses, "no answer in time")
	require.Equal(t, int64(1), store.calls.Load())
	release()
	f.ready(t)
	eventually(t, "the shared check ends", func() bool { return store.inProgress.Load() == 0 })
	f.ready(t)
	require.GreaterOrEqual(t, store.calls.Load(), int64(2), "a later request starts another check")
	require.Equal(t, int64(1), store.most.Load())
}

func TestAnInboxThatTakesTooLongIsAnsweredWith503(t *testing.T) {
	t.Parallel()
	store := &slow{entered: make(chan struct{}), leave: make(chan struct{})}
	c := config()
	c.OffloadBudget, c.ArtmailBudget = 50*time.Millisecond, 50*time.Millisecond
	f := start(t, c, func(s inbox.Store) inbox.Store {
		store.Store = s
		return store
	})
	require.Equal(t, 503, f.post(t, f.offloadPath("order-1"), completed).status)
}

// busyFor is an inbox with a slow disk. It compares the deadline with the duration of a write instead of waiting.
type busyFor struct {
	inbox.Store
	needs time.Duration
}

func (b busyFor) Append(ctx context.Context, deliveries []inbox.Delivery) ([]inbox.Receipt, error) {
	if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) < b.needs {
		return nil, inbox.ErrBusy
	}
	return b.Store.Append(ctx, deliveries)
}

// Offload posts an event only once, so its budget is longer than Artmail's, which retries.
func TestEachProviderWaitsAsLongAsItsBudgetForABusyInbox(t *testing.T) {
	t.Parallel()
	for needs, want := range map[time.Duration]struct{ offload, artmail int }{
		2 * time.Second: {204, 204},
		6 * time.Second: {204, 503},
		9 * time.Second: {503, 503},
	} {
		t.Run(needs.String(), func(t *testing.T) {
			t.Parallel()
			c := config()
			c.OffloadBudget, c.ArtmailBudget, c.StopTimeout = 0, 0, 0 // the defaults
			f := start(t, c, func(s inbox.Store) inbox.Store { return busyFor{s, needs} })
			requireStatus := func(want int, what string, post func() answer) {
				t.Helper()
				got := post()
				for tries := 1; got.status == 503 && want == 204 && tries < 10; tries++ {
					got = post() // a busy machine used up its budget
				}
				require.Equal(t, want, got.status, what)
			}
			requireStatus(want.offload, "a case's route", func() answer { return f.post(t, f.offloadPath("order-1"), completed) })
			requireStatus(want.offload, "the shared route", func() answer { return f.post(t, "/webhooks/offload-shared/"+sharedSecret, completed) })
			requireStatus(want.artmail, "Artmail", func() answer { return f.postArtmail(t, paused) })
		})
	}
}

// Data written to a deleted file would be lost.
func TestAnInboxWhoseFileIsGoneIsAnsweredWith503AndNotReady(t *testing.T) {
	t.Parallel()
	for _, suffix := range []string{"", "-wal"} {
		path := filepath.Join(t.TempDir(), "inbox.db")
		store, err := sqlite.Open(context.Background(), path, sqlite.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { _ = store.Close() }) // its file is gone
		f := start(t, config(), func(inbox.Store) inbox.Store { return store })
		require.Equal(t, 204, f.post(t, f.offloadPath("order-1"), completed).status)
		f.ready(t)
		require.NoError(t, os.Remove(path+suffix))
		require.Equal(t, 503, f.do(t, "GET", "/readyz", nil).status, "inbox.db%s", suffix)
		for _, got := range []answer{f.post(t, f.offloadPath("order-2"), completed), f.postArtmail(t, paused)} {
			require.Equal(t, 503, got.status, "inbox.db%s", suffix)
			require.NotEmpty(t, got.header.Get("Retry-After"))
		}
		require.Equal(t, 200, f.do(t, "GET", "/healthz", nil).status)
	}
}

func TestBytesInFlightAreBounded(t *testing.T) {
	t.Parallel()
	store := &slow{entered: make(chan struct{}), leave: make(chan struct{})}
	c := config()
	c.MaxBody, c.MaxInFlight, c.MaxUnverifiedInFlight = 64<<10, 100<<10, 1<<20
	f := start(t, c, func(s inbox.Store) inbox.Store {
		store.Store = s
		return store
	})
	large := completed + strings.Repeat(" ", 60<<10)
	first := make(chan answer, 1)
	go func() { first <- f.post(t, f.offloadPath("order-1"), large) }()
	<-store.entered
	require.Equal(t, 503, f.post(t, f.offloadPath("order-2"), large).status, "the budget is used up")
	close(store.leave)
	require.Equal(t, 204, (<-first).status)
	require.Equal(t, 204, f.post(t, f.offloadPath("order-2"), large).status, "the budget is free again")
}

func TestTheLeastBudgetsHoldABodyOfFullSize(t *testing.T) {
	t.Parallel()
	for _, most := range []int{1000, 4095, 4096, 5000, 100_000} {
		c := config()
		c.MaxBody = int64(most)
		c.MaxInFlight, c.MaxUnverifiedInFlight = ingress.LeastInFlight(c.MaxBody)
		f := start(t, c, nil)
		fill := func(body string) string { return body + strings.Repeat(" ", most-len(body)) }
		for name, bodies := range map[string][2]string{
			"plain":   {fill(completed), fill(paused)},
			"gzipped": {gzippedTo(t, fill(completed), most), gzippedTo(t, fill(paused), most)},
		} {
			require.Len(t, bodies[0], most)
			require.Equal(t, 204, f.post(t, f.offloadPath("order-1"), bodies[0]).status, "%s, %d bytes", name, most)
			require.Equal(t, 204, f.postArtmail(t, bodies[1]).status, "%s, %d bytes, signed", name, most)
		}
		c.MaxUnverifiedInFlight = 0
		require.Equal(t, 204, start(t, c, nil).postArtmail(t, fill(paused)).status, "the default, %d bytes", most)
	}
}

// gzippedTo compresses a body to an exact size, with a comment.
func gzippedTo(t *testing.T, body string, size int) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Comment = strings.Repeat("c", size-len(gzipped(t, body))-len("\x00"))
	_, err := io.WriteString(w, body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

func TestNoSecretIsLogged(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	path := f.offloadPath("order-1")
	token := path[strings.LastIndex(path, "/")+1:]
	body := `{"type":"agent.activated","activationId":"a1","timestamp":1,"apiKey":"art_key_1","user":{"id":"u1","email":"u@example.com"}}`
	signature := artmail.Sign([]byte(body), agentSecret)
	f.post(t, path, completed)
	f.post(t, path, `{"event_type":"case.completed","data":"art_key_1"`)
	f.post(t, path+"x", completed)
	f.post(t, "/webhooks/offload-shared/"+sharedSecret, `{"event_type":`)
	f.post(t, "/webhooks/artmail/"+agent, body, artmail.SignatureHeader, signature)
	f.post(t, "/webhooks/artmail/"+agent, body, artmail.SignatureHeader, "00")
	f.post(t, "/elsewhere/"+token, body)
	f.do(t, "GET", path, nil)
	require.NoError(t, f.stop())

	require.NotEmpty(t, f.logs.All())
	var all strings.Builder
	for _, entry := range f.logs.All() {
		fields, err := json.Marshal(entry.ContextMap())
		require.NoError(t, err)
		all.WriteString(entry.Message)
		all.Write(fields)
	}
	families, err := f.registry.Gather()
	require.NoError(t, err)
	for _, family := range families {
		all.WriteString(family.String())
	}
	for _, secret := range []string{token, sharedSecret, agentSecret, signature, "art_key_1", "u@example.com"} {
		require.NotContains(t, all.String(), secret)
	}
	require.Contains(t, all.String(), "/webhooks/offload/:reference/:token")
	for _, d := range f.kept(t) {
		full, err := f.store.Get(t.Context(), d.ID)
		require.NoError(t, err)
		require.NotContains(t, string(full.Body), "art_key_1", "bodies are sealed")
		require.NotContains(t, d.Reason, "art_key_1")
	}
}

func TestASafeRequestIDIsKept(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	require.Equal(t, "proxy-7.a_B", f.do(t, "GET", "/healthz", nil, "X-Request-Id", "proxy-7.a_B").header.Get("X-Request-Id"))
	for _, harmful := range []string{"a b", `"`, strings.Repeat("x", 65)} {
		got := f.do(t, "GET", "/healthz", nil, "X-Request-Id", harmful).header.Get("X-Request-Id")
		require.NotEmpty(t, got)
		require.NotEqual(t, harmful, got)
	}
}

func TestThePublicListenerHasNoRoutesForOperators(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	require.Equal(t, "ready\n", f.ready(t).body)
	require.Equal(t, 404, f.do(t, "GET", "/metrics", nil).status)
}

func TestMetricsCountWebhooksByOutcomeAndNameNoAgent(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	f.post(t, f.offloadPath("order-1"), completed)
	f.post(t, f.offloadPath("order-1"), completed)
	f.post(t, "/webhooks/offload/order-1/x", completed)
	f.post(t, "/webhooks/artmail/"+agent, paused)
	got := f.metrics(t)
	for _, line := range []string{
		`signalbox_webhooks_total{outcome="new",provider="offload"} 1`,
		`signalbox_webhooks_total{outcome="duplicate",provider="offload"} 1`,
		`signalbox_webhooks_total{outcome="bad_token",provider="offload"} 1`,
		`signalbox_http_request_duration_seconds_count{route="/webhooks/offload/:reference/:token",status="204"} 2`,
		`signalbox_artmail_bad_signatures_total{kept="yes"} 1`,
	} {
		require.Contains(t, got, line)
	}
	require.NotContains(t, got, agent)
}

func TestAPanicIsAnsweredWith500AndItsValueIsNotShown(t *testing.T) {
	t.Parallel()
	store := &panicking{}
	f := start(t, config(), func(s inbox.Store) inbox.Store {
		store.Store = s
		return store
	})
	got := f.post(t, f.offloadPath("order-1"), completed)
	require.Equal(t, http.StatusInternalServerError, got.status)
	require.NotContains(t, got.body, "s3cret")
	require.NotEmpty(t, f.logs.All())
	for _, entry := range f.logs.All() {
		require.NotContains(t, fmt.Sprint(entry.Message, entry.ContextMap()), "s3cret")
	}
	require.Equal(t, 200, f.do(t, "GET", "/healthz", nil).status)
}

type panicking struct{ inbox.Store }

func (p *panicking) Append(context.Context, []inbox.Delivery) ([]inbox.Receipt, error) {
	panic("s3cret")
}

func TestAnEmptySecretIsRefused(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]ingress.Config{
		"agent w9: secret 1: empty webhook secret":       {Agents: map[string][]string{"w9": {""}}},
		"agent w9: empty webhook secret":                 {Agents: map[string][]string{"w9": nil}},
		"shared secrets: secret 2: empty webhook secret": {SharedSecrets: []string{"good", " "}},
	} {
		_, err := ingress.New(c, ingress.Deps{Logger: zap.NewNop(), Metrics: prometheus.NewRegistry(), Now: time.Now})
		require.EqualError(t, err, want)
	}
}
