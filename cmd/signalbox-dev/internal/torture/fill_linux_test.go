package torture

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// pingsInVain is when an ingress that does not answer as it should is given up: by then it was pinged with a full disk and after that.
const pingsInVain = 4

func TestAFullDiskHasToBeRefusedAndRecoveredFrom(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		// answer is how an ingress answers while its disk is full, and after that.
		answer func(full bool, w http.ResponseWriter)
		want   string
	}{
		"as it should be": {func(full bool, w http.ResponseWriter) {
			if full {
				w.Header().Set("Retry-After", "5")
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		}, ""},
		"acknowledged all the same": {func(_ bool, w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }, "with a full disk: it answered 204"},
		"refused without an advice": {func(_ bool, w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }, "no Retry-After"},
		"refused for ever": {func(_ bool, w http.ResponseWriter) {
			w.Header().Set("Retry-After", "5")
			w.WriteHeader(http.StatusServiceUnavailable)
		}, "after its disk was full: it answered 503"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			served := exec.CommandContext(t.Context(), "sleep", "3600")
			require.NoError(t, served.Start())
			t.Cleanup(func() { _ = served.Process.Kill(); _ = served.Wait() })
			limit := func() uint64 {
				var now unix.Rlimit
				require.NoError(t, unix.Prlimit(served.Process.Pid, unix.RLIMIT_FSIZE, nil, &now))
				return now.Cur
			}
			before := limit()
			ctx, giveUp := context.WithCancel(t.Context())
			defer giveUp()
			pings := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if pings++; pings == pingsInVain && c.want != "" {
					giveUp()
				}
				c.answer(limit() == 0, w)
			}))
			t.Cleanup(server.Close)
			wire := newWire()
			t.Cleanup(wire.next.CloseIdleConnections)
			f := filler{
				pinger:  newPinger(wire, settings{Ingress: strings.TrimPrefix(server.URL, "http://"), AgentSecret: "secret"}),
				noticed: 5 * time.Minute, mended: 5 * time.Minute,
			}
			err := f.fill(ctx, &process{role: roleIngress, command: served}, fault{kind: faultFillDisk, readOnly: true})
			require.Equal(t, before, limit(), "the disk is given back")
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
		})
	}
}
