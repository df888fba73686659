package sqlite_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/inboxtest"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// What the test passes to its child: the folder, and which store it has.
const (
	receiveFolder = "SIGNALBOX_TEST_RECEIVE_FOLDER"
	receiveStore  = "SIGNALBOX_TEST_RECEIVE_STORE"
)

// stores are the real one and two that must be found out.
var stores = map[string]func(context.Context, string) (inbox.Store, error){
	"synced": func(ctx context.Context, path string) (inbox.Store, error) {
		return sqlite.Open(ctx, path, sqlite.Options{})
	},
	"unsynced": func(ctx context.Context, path string) (inbox.Store, error) {
		return sqlite.OpenUnsynced(ctx, path, sqlite.Options{})
	},
	"hasty": func(ctx context.Context, path string) (inbox.Store, error) {
		s, err := sqlite.Open(ctx, path, sqlite.Options{})
		return hasty{s}, err
	},
}

// hasty says that it has stored what it is about to store.
type hasty struct{ inbox.Store }

func (h hasty) Append(_ context.Context, deliveries []inbox.Delivery) ([]inbox.Receipt, error) {
	go func() { _, _ = h.Store.Append(context.Background(), deliveries) }()
	return make([]inbox.Receipt, len(deliveries)), nil
}

// receiveUntilTold is the child: the ingress before its inbox, and something like a relay behind it, until its input ends. It prints where it listens.
func receiveUntilTold() bool {
	folder := testenv.Variable(receiveFolder)
	if folder == "" {
		return false
	}
	if err := receive(folder, testenv.Variable(receiveStore)); err != nil {
		panic(err)
	}
	return true
}

func receive(folder, store string) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	keys, err := keyring.LoadOrCreate(filepath.Join(folder, "keys.json"))
	if err != nil {
		return err
	}
	kept, err := stores[store](ctx, filepath.Join(folder, "inbox.db"))
	if err != nil {
		return err
	}
	server, err := ingress.New(ingress.Config{OffloadBudget: time.Minute, StopTimeout: 2 * time.Minute}, ingress.Deps{
		Keys: keys, Inbox: kept, Logger: zap.NewNop(), Metrics: prometheus.NewRegistry(), Now: time.Now,
	})
	if err != nil {
		return err
	}
	// What need not be synced is written over the same connection before and between the events.
	if err := deliver(kept); err != nil {
		return err
	}
	delivering, stopDelivering := context.WithCancel(context.Background())
	var delivered errgroup.Group
	delivered.Go(func() error {
		for {
			select {
			case <-kept.Wake():
				if err := deliver(kept); err != nil {
					return err
				}
			case <-delivering.Done():
				return nil
			}
		}
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		stopDelivering()
		return err
	}
	fmt.Println(listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	err = server.Serve(ctx, listener)
	stopDelivering()
	err = errors.Join(err, delivered.Wait())
	if err == nil && store == "synced" {
		err = act(kept)
	}
	return errors.Join(err, kept.Close())
}

// deliver claims and settles what is pending.
func deliver(kept inbox.Store) error {
	for {
		now := time.Now()
		lanes, err := kept.Claim(context.Background(), inbox.ClaimRequest{Owner: "relay", Now: now, Lease: time.Minute, MaxLanes: 10, MaxPerLane: 10})
		if err != nil || len(lanes) == 0 {
			return err
		}
		request := inbox.SettleRequest{Now: now, Claims: inboxtest.Claims(lanes)}
		for _, lane := range lanes {
			for _, d := range lane.Deliveries {
				request.Settlements = append(request.Settlements, inbox.Finish(d.ID, inbox.StateDelivered, ""))
			}
		}
		if err := kept.Settle(context.Background(), request); err != nil {
			return err
		}
	}
}

// What a person does, and the texts that its rows hold: the first event is replayed.
const (
	audited  = "synced-audit"
	replayed = "synced-00-00"
)

// act replays an event and writes an audit record, each after a claim, and prints when it begins and ends.
func act(kept inbox.Store) error {
	ctx := context.Background()
	for name, do := range map[string]func() error{
		audited: func() error {
			return kept.Audit(ctx, inbox.AuditEntry{At: time.Now(), Who: "ada", Action: "reveal", Subject: audited})
		},
		replayed: func() error {
			page, err := kept.List(ctx, inbox.Filter{Lane: workflows.OffloadCaseWorkflowID(replayed)})
			if err != nil || len(page.Deliveries) != 1 {
				return fmt.Errorf("%d deliveries: %w", len(page.Deliveries), err)
			}
			return kept.Replay(ctx, page.Deliveries[0].ID, time.Now())
		},
	} {
		if err := deliver(kept); err != nil {
			return err
		}
		fmt.Println("begins", name)
		if err := do(); err != nil {
			return err
		}
		fmt.Println("ends", name)
	}
	return nil
}

// needTracing skips a test where strace is not installed or may not trace.
func needTracing(t *testing.T) {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "strace", "-f", "-o", os.DevNull, "true").CombinedOutput()
	if err != nil {
		testenv.Missing(t, "strace", fmt.Sprintf("install it, and let processes be traced: %v %s", err, output))
	}
}

