package casetest_test

import (
	"testing"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stickytest"
)

// Left out are the stories that answer or adopt at once what a query shows: without the cache a query replays news that no task has applied
// yet, and an update in the same task as the news is refused. It runs before the parallel tests: dev/sticky_test.go says why.
func TestStoriesHoldWithTheStickyCacheOff(t *testing.T) {
	stickytest.Rerun(t, "-test.run=ACaseEnds")
}
