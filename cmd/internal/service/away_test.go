package service_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap/zaptest/observer"
	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/health"
	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// ask is one GET of a process.
func ask(t *testing.T, url string) (status int, body string) {
	t.Helper()
	status, body, err := tryAsk(t, url)
	require.NoError(t, err)
	return status, body
}

func tryAsk(t *testing.T, url string) (status int, body string, err error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	asker := newPoster(t)
	response, err := asker.Do(request)
	if err != nil {
		return 0, "", err
	}
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, string(content), errors.Join(err, response.Body.Close())
}

// check is a check of the internal /readyz.
func (r *running) check(t *testing.T, name string) health.State {
	t.Helper()
	state, err := r.tryCheck(t, name)
	require.NoError(t, err)
	return state
}

func (r *running) tryCheck(t *testing.T, name string) (health.State, error) {
	t.Helper()
	_, body, err := tryAsk(t, r.internal+"/readyz")
	state, found := checkIn(body, name)
	if err == nil && !found {
		err = fmt.Errorf("no check %s in %s", name, body)
	}
	return state, err
}

func checkIn(body, name string) (state health.State, found bool) {
	var told struct{ Checks []health.State }
	if json.Unmarshal([]byte(body), &told) == nil {
		for _, c := range told.Checks {
			if c.Name == name {
				return c, true
			}
		}
	}
	return health.State{}, false
}

func (r *running) becomes(t *testing.T, name string, ok bool) health.State {
	t.Helper()
	return testenv.Eventually(t, func(context.Context) (health.State, error) { return r.tryCheck(t, name) },
		func(s health.State) bool { return s.OK == ok && !strings.Contains(s.Problem, "not checked yet") })
}

// failsWith waits until a check shows a problem. On a slow machine its first probes may fail by their timeout.
func (r *running) failsWith(t *testing.T, name, problem string) health.State {
	t.Helper()
	return testenv.Eventually(t, func(context.Context) (health.State, error) { return r.tryCheck(t, name) },
		func(s health.State) bool { return s.Problem == problem })
}

// accepts waits until the public /readyz says that webhooks are accepted.
func (r *running) accepts(t *testing.T) {
	t.Helper()
	testenv.Eventually(t, func(context.Context) (int, error) {
		status, _, err := tryAsk(t, r.url+"/readyz")
		return status, err
	}, func(status int) bool { return status == 200 })
}

// shows waits until the metrics have a line, and returns them.
func (r *running) shows(t *testing.T, line string) (metrics string) {
	t.Helper()
	return testenv.Eventually(t, func(context.Context) (string, error) {
		_, metrics, err := tryAsk(t, r.internal+"/metrics")
		return metrics, err
	}, func(metrics string) bool { return strings.Contains(metrics, line) })
}

// stores posts an event until it is stored: on a busy machine it may not be in time.
func (r *running) stores(t *testing.T, ring *keyring.Ring, event string) {
	t.Helper()
	testenv.Eventually(t, func(context.Context) (int, error) { return tryPost(t, r.url, ring, event) }, func(status int) bool {
		require.Contains(t, []int{204, 503}, status)
		return status == 204
	})
}

