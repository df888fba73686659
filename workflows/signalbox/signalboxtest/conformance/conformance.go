// Package conformance is a test suite of what business apps may rely on. A signalbox.Client passes it over the fake and over a real
// Temporal.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/signalbox/signalboxtest"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// World is the system under test. Several tests share one; each uses its own references and accounts.
type World struct {
	Apps     *signalbox.Client
	Provider *signalboxtest.Provider
	// Terminate terminates a workflow, as an operator does.
	Terminate func(t *testing.T, workflowID string)
}

// Run runs the suite.
func Run(t *testing.T, w World) {
	t.Helper()
	// It has every open case read, and a read is a change too: it runs before the others.
	t.Run("CatchUp reads every open case", func(t *testing.T) { catchUp(t, w) }) //nolint:paralleltest // see above
	for name, test := range map[string]func(*testing.T, World){
		"a repeated start attaches":                startTwice,
		"a question is answered":                   answer,
		"a case runs again after an answer":        proceeds,
		"a result is compared with its schema":     resultSchema,
		"a case fails":                             fail,
		"a case is cancelled":                      cancel,
		"a creation is uncertain":                  uncertain,
		"a wrong caseId is not adopted":            wrongCaseID,
		"a case is adopted at its start":           adopted,
		"a case shows what its request said":       showsRequest,
		"a request is rejected":                    rejected,
		"a case is read now":                       reconcile,
		"WaitForChange returns at a change":        waitForChange,
		"cases are listed":                         list,
		"the to-do list has a question":            toDo,
		"an activation goes through its life":      activation,
		"a terminated workflow is shown as such":   terminated,
		"a case that never existed is not found":   never,
		"bad limits and cursors are refused":       cursors,
		"values that can't be quoted are refused":  unquotable,
		"a call fails with the end of its context": contextEnds,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, w)
		})
	}
}

var references atomic.Int64

// reference returns a reference that no other test uses, even in another run against the same server.
func reference(prefix string) string {
	return fmt.Sprintf("%s-%d-%d", prefix, time.Now().UnixNano(), references.Add(1))
}

func start(reference string) workflows.CaseStart {
	return workflows.CaseStart{
		Reference: reference, Account: "account-" + reference,
		Request: &workflows.CaseRequest{
			Channel:       "EMAIL",
			Goal:          workflows.CaseGoal{Objective: "Obtain a signed W-9"},
			Counterparty:  workflows.Counterparty{Address: "ap@example.com", Name: "Ada"},
			SenderPersona: workflows.SenderPersona{Name: "Grace"},
		},
	}
}

func startCase(t *testing.T, w World, prefix string) *signalbox.Case {
	t.Helper()
	one := begin(t, w, start(reference(prefix)))
	stands(t, one, workflows.CaseRunning)
	return one
}

// begin starts a case. A repeated start starts it once.
func begin(t *testing.T, w World, start workflows.CaseStart) *signalbox.Case {
	t.Helper()
	one, err := ask(t, w.Apps.StartCase, start)
	require.NoError(t, err)
	return one
}

// retry makes a call, and makes it again while Temporal is too busy for it. The call must be safe to repeat.
func retry[S any](t *testing.T, call func(context.Context) (S, error)) (S, error) {
	t.Helper()
	var failed error
	got := testenv.Eventually(t, func(ctx context.Context) (S, error) {
		got, err := call(ctx)
		if errors.Is(err, signalbox.ErrUnavailable) {
			return got, err
		}
		failed = err
		return got, nil
	}, func(S) bool { return true })
	return got, failed
}

// ask is retry for a call with an argument.
func ask[A, S any](t *testing.T, call func(context.Context, A) (S, error), argument A) (S, error) {
	t.Helper()
	return retry(t, func(ctx context.Context) (S, error) { return call(ctx, argument) })
}

// stands waits until the case has the status.
func stands(t *testing.T, one *signalbox.Case, want workflows.CaseStatus) workflows.CaseState {
	t.Helper()
	return testenv.Eventually(t, attended(one), func(s workflows.CaseState) bool { return s.Status == want })
}

// attended reads a case, and has it created again where its creation is uncertain, as it is when a busy Temporal loses the call.
func attended(one *signalbox.Case) func(context.Context) (workflows.CaseState, error) {
	return func(ctx context.Context) (workflows.CaseState, error) {
		state, err := one.State(ctx)
		if err == nil && state.Status == workflows.CaseCreateUncertain {
			_, err = one.RetryCreate(ctx, workflows.RetryCreate{By: "ada"})
		}
		return state, err
	}
}

// createdUncertainly waits until the provider has a case whose creation is uncertain.
func createdUncertainly(t testing.TB, w World, one *signalbox.Case) workflows.CaseState {
	t.Helper()
	return testenv.Eventually(t, func(ctx context.Context) (workflows.CaseState, error) {
		state, err := one.State(ctx)
		if err != nil || state.Status != workflows.CaseCreateUncertain {
			return state, err
		}
		if _, found := w.Provider.Read(w.Provider.CaseID(one.Reference())); found {
			return state, nil
		}
		_, err = one.RetryCreate(ctx, workflows.RetryCreate{By: "ada"}) // a busy Temporal lost the call
		return workflows.CaseState{}, err
	}, func(s workflows.CaseState) bool { return s.Status == workflows.CaseCreateUncertain })
}

const timeout = 5 * time.Minute
