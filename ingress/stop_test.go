package ingress_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// slow is an inbox that waits before it stores.
type slow struct {
	inbox.Store
	entered chan struct{}
	leave   chan struct{}
	once    sync.Once
}

func (s *slow) Append(ctx context.Context, deliveries []inbox.Delivery) ([]inbox.Receipt, error) {
	s.once.Do(func() { close(s.entered) })
	select {
	case <-s.leave:
		return s.Store.Append(ctx, deliveries)
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", inbox.ErrBusy, ctx.Err())
	}
}

func TestAStopAnswersRequestsUnderWay(t *testing.T) {
	t.Parallel()
	store := &slow{entered: make(chan struct{}), leave: make(chan struct{})}
	f := start(t, config(), func(s inbox.Store) inbox.Store {
		store.Store = s
		return store
	})
	answered := make(chan answer, 1)
	go func() { answered <- f.post(t, f.offloadPath("order-1"), completed) }()
	<-store.entered
	stopped := make(chan error, 1)
	go func() { stopped <- f.stop() }()
	<-f.notListening
	select {
	case err := <-stopped:
		t.Fatalf("stopped before the answer: %v", err)
	default:
	}
	close(store.leave)
	require.Equal(t, http.StatusNoContent, (<-answered).status)
	require.NoError(t, <-stopped)
	require.Len(t, f.kept(t), 1)
}

func TestADrainingServerIsNotReadyButAccepts(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	f.ready(t)
	f.drain()
	require.Equal(t, 503, f.do(t, "GET", "/readyz", nil).status)
	require.Equal(t, 200, f.do(t, "GET", "/healthz", nil).status, "it is alive, so an orchestrator does not kill it")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url+f.offloadPath("order-1"), strings.NewReader(completed))
	require.NoError(t, err)
	response, err := f.client.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusNoContent, response.StatusCode)
	require.True(t, response.Close, "the sender's next webhook takes a new connection, to another process")
	require.Len(t, f.kept(t), 1)
}

// Every acknowledged webhook is in the inbox, even if the stop comes under load.
func TestAStopUnderLoadLosesNoAcknowledgedWebhook(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	path := f.offloadPath("order-1")
	var acknowledged, unexpected atomic.Int64
	var enough sync.Once
	under := make(chan struct{})
	var clients sync.WaitGroup
	for c := range 16 {
		clients.Go(func() {
			for n := 0; ; n++ {
				body := fmt.Sprintf(`{"event_id":"evt_%d_%d","event_type":"case.failed","data":{"caseId":"c1"}}`, c, n)
				request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, f.url+path, strings.NewReader(body))
				if err != nil {
					unexpected.Add(1)
					return
				}
				response, err := f.client.Do(request)
				if err != nil {
					return // the server has gone
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				if response.StatusCode != http.StatusNoContent {
					unexpected.Add(1)
					return
				}
				if acknowledged.Add(1) == 200 {
					enough.Do(func() { close(under) })
				}
			}
		})
	}
	<-under
	require.NoError(t, f.stop())
	clients.Wait()
	require.Zero(t, unexpected.Load(), "every answer that came was 204")
	counts, err := f.store.Counts(context.Background())
	require.NoError(t, err)
	require.GreaterOrEqual(t, counts[inbox.StatePending], acknowledged.Load())
}

func TestAStopCutsABodyThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	c := config()
	c.OffloadBudget, c.ArtmailBudget, c.StopTimeout = 50*time.Millisecond, 50*time.Millisecond, 200*time.Millisecond
	c.ReadTimeout = time.Hour // a stop that does not cut the body ends no test
	f := start(t, c, nil)
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\nExpect: 100-continue\r\n\r\n", f.offloadPath("order-1"))
	require.NoError(t, err)
	line, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 100 Continue\r\n", line, "the body is being read")
	require.NoError(t, f.stop())
	require.Len(t, f.logs.FilterMessage("request").All(), 1, "the request has ended before the stop has")
	require.Empty(t, f.kept(t))
}

func TestABodyWithoutALengthIsCappedToo(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	send := func(size int) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url+f.offloadPath("order-1"), io.MultiReader(strings.NewReader(completed), strings.NewReader(strings.Repeat(" ", size))))
		require.NoError(t, err)
		require.EqualValues(t, 0, request.ContentLength, "it is sent in chunks")
		response, err := f.client.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode
	}
	require.Equal(t, http.StatusRequestEntityTooLarge, send(1<<20))
	require.Equal(t, http.StatusNoContent, send(1<<19))
}

func TestASlowBodyIsAnsweredWith408(t *testing.T) {
	t.Parallel()
	c := config()
	c.ReadTimeout = 2 * time.Second // from the moment the connection is accepted
	f := start(t, c, nil)
	eventually(t, "an answer", func() bool {
		conn := f.connect(t)
		_, _ = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{", f.offloadPath("order-1"))
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return false // the headers came too late
		}
		require.Equal(t, http.StatusRequestTimeout, response.StatusCode)
		require.NoError(t, response.Body.Close())
		return true
	})
}

func TestAWebhookIsStoredEvenIfItsSenderHangsUp(t *testing.T) {
	t.Parallel()
	store := &slow{entered: make(chan struct{}), leave: make(chan struct{})}
	f := start(t, config(), func(s inbox.Store) inbox.Store {
		store.Store = s
		return store
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(f.url, "http://"))
	require.NoError(t, err)
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", f.offloadPath("order-1"), len(completed), completed)
	require.NoError(t, err)
	<-store.entered
	require.NoError(t, conn.Close())
	close(store.leave)
	eventually(t, "stored", func() bool { return len(f.kept(t)) == 1 })
}