// tryPost posts an event of a case and returns the answer's status.
func tryPost(t *testing.T, url string, ring *keyring.Ring, id string) (int, error) {
	t.Helper()
	path := workflows.OffloadWebhookPath("order-1", ring.Token(workflows.OffloadTokenContext("order-1")...))
	body := `{"event_id":"` + id + `","event_type":"case.completed","data":{"caseId":"c1"}}`
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+path, strings.NewReader(body))
	require.NoError(t, err)
	poster := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := poster.Do(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

func TestAnIngressStartsBeforeItsDatabaseAndRecovers(t *testing.T) {
	t.Parallel()
	database := pgtest.Start(t)
	address := database.Database(t)
	database.Stop(t)
	_, temporal := startTemporalStub(t)
	ring := newRing(t)
	c := receiver(t)
	c.Inbox = address
	r := run(t, c, config.Ingress, ring, client.Options{HostPort: temporal})

	failed := r.becomes(t, "inbox", false)
	require.NotEmpty(t, failed.Fix)
	status, body := ask(t, r.url+"/readyz")
	require.Equal(t, 503, status)
	require.Equal(t, "not ready\n", body)
	status, _ = ask(t, r.url+"/metrics")
	require.Equal(t, 404, status, "only the internal listener has metrics")
	status, metrics := ask(t, r.internal+"/metrics")
	require.Equal(t, 200, status)
	require.Contains(t, metrics, `signalbox_check_ok{check="inbox"} 0`)
	waiting := make(chan int, 1)
	go func() {
		status := 503
		defer func() { waiting <- status }()
		for status == 503 {
			began := time.Now()
			status, _ = tryPost(t, r.url, ring, "evt_1") // 0 if it fails
			if time.Since(began) < 5*time.Second {
				return // it has not waited for most of the 8 s that Offload allows
			}
		}
	}()
	database.Restart(t)
	require.Equal(t, 204, <-waiting, "a webhook waits for the inbox as long as its budget allows")
	r.becomes(t, "inbox", true)
	r.becomes(t, "relay", true)
	r.shows(t, "signalbox_inbox_up 1")

	// And once more, while it runs.
	database.Stop(t)
	require.Contains(t, r.becomes(t, "inbox", false).Problem, "the inbox does not answer")
	metrics = r.shows(t, "signalbox_inbox_up 0")
	require.Contains(t, metrics, `signalbox_inbox_deliveries{state="pending"}`, "the last values stay")
	_, checks := ask(t, r.internal+"/readyz")
	for _, secret := range []string{"127.0.0.1", "localhost", "hunter2", "@"} {
		require.NotContains(t, metrics+checks, secret)
	}
	database.Restart(t)
	r.becomes(t, "inbox", true)
	r.stores(t, ring, "evt_2")
	changes := r.logs.FilterMessage("check fails").Filter(func(e observer.LoggedEntry) bool {
		cause, _ := e.ContextMap()["error"].(string)
		return !strings.Contains(cause, context.DeadlineExceeded.Error()) // a busy machine may add these
	})
	require.LessOrEqual(t, changes.Len(), 12, "one line per change, not per try") // six, and what a busy machine adds
}

func TestALongMigrationIsAnsweredWith503UntilItEnds(t *testing.T) {
	t.Parallel()
	database := pgtest.Start(t)
	address := database.Database(t)
	// As another replica does that changes the tables.
	const migrationLock = 0x7369676e616c6278
	other, err := pgx.Connect(t.Context(), address)
	require.NoError(t, err)
	_, err = other.Exec(t.Context(), "SELECT pg_advisory_lock($1)", int64(migrationLock))
	require.NoError(t, err)
	ring := newRing(t)
	c := receiver(t)
	c.Inbox = address
	r := run(t, c, config.Ingress, ring, client.Options{HostPort: nowhere})
	require.Contains(t, r.becomes(t, "inbox", false).Problem, "not open yet")
	status, _ := ask(t, r.url+"/readyz")
	require.Equal(t, 503, status)
	require.NoError(t, other.Close(t.Context()))
	r.becomes(t, "inbox", true)
	r.accepts(t)
}

func TestAWrongInboxSettingEndsTheProcess(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	text := filepath.Join(folder, "text.db")
	require.NoError(t, os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 300)), 0o600))
	newer := filepath.Join(folder, "newer.db")
	store, err := sqlite.Open(t.Context(), newer, sqlite.Options{})
	require.NoError(t, err)
	require.NoError(t, store.Close())
	database, err := sql.Open("sqlite", newer)
	require.NoError(t, err)
	_, err = database.ExecContext(t.Context(), "INSERT INTO signalbox_migration (version_id, is_applied) VALUES (9999, 1)")
	require.NoError(t, err)
	require.NoError(t, database.Close())
	for name, where := range map[string]string{
		"no folder": filepath.Join(folder, "none", "inbox.db"), "a folder": folder, "not a database": text, "a newer version": newer,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := receiver(t)
			c.Inbox, c.DrainDelay = where, time.Hour
			r := run(t, c, config.Ingress, newRing(t), client.Options{HostPort: nowhere})
			<-r.ended
			require.ErrorIs(t, r.err, setting.ErrWrong)
			require.ErrorContains(t, r.err, "--inbox (SIGNALBOX_INBOX)")
		})
	}
}

