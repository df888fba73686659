package activationtest_test

import (
	"testing"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stickytest"
)

func TestStoriesHoldWithTheStickyCacheOff(t *testing.T) {
	t.Parallel()
	stickytest.Rerun(t, "-test.run=EachKindOfEvent|WithoutAWebhook|ReachARunningActivation")
}
