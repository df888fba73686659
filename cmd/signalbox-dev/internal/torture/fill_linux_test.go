package torture

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

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
			served := exec.CommandContext(t.Context(), "sleep", "60")
			require.NoError(t, served.Start())
			t.Cleanup(func() { _ = served.Process.Kill(); _ = served.Wait() })
			limit := func() uint64 {
				var now unix.Rlimit
				require.NoError(t, unix.Prlimit(served.Process.Pid, unix.RLIMIT_FSIZE, nil, &now))
				return now.Cur
			}
			before := limit()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { c.answer(limit() == 0, w) }))
			t.Cleanup(server.Close)
			wire := newWire()
			t.Cleanup(wire.next.CloseIdleConnections)
			f := filler{
				pinger:  newPinger(wire, settings{Ingress: strings.TrimPrefix(server.URL, "http://"), AgentSecret: "secret"}),
				noticed: 2 * time.Second, mended: 2 * time.Second,
			}
			err := f.fill(t.Context(), &process{role: roleIngress, command: served}, fault{kind: faultFillDisk, readOnly: true})
			require.Equal(t, before, limit(), "the disk is given back")
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
		})
	}
}