// fragile is a Temporal that has no namespace until it is made, and then refuses one poll.
type fragile struct {
	polledStub
	made, broken atomic.Bool
}

func (f *fragile) DescribeNamespace(ctx context.Context, r *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
	if !f.made.Load() {
		return nil, serviceerror.ToStatus(serviceerror.NewNamespaceNotFound(r.GetNamespace())).Err()
	}
	return f.polledStub.DescribeNamespace(ctx, r)
}

func (f *fragile) ListSearchAttributes(ctx context.Context, r *operatorservice.ListSearchAttributesRequest) (*operatorservice.ListSearchAttributesResponse, error) {
	if !f.made.Load() {
		return nil, serviceerror.ToStatus(serviceerror.NewNamespaceNotFound(r.GetNamespace())).Err()
	}
	return f.polledStub.ListSearchAttributes(ctx, r)
}

func (f *fragile) PollWorkflowTaskQueue(ctx context.Context, r *workflowservice.PollWorkflowTaskQueueRequest) (*workflowservice.PollWorkflowTaskQueueResponse, error) {
	if f.broken.CompareAndSwap(false, true) {
		return nil, serviceerror.ToStatus(serviceerror.NewInvalidArgument("broken")).Err()
	}
	return f.polledStub.PollWorkflowTaskQueue(ctx, r)
}

func TestReceivingDoesNotDependOnWorkersAndTheyStartOnceTheNamespaceExists(t *testing.T) {
	t.Parallel()
	temporal := &fragile{polledStub: polledStub{rates: map[string]float64{}}}
	ring := newRing(t)
	c := working()
	c.Inbox, c.MaxBody, c.Drain = receiver(t).Inbox, 1<<20, 10*time.Second
	r := run(t, c, config.Ingress|config.Worker, ring, client.Options{HostPort: startPolled(t, temporal, temporal), Namespace: "orders"})

	missing := r.failsWith(t, "temporal", `the namespace "orders" does not exist`)
	require.Contains(t, missing.Fix, "signalbox setup --create-namespace")
	r.accepts(t)
	status, _ := ask(t, r.internal+"/readyz")
	require.Equal(t, 503, status, "but not all is in order")
	r.stores(t, ring, "evt_1")

	temporal.made.Store(true)
	testenv.Eventually(t, func(context.Context) (health.State, error) { return r.tryCheck(t, "workers") },
		func(s health.State) bool { return s.OK && r.logs.FilterMessage("workers run").Len() >= 1 })
	r.becomes(t, "temporal", true)
	since := r.check(t, "temporal").Since
	require.Equal(t, since, r.check(t, "temporal").Since, "it is since the change, not since the question")
}

// brokenTemporal lacks the search attributes while bare is set, and refuses every poll while breaks is set.
type brokenTemporal struct {
	polledStub
	bare, breaks atomic.Bool
}

func (c *brokenTemporal) ListSearchAttributes(ctx context.Context, r *operatorservice.ListSearchAttributesRequest) (*operatorservice.ListSearchAttributesResponse, error) {
	if c.bare.Load() {
		return &operatorservice.ListSearchAttributesResponse{}, nil
	}
	return c.polledStub.ListSearchAttributes(ctx, r)
}

func (c *brokenTemporal) PollWorkflowTaskQueue(ctx context.Context, r *workflowservice.PollWorkflowTaskQueueRequest) (*workflowservice.PollWorkflowTaskQueueResponse, error) {
	if c.breaks.Load() {
		return nil, serviceerror.ToStatus(serviceerror.NewInvalidArgument("broken")).Err()
	}
	return c.polledStub.PollWorkflowTaskQueue(ctx, r)
}

// receives says that webhooks are accepted.
func (r *running) receives(t *testing.T, ring *keyring.Ring, event string) {
	t.Helper()
	r.accepts(t)
	r.stores(t, ring, event)
}

