package artmailsim_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simtest"
)

func TestControlAPIShowsTheSettingsAndChangesTheTimeScale(t *testing.T) {
	t.Parallel()
	run(t, artmailsim.Options{Envelope: plain, Seed: 1<<63 + 1}, func(t *testing.T, b bench) {
		got := b.call("GET", "/sim/settings", "", "")
		require.Equal(t, http.StatusOK, got.Status)
		require.Equal(t, map[string]any{
			"seed": "9223372036854775809", "timeScale": 1.0, "agents": []any{agent},
			"envelope": map[string]any{"discriminator": "type", "nesting": "top", "timestamp": "milliseconds"},
		}, got.Body)
		id := b.activate()
		slow, err := b.OpenRun(id)
		require.NoError(t, err)
		synctest.Wait() // its clock runs

		for _, wrong := range []string{`{}`, `{"timeScale":-1}`, `{"timeScale":0}`, `{"timescale2":1}`} {
			require.Equal(t, http.StatusBadRequest, b.call("PUT", "/sim/time-scale", "", wrong).Status, wrong)
		}
		require.Equal(t, 1.0, b.Settings().TimeScale)
		require.Equal(t, http.StatusNoContent, b.call("PUT", "/sim/time-scale", "", `{"timeScale":0.001}`).Status)
		require.Equal(t, 0.001, b.Settings().TimeScale)
		fast, err := b.OpenRun(id)
		require.NoError(t, err)
		simtest.Pass(time.Second)
		require.Equal(t, fast, b.lastEvent()["runId"])
		require.Equal(t, []artmailsim.RunRecord{{RunID: slow, Status: artmailsim.RunOpen}, {RunID: fast, Status: artmailsim.RunForceFailed}}, b.activation(id).Runs)

		// The four hours of the queue pass in 15 seconds.
		b.receiver.Answer(simtest.Status(http.StatusInternalServerError))
		require.NoError(t, b.Pause(id, artmailsim.PauseUser))
		simtest.Pass(15 * time.Second)
		require.Contains(t, b.activation(id).WebhookLastError, "500")
	})
}
