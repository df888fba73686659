//go:build unix

package ingress_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// diskFolder is the environment variable that makes this test binary serve from a folder, as a child process.
const diskFolder = "SIGNALBOX_TEST_DISK_FOLDER"

// serveOnALimitedDisk is the child process: the real ingress on the real inbox, with a limit on the size of its files, which also holds for
// root. It prints its address and a case's path. Each line of its input sets that limit in bytes.
func serveOnALimitedDisk() bool {
	folder := testenv.Variable(diskFolder)
	if folder == "" {
		return false
	}
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	store, err := sqlite.Open(context.Background(), filepath.Join(folder, "inbox.db"), sqlite.Options{})
	must(err)
	keys, err := keyring.Generate()
	must(err)
	c := config()
	c.OffloadBudget = 3 * time.Second // each refused post waits so long
	at := time.Now()
	server, err := ingress.New(c, ingress.Deps{
		Keys: keys, Inbox: store, Logger: zap.NewNop(), Metrics: prometheus.NewRegistry(),
		Now: func() time.Time { return at }, // it stays unready from a failed write to a good one
	})
	must(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	fmt.Printf("http://%s %s\n", listener.Addr(), workflows.OffloadWebhookPath("order-1", keys.Token(workflows.OffloadTokenContext("order-1")...)))
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); fmt.Println("done") {
		var limit syscall.Rlimit
		must(syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit))
		limit.Cur = limit.Max
		if lines.Text() != "all" {
			size, err := strconv.ParseUint(lines.Text(), 10, 63)
			must(err)
			limit.Cur = size
		}
		must(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
	}
	cancel()
	must(<-served)
	must(store.Close())
	return true
}

// provider posts on a new connection each time, so that no connection stays open.
var provider = http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}

// child is the test's view of that process.
type child struct {
	url, path string
	input     io.WriteCloser
	output    *bufio.Scanner
}

func (c *child) filesMayHave(t *testing.T, size string) {
	t.Helper()
	_, err := fmt.Fprintln(c.input, size)
	require.NoError(t, err)
	require.True(t, c.output.Scan())
	require.Equal(t, "done", c.output.Text())
}

func (c *child) get(t *testing.T, path string) int {
	t.Helper()
	response, err := provider.Get(c.url + path)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode
}

// post sends the event with this number, in a body of about 30 KiB.
func (c *child) post(t *testing.T, event int) (status int, retryAfter string) {
	t.Helper()
	body := fmt.Sprintf(`{"event_id":"evt_%d","event_type":"case.completed","data":{"caseId":"c1"}}`, event) + strings.Repeat(" ", 30<<10)
	response, err := provider.Post(c.url+c.path, "application/json", strings.NewReader(body))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode, response.Header.Get("Retry-After")
}

// While the disk is full or read-only, the answer is 503 and acknowledged events are kept. Once there is room, the same process stores again.
func TestAFullDiskIsAnsweredWith503UntilThereIsRoom(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]string{"full": strconv.Itoa(2 << 20), "read-only": "0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			command := testenv.Child(t, diskFolder+"="+folder)
			input, err := command.StdinPipe()
			require.NoError(t, err)
			output, err := command.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, command.Start())
			c := &child{input: input, output: bufio.NewScanner(output)}
			ended := false
			t.Cleanup(func() {
				if !ended {
					_ = command.Process.Kill()
					_ = command.Wait()
				}
			})
			require.True(t, c.output.Scan())
			var found bool
			c.url, c.path, found = strings.Cut(c.output.Text(), " ")
			require.True(t, found)

			sent, acknowledged := 0, map[string]bool{}
			post := func() int {
				sent++
				status, retryAfter := c.post(t, sent)
				require.Contains(t, []int{204, 503}, status)
				require.Equal(t, status == 503, retryAfter != "", "a 503 has Retry-After, a 204 has none")
				if status == 204 {
					acknowledged[fmt.Sprint("case.completed/evt_", sent)] = true
				}
				return status
			}
			// On a busy machine a post may use up its budget, and a check of the inbox its second.
			accepted := func() {
				t.Helper()
				eventually(t, "an event is stored", func() bool { return post() == 204 })
				eventually(t, "ready", func() bool { return c.get(t, "/readyz") == 200 })
			}
			accepted()
			c.filesMayHave(t, size)
			for refused := 0; refused < 3; {
				if post() == 503 {
					refused++
				}
				require.Less(t, sent, 1000, "the limit is never reached")
			}
			require.Equal(t, 503, c.get(t, "/readyz"))
			require.Equal(t, 200, c.get(t, "/healthz"), "a restart would not help")
			c.filesMayHave(t, "all")
			accepted()

			require.NoError(t, c.input.Close())
			require.NoError(t, command.Wait())
			ended = true
			requireKept(t, filepath.Join(folder, "inbox.db"), acknowledged)
		})
	}
}

// requireKept opens the inbox again and requires each key exactly once.
func requireKept(t *testing.T, path string, keys map[string]bool) {
	t.Helper()
	store, err := sqlite.Open(context.Background(), path, sqlite.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	kept := map[string]bool{}
	for f := (inbox.Filter{Limit: inbox.MaxPage}); ; {
		page, err := store.List(context.Background(), f)
		require.NoError(t, err)
		for _, d := range page.Deliveries {
			require.False(t, kept[d.DedupeKey])
			kept[d.DedupeKey] = true
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			break
		}
	}
	for key := range keys {
		require.True(t, kept[key], "%s was acknowledged", key)
	}
}