const (
	connections = 8
	eventsOfOne = 12
)

// traced has a child receive events on several connections at a time, under strace, and returns the trace and what was sent.
func traced(t *testing.T, store string) (calls []systemCall, wal string, references []string) {
	t.Helper()
	needTracing(t)
	folder, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	keys, err := keyring.LoadOrCreate(filepath.Join(folder, "keys.json"))
	require.NoError(t, err)
	trace := filepath.Join(folder, "trace")
	// Strings are whole: no page and no request here is longer.
	receiver := testenv.Child(t, receiveFolder+"="+folder, receiveStore+"="+store)
	child := exec.Command("strace", "-f", "-y", "-xx", "-s", "8192", "-e", "trace=open,openat,read,write,pwrite64,fsync,fdatasync", "-o", trace, receiver.Path)
	child.Env, child.Stderr = receiver.Env, receiver.Stderr
	alive, err := child.StdinPipe()
	require.NoError(t, err)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	// Whatever happens here, the child ends with its input.
	t.Cleanup(func() { _ = alive.Close() })
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan(), "the child says where it listens")
	address := lines.Text()

	var posting sync.WaitGroup
	transport := &http.Transport{MaxIdleConnsPerHost: connections}
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	failures := make(chan error, connections*eventsOfOne)
	for c := range connections {
		posting.Go(func() {
			for n := range eventsOfOne {
				reference := fmt.Sprintf("synced-%02d-%02d", c, n)
				failures <- post(client, "http://"+address+workflows.OffloadWebhookPath(reference, keys.Token(workflows.OffloadTokenContext(reference)...)))
			}
		})
		for n := range eventsOfOne {
			references = append(references, fmt.Sprintf("synced-%02d-%02d", c, n))
		}
	}
	posting.Wait()
	transport.CloseIdleConnections()
	require.NoError(t, alive.Close())
	require.NoError(t, child.Wait())
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}

	file, err := os.Open(trace)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	calls, err = readTrace(file)
	require.NoError(t, err)
	return calls, filepath.Join(folder, "inbox.db-wal"), references
}

// post posts an event without its reference, which so is only in the path.
func post(client *http.Client, url string) error {
	const event = `{"event_id":"evt_1","event_type":"case.completed","timestamp":1748000000000,"data":{"caseId":"c","status":"COMPLETED"}}`
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader([]byte(event)))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusNoContent {
		err = fmt.Errorf("answered %s", response.Status)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return err
}

