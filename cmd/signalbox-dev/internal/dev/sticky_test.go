package dev_test

import (
	"testing"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stickytest"
)

// The production binary is left out: it is another process, with its own cache.
func TestEverythingHoldsWithTheStickyCacheOff(t *testing.T) {
	t.Parallel()
	stickytest.Rerun(t, "-test.skip=StickyCacheOff|ProductionBinary")
}
