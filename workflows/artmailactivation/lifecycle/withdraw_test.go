package lifecycle_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// waitingKinds returns the kinds of all waiting notices, with or without a receiver.
func waitingKinds(s *world) []string {
	var kinds []string
	for _, n := range s.State.Outbox.Waiting {
		kinds = append(kinds, string(n.Kind))
	}
	return kinds
}

func TestAnOutdatedNoticeIsWithdrawn(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	apply(s, at(1), paused(1, "user_paused"))
	apply(s, at(2), resumed(2))
	require.Equal(t, []string{"activation.resumed"}, waitingKinds(s))
	apply(s, at(3), paused(3, "user_paused"))
	require.Equal(t, []string{"activation.paused"}, waitingKinds(s))
	apply(s, at(4), redelivered(activated(0, "other")))
	require.Equal(t, []string{"activation.paused", "activation.activated"}, waitingKinds(s), "another key is another matter")

	s = activeState(t)
	register(t, s, noon, requestOfRun("m1", "r1"))
	apply(s, at(3), forceFailed(2, "r1"))
	require.Equal(t, []string{"approval.voided", "run.force_failed"}, waitingKinds(s))
	apply(s, at(4), response(1, "x", "m1", true))
	require.Equal(t, []string{"run.force_failed", "approval.approved"}, waitingKinds(s), "the answer was given before")
}
