package lifecycle_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
)

// payloadLimit is where the server fails a payload.
const payloadLimit = 2 << 20

func TestClosedApprovalsAreForgottenBeyondTheNewest500(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	stays := request("stays open")
	register(t, s, noon, stays)
	for i := range 600 {
		r := request(fmt.Sprint("m", i))
		r.ReplyTo = nil
		register(t, s, noon, r)
		apply(s, at(float64(i)/60), response(1, fmt.Sprint("x", i), r.MessageID, true))
	}
	s.Tick(at(11))
	v := s.View()
	require.LessOrEqual(t, len(v.Approvals), 501)
	require.Greater(t, len(v.Approvals), 200)
	require.Equal(t, "stays open", v.Approvals[0].MessageID)
	require.Equal(t, "m599", v.Approvals[len(v.Approvals)-1].MessageID)
	require.Equal(t, len(v.Approvals), 600-int(atoi(t, v.Approvals[1].MessageID))+1, "the oldest go first")
}

func atoi(t *testing.T, id string) (n int64) {
	t.Helper()
	_, err := fmt.Sscanf(id, "m%d", &n)
	require.NoError(t, err)
	return n
}

func TestWhatIsClosedIsForgottenAfter30Days(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	r := request("m1")
	r.ReplyTo = nil
	register(t, s, noon, r, requestOfRun("m2", "kept"))
	apply(s, noon, response(0, "x", "m1", true), response(0, "y", "nobody asked", true), forceFailed(0, "r1"))
	open(t, s, "idle", 0)

	s.Tick(noon.Add(29 * 24 * time.Hour))
	require.Len(t, s.View().Approvals, 2)
	require.Len(t, s.View().Runs, 3)
	require.Len(t, s.State.Early, 1)

	s.handOff(noon.Add(29 * 24 * time.Hour)) // the warnings
	s.Tick(noon.Add(31 * 24 * time.Hour))
	v := s.View()
	require.Len(t, v.Approvals, 1)
	require.Equal(t, "m2", v.Approvals[0].MessageID, "what is open is never forgotten")
	require.Len(t, v.Runs, 1)
	require.Equal(t, "kept", v.Runs[0].RunID, "nor is the run that it belongs to")
	require.Empty(t, s.State.Early)
}

func TestWhatIsOwedToSomeoneIsNotForgotten(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	register(t, s, noon, request("m1"))
	open(t, s, "r1", 0)
	apply(s, noon, response(0, "x", "m1", true), forceFailed(0, "r1"))
	later := noon.Add(40 * 24 * time.Hour)
	s.Tick(later)
	require.Len(t, s.View().Approvals, 1)
	require.Len(t, s.View().Runs, 1)
	s.handOff(later)
	s.Tick(later)
	require.Empty(t, s.View().Approvals)
	require.Empty(t, s.View().Runs)
}

func TestRunsThatNobodyClosesDoNotFillTheState(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	refused := 0
	for i := range 1000 {
		now := noon.Add(time.Duration(i) * time.Hour)
		if _, err := s.Open(workflows.OpenRun{RunID: fmt.Sprint("r", i)}, now); err != nil {
			requireRefused(t, workflows.ErrTypeTooMany, err)
			refused++
		}
		s.Tick(now)
	}
	require.Zero(t, refused)
	for i := range 1000 {
		if _, err := s.Open(workflows.OpenRun{RunID: fmt.Sprint("at once", i)}, noon.Add(1001*time.Hour)); err != nil {
			requireRefused(t, workflows.ErrTypeTooMany, err)
			refused++
		}
	}
	require.Positive(t, refused)
	require.Less(t, refused, 900)
}

