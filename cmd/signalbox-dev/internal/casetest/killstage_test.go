package casetest_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/service"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// callback is the name of the callback that killStage.hook receives.
const callback = "finance"

// killStage has its own Temporal: no other worker may take what the killed one leaves.
type killStage struct {
	offload  *provider
	artmail  *artmailsim.Simulator
	hook     *hook
	temporal client.Client
	apps     *signalbox.Client
	bucket   string
	worker   workerProcess
}

func newStage(t *testing.T) *killStage {
	t.Helper()
	offload, err := newProvider()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, offload.close()) })
	go stories.ResendAll(t.Context(), offload.Simulator)
	server, err := temporaldev.Start(t.Context(), temporaldev.Options{SearchAttributes: worker.SearchAttributes(), DynamicConfig: impatientServer})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	temporal, err := server.Dial(t.Context(), payloadtest.Apply)
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	stopReceivers, err := startReceivers(temporal)
	require.NoError(t, err)
	t.Cleanup(stopReceivers)

	folder := t.TempDir()
	keys, err := keyring.LoadOrCreate(filepath.Join(folder, "keyring.json"))
	require.NoError(t, err)
	listener, err := net.Listen("tcp", anyPort)
	require.NoError(t, err)
	url := "http://" + listener.Addr().String()
	agents := map[string]config.Agent{agent: {
		Secrets:  []string{agentSecret},
		Options:  workflows.ActivationOptions{CheckApprovalQueue: authorQueue},
		HandOver: &workflows.HandOver{WorkflowType: handOver, TaskQueue: receiverQueue},
	}}
	ingress, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- service.Run(ingress, service.Settings{
			Config: config.Config{
				PublicURL: url, Inbox: filepath.Join(folder, "inbox.db"), Agents: agents,
				MaxBody: 1 << 20, UnmatchedGrace: time.Minute, Drain: 10 * time.Second,
			},
			Parts: config.Ingress, Keyring: keys, Payloads: payloadtest.Keys(), Listener: listener, Log: zap.NewNop(),
			Temporal: client.Options{HostPort: server.FrontendAddr(), Namespace: server.Namespace()},
		})
	}()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	artmail, err := artmailsim.New(artmailsim.Options{Agents: []artmailsim.Agent{{
		Slug: agent, WebhookURL: url + "/webhooks/artmail/" + agent, Secret: agentSecret,
	}}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, artmail.Close()) })
	require.NoError(t, artmail.Webhooks.Faults.Plan(courier.Rule{Fault: courier.Drop, Event: artmailsim.EventApprovalResponse, Times: -1}))
	artmailAPI := httptest.NewServer(artmail)
	t.Cleanup(artmailAPI.Close)
	received := newHook(t)
	apps, err := signalbox.New(temporal, signalbox.Options{Keyring: keys, PublicURL: url})
	require.NoError(t, err)
	bucket := t.TempDir()
	return &killStage{
		offload: offload, artmail: artmail, hook: received, temporal: temporal, apps: apps, bucket: bucket,
		worker: workerProcess{
			Keyring: filepath.Join(folder, "keyring.json"), Temporal: server.FrontendAddr(), Namespace: server.Namespace(), Artmail: artmailAPI.URL,
			Config: config.Config{
				PublicURL: url, Agents: agents,
				Accounts:  map[string]config.Account{workflows.DefaultAccount: {BaseURL: offload.url, APIKey: apiKey}},
				Callbacks: map[string]config.Callback{callback: {URL: received.url, Secrets: []string{received.secret}, AllowPrivate: true, AllowHTTP: true}},
				Bucket:    "file://" + filepath.ToSlash(bucket), BucketMaxFile: 1 << 20, Scratch: folder,
				DownloadAllowPrivate: true, DownloadAllowHTTP: true,
			},
		},
	}
}

// hook receives callbacks and remembers them in the order in which they came, repetitions included.
type hook struct {
	url, secret string

	mu   sync.Mutex
	took []workflows.Notice
}

func newHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{secret: "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef01234567"))}
	verifier, err := standardwebhooks.NewWebhook(h.secret)
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var n workflows.Notice
		if err != nil || verifier.Verify(body, r.Header) != nil || json.Unmarshal(body, &n) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.took = append(h.took, n)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

// of lists what came about a workflow.
func (h *hook) of(source string) (took []workflows.Notice) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range h.took {
		if n.Source == source {
			took = append(took, n)
		}
	}
	return took
}
