package api_test

import (
	"math"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

func TestAWaitOutlastsQueriesThatMeetNoWorker(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		unanswered int
		query      string
		status     int
	}{
		"without a wait it is said at once": {1, "", http.StatusServiceUnavailable},
		"it is asked again":                 {2, "?wait=60s", http.StatusOK},
		"until the time ends":               {math.MaxInt, "?wait=1s", http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			w.temporal.become("offload-case/asks", workflows.CaseState{Reference: "asks", Status: workflows.CaseInputNeeded})
			w.temporal.unanswered = c.unanswered
			got := w.get(t, "", "/v1/cases/asks"+c.query)
			require.Equal(t, c.status, got.status, "%s", got.body)
			if c.status != http.StatusOK {
				return
			}
			var state workflows.CaseState
			got.into(t, &state)
			require.Equal(t, workflows.CaseInputNeeded, state.Status)
		})
	}
}
