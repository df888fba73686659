package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/buildinfo"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestMain(m *testing.M) { testenv.RunWithoutLeaks(m) }

// ended is a command that ends by itself.
func ended(t *testing.T, args ...string) (status int, errOut string) {
	t.Helper()
	var said bytes.Buffer
	status = run(t.Context(), args, io.Discard, &said)
	return status, said.String()
}

func TestWhatCanNotBeUsedIsRefusedWithItsFlag(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, taken.Close()) })
	const here = "127.0.0.1:0"
	for want, args := range map[string][]string{
		"--listen: another process listens on " + taken.Addr().String(): {"--listen", taken.Addr().String(), "--state", ""},
		"--listen: listen tcp": {"--listen", "127.0.0.1:no-port", "--state", ""},
		"--public-url":         {"--public-url", "hooks.example.com", "--listen", here, "--state", ""},
		"--state":              {"--state", "/dev/null/state", "--listen", here},
		"--offload-call":       {"--offload-call", "throttle", "--listen", here, "--state", ""},
		"unknown flag: --listne: did you mean --listen?\nsee `signalbox-sim --help`\n": {"--listne", "1"},
	} {
		status, said := ended(t, args...)
		require.Equal(t, 2, status, want)
		require.Contains(t, said, want)
	}
}

func TestTheVersionIsShown(t *testing.T) {
	t.Parallel()
	var shown bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"--version"}, &shown, io.Discard))
	require.Equal(t, "signalbox-sim version "+buildinfo.Version()+"\n", shown.String())
}

// guideOf runs the command until its guide is complete, stops it, and returns the guide.
func guideOf(t *testing.T, args ...string) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	said, out := io.Pipe()
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, append([]string{"--listen", "127.0.0.1:0"}, args...), out, out)
		_ = out.Close()
	}()
	// The guide is written at once, and nothing after it.
	guide := make([]byte, 64<<10)
	n := 0
	for !strings.Contains(string(guide[:n]), "signalbox case wait") {
		read, err := said.Read(guide[n:])
		require.NoError(t, err, string(guide[:n]))
		n += read
	}
	stop()
	rest, err := io.ReadAll(said)
	require.NoError(t, err)
	require.Zero(t, <-status, "a stop is no failure")
	return string(guide[:n]) + string(rest)
}

func exported(t *testing.T, guide, name string) string {
	t.Helper()
	_, value, found := strings.Cut(guide, "export "+name+"=")
	require.True(t, found, "%s is missing:\n%s", name, guide)
	value, _, _ = strings.Cut(value, "\n")
	return value
}

func TestTheSecretsStayWithTheState(t *testing.T) {
	t.Parallel()
	state := filepath.Join(t.TempDir(), "state")
	first, again, other := guideOf(t, "--state", state), guideOf(t, "--state", state), guideOf(t, "--state", "")
	require.Equal(t, exported(t, first, "SIGNALBOX_OFFLOAD_API_KEY"), exported(t, again, "SIGNALBOX_OFFLOAD_API_KEY"))
	require.NotEqual(t, exported(t, first, "SIGNALBOX_OFFLOAD_API_KEY"), exported(t, other, "SIGNALBOX_OFFLOAD_API_KEY"))

	require.NoError(t, os.WriteFile(filepath.Join(state, "secrets.json"), []byte("{}"), 0o600))
	status, said := ended(t, "--listen", "127.0.0.1:0", "--state", state)
	require.Equal(t, 2, status)
	require.Contains(t, said, "secrets.json does not hold the secrets: remove it")
}

func TestSignalboxListensWhereItsPublicURLSays(t *testing.T) {
	t.Parallel()
	for public, want := range map[string]string{
		"http://127.0.0.1:9090":      "127.0.0.1:9090",
		"http://[::1]:9090":          "[::1]:9090",
		"http://localhost:9090":      "localhost:9090",
		"https://hooks.example.com/": ":8080",
	} {
		guide := guideOf(t, "--state", "", "--public-url", public)
		require.Equal(t, want, exported(t, guide, "SIGNALBOX_LISTEN"))
		require.Equal(t, public, exported(t, guide, "SIGNALBOX_PUBLIC_URL"))
		require.Contains(t, guide, "posts to "+strings.TrimSuffix(public, "/")+"/webhooks/artmail/demo-agent\n")
	}
}
