package torture

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/service"
)

// Stand-ins that do one thing wrong. Only this test binary has them.
const (
	roleEarlyIngress    role = "ingress-acknowledging-before-the-commit"
	roleForgetfulWorker role = "worker-without-seen-keys"
)

func init() {
	play[roleEarlyIngress] = playEarlyIngress
	play[roleForgetfulWorker] = playForgetfulWorker
}

// earlyBy is how long the acknowledgement is ahead of the commit.
const earlyBy = time.Second

// playEarlyIngress puts a front before the real ingress that answers 204 at once and hands the webhook on afterwards.
func playEarlyIngress(ctx context.Context, p part) error {
	behind, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	settings := p.service(config.Ingress)
	settings.Listener = behind
	inner := &url.URL{Scheme: "http", Host: behind.Addr().String()}
	e := &early{inner: inner, proxy: httputil.NewSingleHostReverseProxy(inner)}
	front := &http.Server{Addr: p.world.Ingress, Handler: e, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = front.ListenAndServe() }()
	err = service.Run(ctx, settings)
	return errors.Join(err, front.Close())
}

type early struct {
	inner   *url.URL
	proxy   *httputil.ReverseProxy
	handing sync.WaitGroup
}

func (e *early) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		e.proxy.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
	later, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), http.MethodPost, e.inner.JoinPath(r.URL.Path).String(), bytes.NewReader(body))
	if err != nil {
		return
	}
	later.Header = r.Header.Clone()
	e.handing.Go(func() {
		wait(context.Background(), earlyBy)
		if response, err := asks.Do(later); err == nil {
			_ = response.Body.Close()
		}
	})
}

// playForgetfulWorker runs the real workflows with their window of seen keys switched off: without a key no event is found in it.
func playForgetfulWorker(ctx context.Context, p part) error {
	settings := p.service(config.Worker)
	settings.Temporal.DataConverter = forgetful{converter.GetDefaultDataConverter()}
	return service.Run(ctx, settings)
}

type forgetful struct{ converter.DataConverter }

func (f forgetful) FromPayload(payload *commonpb.Payload, into any) error {
	return f.DataConverter.FromPayload(withoutKeys(payload), into)
}

func (f forgetful) FromPayloads(payloads *commonpb.Payloads, into ...any) error {
	forgotten := &commonpb.Payloads{}
	for _, payload := range payloads.GetPayloads() {
		forgotten.Payloads = append(forgotten.Payloads, withoutKeys(payload))
	}
	return f.DataConverter.FromPayloads(forgotten, into...)
}

var dedupeKey = regexp.MustCompile(`"dedupeKey":"[^"]*"`)

func withoutKeys(payload *commonpb.Payload) *commonpb.Payload {
	return &commonpb.Payload{Metadata: payload.GetMetadata(), Data: dedupeKey.ReplaceAll(payload.GetData(), []byte(`"dedupeKey":""`))}
}

func TestAnAcknowledgementBeforeTheCommitIsFoundAsALoss(t *testing.T) {
	for _, inbox := range []string{inboxSQLite, inboxPostgres} {
		t.Run(inbox, func(t *testing.T) {
			o := short(t, 2)
			o.Inbox, o.Kills = inbox, 4
			o.instead = map[role]role{roleIngress: roleEarlyIngress}
			// A database that is killed loses nothing here: the store tries again until it is back.
			o.only = map[role][]faultKind{roleIngress: {faultKill}}
			o.TimeLimit, o.faultsFirst = 10*time.Second, true // What was lost is waited for in vain.
			report := tortured(t, o)
			require.NotEmpty(t, violations(t, report, "each acknowledged event is in the inbox"))
		})
	}
}

func TestWorkflowsWithoutTheirWindowOfSeenKeysAreFoundToCountTwice(t *testing.T) {
	o := short(t, 3)
	o.Kills, o.Players = 4, 24
	o.instead = map[role]role{roleWorker: roleForgetfulWorker}
	o.only = map[role][]faultKind{roleIngress: {faultKill}}
	// Without the window an activation still finds most repetitions by what they say. A question that was replaced counts again, so there must be
	// open cases at each kill.
	o.onlyCases = true
	report := tortured(t, o)
	require.NotEmpty(t, violations(t, report, "no event counts twice"))
	require.Empty(t, violations(t, report, "each acknowledged event is in the inbox"))
}