// The tracer writes a call in two parts where another thread's comes in between.
func TestATraceShowsWhichCallCameFirst(t *testing.T) {
	t.Parallel()
	const wal = "/w"
	x := func(text string) string {
		escaped := ""
		for _, b := range []byte(text) {
			escaped += fmt.Sprintf(`\x%02x`, b)
		}
		return escaped
	}
	var (
		asked  = `7 read(5<socket:[1]>, "` + x("POST /webhooks/offload/ref/token HTTP/1.1") + `", 4096) = 41`
		header = func(size string) string {
			return `8 pwrite64(9<` + x(wal) + `>, "` + x("page"+size+strings.Repeat("-", 16)) + `", 24, 32) = 24`
		}
		row      = `8 pwrite64(9<` + x(wal) + `>, "` + x("a row of ref") + `", 12, 56) = 12`
		more     = `8 pwrite64(9<` + x(wal) + `>, "` + x("another page") + `", 12, 92) = 12`
		sync     = `8 fdatasync(9<` + x(wal) + `> <unfinished ...>`
		synced   = `8 <... fdatasync resumed>) = 0`
		failed   = `8 <... fdatasync resumed>) = -1 EIO (Input/output error)`
		answered = `7 write(5<socket:[1]>, "` + x("HTTP/1.1 204 No Content") + `", 23) = 23`
	)
	const notEnd, end = "\x00\x00\x00\x00", "\x00\x00\x00\x02"
	for name, c := range map[string]struct {
		lines []string
		want  string
	}{
		"in order":                           {[]string{asked, header(end), row, sync, synced, answered}, ""},
		"the answer during the sync":         {[]string{asked, header(end), row, sync, answered, synced}, "the answer (line 5) came before the sync (line 6)"},
		"the sync failed":                    {[]string{asked, header(end), row, sync, failed, answered}, "it was not synced"},
		"a sync before the transaction ends": {[]string{asked, header(notEnd), row, sync, synced, header(end), more, answered}, "it was not synced"},
		"no end of the transaction":          {[]string{asked, header(notEnd), row, sync, synced, answered}, "its transaction was not ended"},
		"nothing written":                    {[]string{asked, sync, synced, answered}, "it was not written"},
		"written before it was asked":        {[]string{header(end), row, sync, synced, asked, answered}, "it was not written"},
		"no answer":                          {[]string{asked, header(end), row, sync, synced}, "it was not acknowledged"},
	} {
		calls, err := readTrace(strings.NewReader(strings.Join(c.lines, "\n")))
		require.NoError(t, err, name)
		require.Equal(t, c.want, tooEarly(calls, wal, []string{"ref"})["ref"], name)
	}
	_, err := readTrace(strings.NewReader(`7 write(5<socket:[1]>, "\x41"..., 23) = 23`))
	require.ErrorContains(t, err, "cut short")
}

// A killed process can't show it, since the system keeps what was written; the system calls do.
func TestNoAcknowledgementLeavesBeforeItsCommitIsSynced(t *testing.T) {
	t.Parallel()
	calls, wal, references := traced(t, "synced")
	require.Empty(t, tooEarly(calls, wal, references))
	for _, name := range []string{audited, replayed} {
		require.Empty(t, beforeItWasSafe(framesOf(calls, wal), syncsOf(calls, wal), name, printed(calls, "begins "+name), printed(calls, "ends "+name)), name)
	}
	require.True(t, namesSynced(calls, wal), "the folder of the log is synced before the first acknowledgement")
}

func TestACommitWithoutASyncIsFound(t *testing.T) {
	t.Parallel()
	calls, wal, references := traced(t, "unsynced")
	early := tooEarly(calls, wal, references)
	require.Len(t, early, len(references))
	for reference, why := range early {
		require.Equal(t, "it was not synced", why, reference)
	}
}

func TestAnAcknowledgementBeforeTheCommitIsFound(t *testing.T) {
	t.Parallel()
	calls, wal, references := traced(t, "hasty")
	require.NotEmpty(t, tooEarly(calls, wal, references))
}
