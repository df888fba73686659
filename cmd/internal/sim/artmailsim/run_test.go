package artmailsim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simbase"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simtest"
)

func TestRunIsForceFailedAfterFifteenMinutesWithoutActivity(t *testing.T) {
	t.Parallel()
	run(t, artmailsim.Options{Envelope: plain}, func(t *testing.T, b bench) {
		id := b.activate()
		runID, err := b.OpenRun(id)
		require.NoError(t, err)
		active := []func(){
			func() { require.NoError(t, b.TouchRun(runID)) },
			func() {
				_, err := b.RequestApproval(id, "?", runID)
				require.NoError(t, err)
			},
			func() {
				_, err := b.RespondApproval(b.activation(id).Messages[0].MessageID, true, "", "")
				require.NoError(t, err)
			},
		}
		for _, activity := range active {
			simtest.Pass(15*time.Minute - time.Second)
			activity()
		}
		simtest.Pass(15*time.Minute - time.Second)
		require.Equal(t, artmailsim.RunOpen, b.activation(id).Runs[0].Status)
		simtest.Pass(time.Second)
		require.Equal(t, "run_force_failed", b.lastEvent()["type"])
		require.Equal(t, 15.0, b.lastEvent()["staleMinutes"])
		require.Equal(t, artmailsim.RunForceFailed, b.activation(id).Runs[0].Status)
		for _, step := range []func(string) error{b.TouchRun, b.FinishRun, b.ForceFailRun} {
			require.ErrorIs(t, step(runID), simbase.ErrTransition)
			require.ErrorIs(t, step("nope"), simbase.ErrUnknown)
		}
		_, err = b.RequestApproval(id, "?", runID)
		require.ErrorIs(t, err, simbase.ErrTransition)
	})
}

func TestFinishedRunsAndThoseOfADeactivatedAgentAreNotForceFailed(t *testing.T) {
	t.Parallel()
	run(t, artmailsim.Options{}, func(t *testing.T, b bench) {
		id := b.activate()
		finished, err := b.OpenRun(id)
		require.NoError(t, err)
		_, err = b.OpenRun(id)
		require.NoError(t, err)
		require.NoError(t, b.FinishRun(finished))
		require.NoError(t, b.Deactivate(id, artmailsim.DeactivateUser))
		simtest.Pass(time.Hour)
		require.Len(t, b.events(), 2)
		require.Equal(t, artmailsim.RunFinished, b.activation(id).Runs[0].Status)
		require.Equal(t, artmailsim.RunCutOff, b.activation(id).Runs[1].Status)
	})
}

func TestTheTimeScaleShortensTheWindowOfARunButNotItsStaleMinutes(t *testing.T) {
	t.Parallel()
	run(t, artmailsim.Options{Envelope: plain, TimeScale: 0.001}, func(t *testing.T, b bench) {
		id := b.activate()
		_, err := b.OpenRun(id)
		require.NoError(t, err)
		simtest.Pass(900 * time.Millisecond)
		require.Equal(t, "run_force_failed", b.lastEvent()["type"])
		require.Equal(t, 15.0, b.lastEvent()["staleMinutes"])
	})
}
