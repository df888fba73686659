package lifecycle_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// after returns an active activation after some events.
func after(t testing.TB, happened ...func(s *world)) lifecycle.Activation {
	t.Helper()
	s := reconciledState(t)
	s.handOffAll(noon)
	for _, h := range happened {
		h(s)
	}
	return s.Activation
}

func handedOff(s *world) { s.handOffAll(at(30)) }

func told(minutes float64, events ...workflows.ActivationEvent) func(*world) {
	return func(s *world) { apply(s, at(minutes), events...) }
}

func requested(requests ...workflows.ApprovalRequest) func(*world) {
	return func(s *world) { register(s.t, s, noon, requests...) }
}

func opened(runIDs ...string) func(*world) {
	return func(s *world) {
		for _, id := range runIDs {
			open(s.t, s, id, 0)
		}
	}
}

func ticked(minutes float64) func(*world) { return func(s *world) { s.Tick(at(minutes)) } }

func closed(runID string) func(*world) {
	return func(s *world) {
		_, err := s.Close(workflows.CloseRun{RunID: runID}, noon)
		require.NoError(s.t, err)
	}
}

func TestWaitingForNamesTheNextStep(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		a    lifecycle.Activation
		want string
	}{
		"not activated":             {newState(t).Activation, "Artmail has not reported yet that it is activated."},
		"active":                    {after(t), "Nothing is open. The agent's next request, or Artmail's next event, continues it."},
		"paused":                    {after(t, told(1, paused(1, "")), handedOff), "The brand has to resume it at Artmail; deadlines stand still."},
		"one approval":              {after(t, requested(request("m1"))), "The brand has to answer 1 approval in Artmail."},
		"two approvals":             {after(t, requested(request("m1"), request("m2"))), "The brand has to answer 2 approvals in Artmail."},
		"one of two is checked":     {after(t, requested(requestDue("m1", 5), requestDue("m2", 50)), ticked(5)), "The brand has to answer 2 approvals in Artmail. The agent's worker is checking 1 of them, whose deadline has passed."},
		"a run":                     {after(t, opened("r1")), "The agent must continue or close 1 run."},
		"two runs, one closed":      {after(t, opened("r1", "r2", "r3"), closed("r2")), "The agent must continue or close 2 runs."},
		"an answer is to be told":   {after(t, requested(request("m1")), told(1, response(1, "x", "m1", true))), "The hand-off of 1 notice is under way."},
		"answers are to be told":    {after(t, requested(request("m1"), request("m2")), told(1, response(1, "x", "m1", true), response(1, "y", "m2", true))), "The hand-off of 2 notices is under way."},
		"its end is to be told":     {after(t, requested(request("m1")), told(1, deactivated(1))), "Ended; its notices are being handed off."},
		"ended":                     {after(t, told(1, deactivated(1)), handedOff), ""},
		"paused with all of it":     {after(t, requested(requestDue("m1", 5), request("m2")), opened("r1"), ticked(5), told(6, response(6, "x", "m2", true), paused(6, ""))), "The brand has to resume it at Artmail; deadlines stand still. The brand has to answer 1 approval in Artmail. The agent must continue or close 1 run. The hand-off of 2 notices is under way."},
		"not activated, and a run":  {func() lifecycle.Activation { s := newState(t); open(t, s, "r1", 0); return s.Activation }(), "Artmail has not reported yet that it is activated. The agent must continue or close 1 run."},
		"a response is not unclear": {after(t, requested(request("m1")), told(1, response(1, "x", "m1", true)), func(s *world) { s.handOff(at(1)) }), "Nothing is open. The agent's next request, or Artmail's next event, continues it."},
	} {
		require.Equal(t, row.want, lifecycle.WaitingFor(row.a), name)
		require.Equal(t, row.want, lifecycle.View(row.a).WaitingFor, name)
	}
}

