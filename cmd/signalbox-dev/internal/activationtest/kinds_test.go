package activationtest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

const (
	secret       = "the agent's secret"
	activationID = "act_1"
	apiKey       = "art_agent_shown_once"
)

// Bodies of each kind (Artmail, "Webhook events reference"). at is the provider's time, in seconds after a fixed time.
func event(kind string, at int, extra string) string {
	return fmt.Sprintf(`{"type":%q,"activationId":%q,"timestamp":%d%s}`, kind, activationID, 1774131900000+int64(at)*1000, extra)
}

func activated(at int) string {
	return event(workflows.KindAgentActivated, at, `,"apiKey":"`+apiKey+`","user":{"id":"u1","email":"ada@example.com"}`)
}

func paused(at int) string {
	return event(workflows.KindAgentPaused, at, `,"reason":"user_paused"`)
}
func resumed(at int) string { return event(workflows.KindAgentResumed, at, "") }

func deactivated(at int) string {
	return event(workflows.KindAgentDeactivated, at, `,"reason":"admin_revoke","apiKeyRevoked":true`)
}

func approved(at int) string {
	return event(workflows.KindApprovalResponse, at, `,"messageId":"m1-answer","inResponseToId":"m1","approved":true,"reason":null,"runId":null`)
}

func forceFailed(at int) string {
	return event(workflows.KindRunForceFailed, at, `,"runId":"r1","reason":"stale","staleMinutes":15`)
}

// step posts an event, registers an approval after all earlier events were settled, or waits for the end of the workflow. answer is the status
// that the post must get.
type step struct {
	body     string
	unsigned bool
	answer   int
	register *workflows.ApprovalRequest
	end      bool
}

func signed(bodies ...string) (steps []step) {
	for _, body := range bodies {
		steps = append(steps, step{body: body, answer: 204})
	}
	return steps
}

func register(runID string) step {
	return step{register: &workflows.ApprovalRequest{MessageID: "m1", RunID: runID, ReplyTo: &workflows.ReplyTo{WorkflowID: "nobody", Signal: "told"}}}
}

// stored is a delivery as the inbox must have it.
type stored struct {
	state      inbox.State
	duplicates int
}

// stateCheck reports whether a state of the activation is as wanted.
type stateCheck func(workflows.ActivationState) bool

type story struct {
	steps []step
	// deliveries are those of the story, in the order of arrival.
	deliveries []stored
	// check holds in the end; nil: there is no workflow.
	check stateCheck
}

