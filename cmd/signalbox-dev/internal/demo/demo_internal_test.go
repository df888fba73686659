package demo

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

func TestATimeoutSaysStatusAndWhatIsWaitedFor(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	_, err := await(ctx, func(context.Context) (workflows.CaseState, error) {
		return workflows.CaseState{Status: workflows.CaseRunning, WaitingFor: "news from Offload", Objective: "a secret"}, nil
	}, func(workflows.CaseState) bool { return false })
	require.EqualError(t, err, "timed out; status RUNNING, waits for: news from Offload: context deadline exceeded")
}