func TestDetailsShowTheStatusAndTheOpenApprovals(t *testing.T) {
	t.Parallel()
	const header = "Open approvals (the brand answers in Artmail; `cancel-approval` closes one here):"
	unclear := response(1, "x", "m1", true)
	unclear.Approved = nil
	silent := request("m1")
	silent.Subject = ""
	many := func(n int) func(*world) {
		return func(s *world) {
			for i := range n {
				register(t, s, noon, request(fmt.Sprint("m", i)))
			}
		}
	}
	lines := func(n int) string {
		var lines []string
		for i := range n {
			lines = append(lines, fmt.Sprintf("- `m%d` `Publish m%d?`, asked 2026-03-02T12:00:00Z", i, i))
		}
		return strings.Join(lines, "\n")
	}
	for name, row := range map[string]struct {
		a    lifecycle.Activation
		want []string
	}{
		"not activated":     {newState(t).Activation, []string{"**UNKNOWN** since 2026-03-02T12:00:00Z", "Artmail has not reported yet that it is activated."}},
		"active":            {after(t), []string{"**ACTIVE** since 2026-03-02T12:00:00Z", "Nothing is open. The agent's next request, or Artmail's next event, continues it."}},
		"paused":            {after(t, told(1, paused(1, "user_paused")), handedOff), []string{"**PAUSED** since 2026-03-02T12:01:00Z (`user_paused`)", "The brand has to resume it at Artmail; deadlines stand still."}},
		"paused, no reason": {after(t, told(1, paused(1, "")), handedOff), []string{"**PAUSED** since 2026-03-02T12:01:00Z", "The brand has to resume it at Artmail; deadlines stand still."}},
		"resumed":           {after(t, told(2, paused(1, "user_paused"), resumed(2)), handedOff), []string{"**ACTIVE** since 2026-03-02T12:02:00Z", "Nothing is open. The agent's next request, or Artmail's next event, continues it."}},
		"ended":             {after(t, told(1, deactivated(1)), handedOff), []string{"**DEACTIVATED** since 2026-03-02T12:01:00Z (`user_deactivated`)"}},
		"several reasons": {after(t, opened("r1"), ticked(13), told(14, paused(14, "webhook_failure")), func(s *world) { s.handOff(at(14)) }), []string{
			"**PAUSED** since 2026-03-02T12:14:00Z (`webhook_failure`)",
			"The brand has to resume it at Artmail; deadlines stand still. The agent must continue or close 1 run.",
		}},
		"approvals": {after(t, requested(silent, requestDue("m2", 5), request("m3")), told(1, unclear, response(1, "y", "m3", true)), func(s *world) { s.handOff(at(1)) }), []string{
			"**ACTIVE** since 2026-03-02T12:00:00Z", "The brand has to answer 2 approvals in Artmail.", header,
			"- `m1`, asked 2026-03-02T12:00:00Z, its response says neither yes nor no\n- `m2` `Publish m2?`, asked 2026-03-02T12:00:00Z, due 2026-03-02T12:05:00Z",
		}},
		"ten": {after(t, many(10)), []string{"**ACTIVE** since 2026-03-02T12:00:00Z", "The brand has to answer 10 approvals in Artmail.", header, lines(10)}},
		"more": {after(t, many(11)), []string{
			"**ACTIVE** since 2026-03-02T12:00:00Z", "The brand has to answer 11 approvals in Artmail.", header, lines(10) + "\n- and 1 more",
		}},
	} {
		require.Equal(t, strings.Join(row.want, "\n\n"), lifecycle.Details(row.a), name)
	}
}

func TestDelaysAreShownBesideTheRest(t *testing.T) {
	t.Parallel()
	silent := lifecycle.Details(after(t, requested(requestDue("m1", 5)), ticked(5), ticked(8)))
	require.Contains(t, silent, "- `m1` `Publish m1?`, asked 2026-03-02T12:00:00Z, due 2026-03-02T12:05:00Z, the agent's worker has not answered its check for minutes")

	s := activeState(t)
	register(t, s, noon, request("m1"))
	apply(s, at(1), response(1, "x", "m1", true))
	for range 12 {
		now := s.State.Outbox.NotBefore
		if h := lifecycle.Next(s.Activation, now).HandOff; h != nil {
			s.Activation = lifecycle.HandOffFailed(s.Activation, *h, rules.Failure{Message: "away"}, now)
		}
	}
	const trouble = "Its notices could not be handed off for minutes; this is retried automatically. The last error: `away`."
	require.Equal(t, "The hand-off of 1 notice is under way. "+trouble, lifecycle.WaitingFor(s.Activation))
	require.Equal(t, 1, strings.Count(lifecycle.Details(s.Activation), trouble))
}