// kinds has, for each kind: the steps before the event, its body, a body that can't be parsed, what holds before and after the event, the state
// of its delivery, and a story in which it arrives out of order.
var kinds = map[string]struct {
	given           []step
	body, malformed string
	before, after   stateCheck
	state           inbox.State
	outOfOrder      story
}{
	workflows.KindAgentActivated: {
		body: activated(0), malformed: `{"type":"agent.activated","apiKey":"` + apiKey + `"}`,
		after: hasStatus(workflows.ActivationActive, holdsKey), state: inbox.StateDelivered,
		outOfOrder: story{
			steps:      signed(paused(10), activated(0)),
			deliveries: []stored{{state: inbox.StateDelivered}, {state: inbox.StateDelivered}},
			check:      hasStatus(workflows.ActivationPaused, holdsKey),
		},
	},
	workflows.KindApprovalResponse: {
		given: append(signed(activated(0)), register("")),
		body:  approved(10), malformed: event(workflows.KindApprovalResponse, 10, `,"inResponseToId":"m1","approved":true`),
		before: answered(workflows.ApprovalOpen), after: answered(workflows.ApprovalApproved), state: inbox.StateDelivered,
		outOfOrder: story{
			steps:      append(signed(approved(10)), append([]step{register("")}, signed(activated(0))...)...),
			deliveries: []stored{{state: inbox.StateDelivered}, {state: inbox.StateDelivered}},
			check:      answered(workflows.ApprovalApproved),
		},
	},
	workflows.KindAgentPaused: {
		given: signed(activated(0)),
		body:  paused(10), malformed: `{"type":"agent.paused","activationId":7`,
		before: hasStatus(workflows.ActivationActive, holdsKey), after: hasStatus(workflows.ActivationPaused, holdsKey), state: inbox.StateDelivered,
		outOfOrder: story{
			steps:      signed(activated(0), resumed(20), paused(10)),
			deliveries: []stored{{state: inbox.StateDelivered}, {state: inbox.StateDelivered}, {state: inbox.StateDelivered}},
			check:      hasStatus(workflows.ActivationActive, holdsKey),
		},
	},
	workflows.KindAgentResumed: {
		given: signed(activated(0), paused(10)),
		body:  resumed(20), malformed: `{"type":"agent.resumed","activationId":null}`,
		before: hasStatus(workflows.ActivationPaused, holdsKey), after: hasStatus(workflows.ActivationActive, holdsKey), state: inbox.StateDelivered,
		outOfOrder: story{
			steps:      signed(activated(0), paused(30), resumed(20)),
			deliveries: []stored{{state: inbox.StateDelivered}, {state: inbox.StateDelivered}, {state: inbox.StateDelivered}},
			check:      hasStatus(workflows.ActivationPaused, holdsKey),
		},
	},
	workflows.KindAgentDeactivated: {
		given: signed(activated(0)),
		body:  deactivated(30), malformed: `{"type":"agent.deactivated","activationId":{}}`,
		before: hasStatus(workflows.ActivationActive, holdsKey), after: hasStatus(workflows.ActivationDeactivated, holdsNoKey), state: inbox.StateDelivered,
		outOfOrder: story{
			// The workflow is over by then, and nothing revives it.
			steps:      append(append(signed(deactivated(30)), step{end: true}), signed(activated(0))...),
			deliveries: []stored{{state: inbox.StateDelivered}, {state: inbox.StateLate}},
			check:      hasStatus(workflows.ActivationDeactivated, holdsNoKey),
		},
	},
	workflows.KindRunForceFailed: {
		given: append(signed(activated(0)), register("r1")),
		body:  forceFailed(900), malformed: event(workflows.KindRunForceFailed, 900, `,"runId":""`),
		before: answered(workflows.ApprovalOpen), after: answered(workflows.ApprovalVoided), state: inbox.StateDelivered,
		outOfOrder: story{
			// The approval was on its way when its run was ended.
			steps:      append(signed(activated(0), forceFailed(900)), register("r1")),
			deliveries: []stored{{state: inbox.StateDelivered}, {state: inbox.StateDelivered}},
			check:      answered(workflows.ApprovalVoided),
		},
	},
	workflows.KindTestPing: {
		body: `{"type":"test.ping","activationId":"test","timestamp":1774131900000,"note":null}`, malformed: `{"type":"test.ping"`,
		state: inbox.StateIgnored,
		outOfOrder: story{
			steps:      signed(`{"type":"test.ping","activationId":"test","timestamp":1774131900000}`, `{"type":"test.ping","activationId":"test","timestamp":1}`),
			deliveries: []stored{{state: inbox.StateIgnored}, {state: inbox.StateIgnored}},
		},
	},
}

func hasStatus(status workflows.ActivationStatus, also func(workflows.ActivationState) bool) stateCheck {
	return func(s workflows.ActivationState) bool { return s.Status == status && also(s) }
}

func answered(status workflows.ApprovalStatus) stateCheck {
	return func(s workflows.ActivationState) bool {
		return len(s.Approvals) == 1 && s.Approvals[0].Status == status && s.Approvals[0].LateResponses == 0
	}
}

func holdsKey(s workflows.ActivationState) bool   { return len(s.SealedAPIKey) > 0 }
func holdsNoKey(s workflows.ActivationState) bool { return len(s.SealedAPIKey) == 0 }