// The state is filled with the largest of everything that is accepted, in characters that JSON writes longest, until no more is taken.
func TestTheCarriedStateFitsIntoAPayload(t *testing.T) {
	t.Parallel()
	for name, fill := range map[string]string{"plain": "x", "escaped": "\x01", "tags": "<", "quotes": `"`, "not UTF-8": "\xff", "three bytes": "\u2028"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			long := func(n int) string { return strings.Repeat(fill, n/len(fill)) }
			id := func(kind string, i int) string { return fmt.Sprint(kind, i, " ") + long(250-12) }
			const step = 5
			to := &workflows.ReplyTo{WorkflowID: strings.Repeat("<", 255), Signal: strings.Repeat("<", 255)}

			s := newWorld(t, workflows.ActivationOptions{CheckApprovalQueue: long(250)})
			s.Start.ActivationID = long(250)
			e := activated(0, "key")
			e.SealedAPIKey, e.User = make([]byte, 16<<10), &workflows.ActivationUser{ID: long(5000), Email: long(5000)}
			apply(s, noon, e)
			for i := range 300 {
				apply(s, noon, paused(float64(i), long(5000)), resumed(float64(i)+0.5))
			}
			text := long(400)
			for i := range 1000 {
				e := response(1, id("x", i), id("early", i), true)
				if i%2 == 0 {
					e.Approved = nil
				}
				e.Reason = text
				apply(s, noon, e)
			}
			closeAll := func(prefix string) {
				for i := range 700 {
					e := response(1, id("x"+prefix, i), id(prefix, i), true)
					e.Reason = text
					apply(s, noon, e)
				}
			}
			fillOpen := func(prefix string, replyTo *workflows.ReplyTo) {
				for i := 0; i < 700; i += step {
					var list []workflows.ApprovalRequest
					for j := range step {
						list = append(list, workflows.ApprovalRequest{
							MessageID: id(prefix, i+j), RunID: id("run", (i+j)/4), Deadline: at(1e6), Subject: long(500), CallbackURL: long(1000), ReplyTo: replyTo,
						})
					}
					if _, err := s.Request(list, noon); err != nil {
						requireRefused(t, workflows.ErrTypeTooMany, err)
					}
				}
			}
			fillOpen("kept", nil)
			closeAll("kept")
			s.Tick(noon)
			for i := range 400 {
				apply(s, noon, forceFailed(1, id("failed", i)))
			}
			for i := range 400 {
				if _, err := s.Open(workflows.OpenRun{RunID: id("run", i), ReplyTo: to}, noon); err != nil {
					requireRefused(t, workflows.ErrTypeTooMany, err)
				}
			}
			fillOpen("owed", to)
			s.Tick(noon)
			require.Less(t, size(t, s), payloadLimit)
			s.Tick(at(15))
			closeAll("owed")
			fillOpen("open", to)
			s.Tick(at(15))
			require.NotEmpty(t, s.waiting())
			largest := func() {
				require.Less(t, size(t, s), payloadLimit)
				view := s.View()
				view.Options = s.Start.Options
				require.Less(t, len(mustJSON(t, view)), payloadLimit)
				require.Less(t, len(mustJSON(t, lifecycle.Next(s.Activation, at(16)).HandOff)), payloadLimit)
				t.Logf("state %d bytes, view %d, hand-off %d; %d approvals, %d runs, %d notices", size(t, s), len(mustJSON(t, view)),
					len(mustJSON(t, lifecycle.Next(s.Activation, at(16)).HandOff)), len(s.State.Approvals), len(s.State.Runs), len(s.waiting()))
			}
			largest()
			apply(s, at(16), deactivated(16))
			s.Tick(at(16))
			largest()
		})
	}
}

// size is that of the continue-as-new input.
func size(t testing.TB, s *world) int {
	t.Helper()
	return len(mustJSON(t, map[string]any{"start": s.Start, "carried": s.State}))
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}

func TestHundredsOfApprovalsOfTheUsualSizeAreTaken(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	var requests []workflows.ApprovalRequest
	for i := range 450 {
		r := requestOfRun(fmt.Sprintf("msg_%024d", i), fmt.Sprintf("run_%024d", i%50))
		r.Deadline = at(60)
		requests = append(requests, r)
	}
	register(t, s, noon, requests...)
}