func TestReceivingGoesOnWithoutSearchAttributes(t *testing.T) {
	t.Parallel()
	temporal := &brokenTemporal{polledStub: polledStub{rates: map[string]float64{}}}
	temporal.bare.Store(true)
	ring := newRing(t)
	c := working()
	c.Inbox, c.MaxBody, c.Drain = receiver(t).Inbox, 1<<20, 10*time.Second
	r := run(t, c, config.Ingress|config.Worker, ring, client.Options{HostPort: startPolled(t, temporal, temporal), Namespace: "orders"})
	missing := r.failsWith(t, "search_attributes", "the namespace lacks search attributes")
	require.Contains(t, missing.Fix, "signalbox setup")
	require.False(t, r.check(t, "workers").OK)
	r.receives(t, ring, "evt_1")
	temporal.bare.Store(false)
	r.becomes(t, "search_attributes", true)
	r.becomes(t, "workers", true)
}

// The SDK gives a worker up when its polls have been refused for two minutes.
func TestReceivingGoesOnWhenWorkersFailAndTheyAreStartedAgain(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes the SDK two minutes to give a worker up")
	}
	temporal := &brokenTemporal{polledStub: polledStub{rates: map[string]float64{}}}
	temporal.breaks.Store(true)
	ring := newRing(t)
	c := working()
	c.Inbox, c.MaxBody, c.Drain = receiver(t).Inbox, 1<<20, 10*time.Second
	r := run(t, c, config.Ingress|config.Worker, ring, client.Options{HostPort: startPolled(t, temporal, temporal), Namespace: "orders"})
	r.receives(t, ring, "evt_1")
	require.Eventually(t, func() bool { return r.logs.FilterMessage("workers run").Len() == 2 }, 4*time.Minute, 20*time.Millisecond)
	r.receives(t, ring, "evt_2")
	temporal.breaks.Store(false)
	r.becomes(t, "workers", true)
}