// storiesOfKinds returns five stories of each kind. The name of a story is also the name of its agent.
func storiesOfKinds() map[string]story {
	all := map[string]story{}
	for kind, k := range kinds {
		given := make([]stored, 0, 3)
		for _, s := range k.given {
			if s.body != "" {
				given = append(given, stored{state: inbox.StateDelivered})
			}
		}
		add := func(how string, check stateCheck, more []stored, events ...step) {
			all[kind+"-"+how] = story{
				steps:      append(append([]step{}, k.given...), events...),
				deliveries: append(append([]stored{}, given...), more...),
				check:      check,
			}
		}
		twice := []stored{{state: k.state, duplicates: 1}}
		if kind == workflows.KindTestPing {
			twice = []stored{{state: k.state}, {state: k.state}} // each of them is seen
		}
		add("first", k.after, []stored{{state: k.state}}, signed(k.body)...)
		add("duplicate", k.after, twice, signed(k.body, k.body)...)
		add("malformed", k.before, []stored{{state: inbox.StateDead}}, signed(k.malformed)...)
		add("unsigned", k.before, []stored{{state: inbox.StateQuarantined}}, step{body: k.body, unsigned: true, answer: 401})
		all[kind+"-out-of-order"] = k.outOfOrder
	}
	return all
}

func TestEachKindOfEventIsAnsweredStoredAndApplied(t *testing.T) {
	t.Parallel()
	all := storiesOfKinds()
	secrets := agents{}
	for agent := range all {
		secrets[agent] = []string{secret}
	}
	r := startReceiver(t, receiving{temporal: shared.temporal, agents: secrets})
	for agent, s := range all {
		t.Run(agent, func(t *testing.T) { // not parallel: the receiver lives only as long as its test
			for _, step := range s.steps {
				r.play(t, agent, step)
			}
			deliveries := r.settled(t, agent, len(s.deliveries))
			for i, want := range s.deliveries {
				d := deliveries[len(deliveries)-1-i]
				got := stored{state: d.State, duplicates: d.Duplicates}
				if again := int64(got.duplicates - want.duplicates); again > 0 && again <= busy.Load() {
					got.duplicates = want.duplicates
				}
				// The signal that ends the workflow is sent again where Temporal's answer came too late, and then finds it closed.
				if d.Kind == workflows.KindAgentDeactivated && want.state == inbox.StateDelivered && got.state == inbox.StateLate {
					got.state = inbox.StateDelivered
				}
				require.Equal(t, want, got, "event %d: %s: %s", i, d.Kind, d.Reason)
			}
			one := shared.apps.Activation(agent, activationID)
			if s.check == nil {
				_, err := stories.Retry(t.Context(), one.State)
				require.ErrorIs(t, err, signalbox.ErrNotFound, "nothing was started")
				return
			}
			state := testenv.Eventually(t, one.State, s.check)
			// Where an event reaches the workflow again, since the relay had no answer in time, no second notice is made of it.
			notices := 0
			for _, a := range state.Approvals {
				if a.Status != workflows.ApprovalOpen {
					notices++
				}
			}
			if notices > 0 {
				require.Len(t, testenv.Eventually(t, noticesOf(shared.temporal, one), some).Notices, notices, "what came twice is reported once")
			}
		})
	}
}

func (r *receiver) play(t *testing.T, agent string, s step) {
	t.Helper()
	one := shared.apps.Activation(agent, activationID)
	switch {
	case s.register != nil:
		r.settled(t, agent, 0)
		testenv.Eventually(t, func(ctx context.Context) ([]workflows.Approval, error) { return one.RequestApprovals(ctx, *s.register) },
			func(registered []workflows.Approval) bool { return len(registered) == 1 })
	case s.end:
		r.settled(t, agent, 0)
		require.NoError(t, shared.temporal.GetWorkflow(t.Context(), one.WorkflowID(), "").Get(t.Context(), nil))
	case s.unsigned:
		require.Equal(t, s.answer, post(t, r.url(agent), s.body, ""))
	default:
		require.Equal(t, s.answer, post(t, r.url(agent), s.body, secret))
	}
}

// settled waits until the agent has at least so many deliveries and none is pending. It returns them, the newest first.
func (r *receiver) settled(t *testing.T, agent string, least int) []inbox.Delivery {
	t.Helper()
	return testenv.Eventually(t, func(ctx context.Context) ([]inbox.Delivery, error) { return r.list(ctx, agent) },
		func(deliveries []inbox.Delivery) bool {
			for _, d := range deliveries {
				if d.State == inbox.StatePending {
					return false
				}
			}
			return len(deliveries) >= least
		})
}
