package dev_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/worker"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/payloadcodec"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

const payloadKeys = "payload-keys.json"

// rotatedParts are restarted in the order that deploy/ENCRYPTION.md asks for.
var rotatedParts = []string{"worker", "ingress", "app"}

// rotation is a worker and an ingress by the production binary, and an app in this process. Each has the payload keys that the document held when
// it was started.
type rotation struct {
	t         *testing.T
	folder    string
	environ   []string
	publicURL string
	server    *temporaldev.Server
	providers *sim.Providers
	running   map[string]*rotated
	temporal  client.Client
	apps      *signalbox.Client
	// asked is the reference of a case and activated the activationId of an activation that stay open; briefs counts the cases that do not.
	asked, activated string
	briefs           int
}

// rotated is a running process.
type rotated struct {
	command *exec.Cmd
	log     lockedBuffer
}

func newRotation(t *testing.T) *rotation {
	t.Helper()
	address := freeAddress(t)
	r := &rotation{t: t, folder: t.TempDir(), publicURL: "http://" + address, running: map[string]*rotated{}}
	var err error
	r.server, err = temporaldev.Start(t.Context(), temporaldev.Options{SearchAttributes: worker.SearchAttributes()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.server.Stop()) })
	const offloadKey, agentSecret = "key-1", "agent-secret"
	r.providers, err = sim.Start(sim.Options{Listen: anyPort, PublicURL: r.publicURL, Pace: 20 * time.Millisecond, OffloadKey: offloadKey, AgentSecret: agentSecret})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.providers.Stop()) })
	go stories.ResendAll(t.Context(), r.providers.Offload)
	r.environ = []string{
		"HOME=" + r.folder, "TEMPORAL_ADDRESS=" + r.server.FrontendAddr(), "SIGNALBOX_CONFIG=signalbox.yaml",
		"SIGNALBOX_KEYRING=keys.json", "SIGNALBOX_PAYLOAD_KEYS=" + payloadKeys, "SIGNALBOX_INBOX=inbox.db", "SIGNALBOX_DRAIN_DELAY=0s",
		"SIGNALBOX_LISTEN=" + address, "SIGNALBOX_PUBLIC_URL=" + r.publicURL, "SIGNALBOX_OFFLOAD_BASE_URL=" + r.providers.OffloadURL(),
		"SIGNALBOX_OFFLOAD_API_KEY=" + offloadKey,
	}
	config := fmt.Appendf(nil, "agents: {%s: {secrets: [%s]}}\n", sim.Agent, agentSecret)
	require.NoError(t, os.WriteFile(filepath.Join(r.folder, "signalbox.yaml"), config, 0o600))
	r.succeeds("keys", "create", "keys.json")
	r.succeeds("keys", "create", "--payloads", payloadKeys)
	t.Cleanup(func() {
		for _, part := range rotatedParts {
			r.stop(part)
		}
	})
	for _, part := range rotatedParts {
		r.restart(part)
	}
	return r
}

func (r *rotation) command(log *lockedBuffer, environ []string, args ...string) *exec.Cmd {
	r.t.Helper()
	command := exec.CommandContext(context.WithoutCancel(r.t.Context()), productionBinary(r.t), args...)
	command.Dir, command.Env, command.Stdout, command.Stderr = r.folder, environ, log, log
	testenv.KillWithParent(command)
	return command
}

// run runs a command line to its end.
func (r *rotation) run(args ...string) (status int, said string) {
	r.t.Helper()
	var log lockedBuffer
	command := r.command(&log, r.environ, args...)
	var failed *exec.ExitError
	if err := command.Run(); err != nil && !errors.As(err, &failed) {
		require.NoError(r.t, err)
	}
	return command.ProcessState.ExitCode(), log.String()
}

func (r *rotation) succeeds(args ...string) {
	r.t.Helper()
	status, said := r.run(args...)
	require.Zero(r.t, status, said)
}

// restart starts a part again, or for the first time, and returns when it is of use.
func (r *rotation) restart(part string) {
	r.t.Helper()
	r.stop(part)
	if part == "app" {
		var err error
		r.temporal, err = r.server.Dial(r.t.Context(), payloadcodec.New(r.ring()).Apply)
		require.NoError(r.t, err)
		r.apps, err = signalbox.New(r.temporal, signalbox.Options{Keyring: r.document("keys.json"), PublicURL: r.publicURL})
		require.NoError(r.t, err)
		return
	}
	internal, p := freeAddress(r.t), &rotated{}
	// On a starved machine the SDK would take a workflow that has no processor for a second to be deadlocked, and fail its task.
	p.command = r.command(&p.log, append(slices.Clip(r.environ), "SIGNALBOX_INTERNAL_LISTEN="+internal, "TEMPORAL_DEBUG=1"), part)
	require.NoError(r.t, p.command.Start())
	r.running[part] = p
	eventuallyReady(r.t, "http://"+internal+"/readyz")
}

func (r *rotation) stop(part string) {
	r.t.Helper()
	if part == "app" {
		if r.temporal != nil {
			r.temporal.Close()
			r.temporal = nil
		}
		return
	}
	if p := r.running[part]; p != nil {
		delete(r.running, part)
		require.NoError(r.t, p.command.Process.Signal(syscall.SIGTERM))
		require.NoError(r.t, waitFor(p.command), p.log.String())
		if r.t.Failed() {
			r.t.Log(p.log.String())
		}
	}
}

func (r *rotation) document(name string) *keyring.Ring {
	r.t.Helper()
	document, err := os.ReadFile(filepath.Join(r.folder, name))
	require.NoError(r.t, err)
	ring, err := keyring.Parse(document)
	require.NoError(r.t, err)
	return ring
}

// ring is what the document of the payload keys holds now.
func (r *rotation) ring() *keyring.Ring {
	r.t.Helper()
	return r.document(payloadKeys)
}