func TestAStoppingIngressAcceptsWebhooksForItsDrainDelay(t *testing.T) {
	t.Parallel()
	ring := newRing(t)
	// What follows the stop has this long, and the slow request the 10 s that one may take to read.
	const drainDelay = 8 * time.Second
	path := workflows.OffloadWebhookPath("order-2", ring.Token(workflows.OffloadTokenContext("order-2")...))
	const body = `{"event_id":"evt_2","event_type":"case.completed","data":{"caseId":"c2"}}`
	for tries := 1; ; tries++ {
		c := receiver(t)
		c.DrainDelay = drainDelay
		r := run(t, c, config.Ingress, ring, client.Options{HostPort: nowhere})
		r.accepts(t)
		opened := time.Now()
		slow := connect(t, r.url)
		slow.send("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body[:len(body)-1])
		waits := slow.quiet()
		began := time.Now()
		r.stop()
		ready := 0
		for ready != 503 && time.Since(began) < drainDelay {
			ready, _, _ = tryAsk(t, r.url+"/readyz")
		}
		_, checks, _ := tryAsk(t, r.internal+"/readyz")
		process, said := checkIn(checks, "process")
		stored, _ := tryPost(t, r.url, ring, "evt_1")
		_, _ = fmt.Fprint(slow, "}")
		got := fmt.Sprint("the slow one waits: ", waits, "; /readyz: ", ready, "; it says that it stops: ", said && !process.OK, "; a post: ", stored, "; the slow one: ", slow.statusOr0())
		took := time.Since(opened)
		<-r.ended
		require.NoError(t, r.err)
		require.GreaterOrEqual(t, time.Since(began), drainDelay)
		const want = "the slow one waits: true; /readyz: 503; it says that it stops: true; a post: 204; the slow one: 204"
		if got == want {
			return
		}
		if took < drainDelay/2 || tries == 10 { // else the machine was too slow to judge
			require.Equal(t, want, got)
		}
	}
}

func TestABucketThatIsAwayIsShownWhileTheWorkersRun(t *testing.T) {
	t.Parallel()
	var there atomic.Bool
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !there.Load() {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>files</Name></ListBucketResult>`)
	}))
	t.Cleanup(store.Close)
	stub := &polledStub{rates: map[string]float64{}}
	c := working()
	c.Bucket = "s3://files?region=eu-central-1&anonymous=true&use_path_style=true&endpoint=" + store.URL
	r := run(t, c, config.Worker, newRing(t), client.Options{HostPort: startPolled(t, stub, stub)})
	require.Contains(t, r.becomes(t, "bucket", false).Fix, "--bucket")
	r.becomes(t, "workers", true)
	there.Store(true)
	r.becomes(t, "bucket", true)
}

// receivingAndWorking is a process of both parts, with a Temporal that answers.
func receivingAndWorking(t *testing.T, change func(*config.Config)) (*running, *keyring.Ring) {
	t.Helper()
	stub := &polledStub{rates: map[string]float64{}}
	ring := newRing(t)
	c := working()
	c.Inbox, c.MaxBody, c.Drain = receiver(t).Inbox, 1<<20, 10*time.Second
	change(&c)
	return run(t, c, config.Ingress|config.Worker, ring, client.Options{HostPort: startPolled(t, stub, stub), Namespace: "orders"}), ring
}

func TestABucketFolderOnADiskThatIsAwayIsWaitedFor(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	disk, bucket := filepath.Join(folder, "away"), filepath.Join(folder, "link")
	require.NoError(t, os.Symlink(disk, bucket))
	r, ring := receivingAndWorking(t, func(c *config.Config) { c.Bucket = "file://" + bucket })
	r.receives(t, ring, "evt_1")
	require.Contains(t, r.becomes(t, "bucket", false).Fix, "--bucket")
	require.False(t, r.check(t, "workers").OK)
	require.NoError(t, os.Mkdir(disk, 0o700))
	r.becomes(t, "bucket", true)
	r.becomes(t, "workers", true)
}

func TestAFolderForDownloadsThatCannotBeWrittenToIsWaitedFor(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(disk string) error{
		"its disk is not mounted":     func(string) error { return nil },
		"a file is where its disk is": func(disk string) error { return os.WriteFile(disk, nil, 0o600) },
		"no user can write there":     func(disk string) error { return os.Symlink(disk, disk) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk, bucket := filepath.Join(t.TempDir(), "disk"), t.TempDir()
			folder := filepath.Join(disk, "scratch")
			require.NoError(t, spoil(disk))
			r, ring := receivingAndWorking(t, func(c *config.Config) { c.Bucket, c.Scratch = "file://"+bucket, folder })
			r.receives(t, ring, "evt_1")
			require.Contains(t, r.failsWith(t, "workers", "the folder for downloaded files can't be written to").Fix, "--scratch")
			require.NoError(t, os.RemoveAll(disk))
			require.NoError(t, os.MkdirAll(folder, 0o700))
			r.becomes(t, "workers", true)
		})
	}
}

// stuckBuckets open buckets that hang, as a folder on a network disk may, until a test closes the channel for the path.
type stuckBuckets struct{ released sync.Map }

func (s *stuckBuckets) OpenBucketURL(_ context.Context, u *url.URL) (*blob.Bucket, error) {
	if released, hangs := s.released.Load(u.Path); hangs {
		<-released.(chan struct{})
	}
	return memblob.OpenBucket(nil), nil
}

// stuck is registered before any test runs, because the processes of the tests read the same map.
var stuck = func() *stuckBuckets {
	s := new(stuckBuckets)
	blob.DefaultURLMux().RegisterBucket("stuck", s)
	return s
}()

func TestReceivingGoesOnWhileABucketHangs(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]func(t *testing.T, r *running, release func()){
		"until it answers": func(t *testing.T, r *running, release func()) {
			release()
			r.becomes(t, "bucket", true)
			r.becomes(t, "workers", true)
		},
		"and a stop does not wait for it": func(t *testing.T, r *running, _ func()) {
			r.stop()
			<-r.ended
			require.NoError(t, r.err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, released := t.TempDir(), make(chan struct{})
			stuck.released.Store(path, released)
			r, ring := receivingAndWorking(t, func(c *config.Config) { c.Bucket = "stuck://disk" + path })
			release := sync.OnceFunc(func() { close(released) })
			t.Cleanup(release)
			r.receives(t, ring, "evt_1")
			r.failsWith(t, "bucket", "the bucket does not answer")
			fix := r.failsWith(t, "workers", "the bucket or the folder for downloaded files hangs").Fix
			require.Contains(t, fix, "--bucket")
			require.Contains(t, fix, "--scratch")
			then(t, r, release)
		})
	}
}
