package activationtest_test

import (
	"testing"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stickytest"
)

// It runs before the parallel tests: dev/sticky_test.go says why.
func TestStoriesHoldWithTheStickyCacheOff(t *testing.T) {
	stickytest.Rerun(t, "-test.run=EachKindOfEvent|WithoutAWebhook|ReachARunningActivation")
}
