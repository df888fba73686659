package worker_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/worker"
)

// A creation that a stop cuts off is uncertain.
func TestAStopWaitsLongerThanACallToOffloadLasts(t *testing.T) {
	t.Parallel()
	require.Greater(t, worker.StopTimeout, offloadapi.DefaultTimeout)
}
