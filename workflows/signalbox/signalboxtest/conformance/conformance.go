// Package conformance is the suite that a signalbox.Client passes both over the fake and over a real Temporal: what a business app may rely on.
package conformance

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/signalbox/signalboxtest"
)

// World is what the suite runs against. Several tests share one, each with its own references and accounts.
type World struct {
	Apps     *signalbox.Client
	Provider *signalboxtest.Provider
	// Terminate ends a workflow as an operator does.
	Terminate func(t *testing.T, workflowID string)
}

// Run runs the suite.
func Run(t *testing.T, w World) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, World){
		"a start is repeated":                     startTwice,
		"a question is answered":                  answer,
		"a case fails":                            fail,
		"a case is cancelled":                     cancel,
		"a creation is uncertain":                 uncertain,
		"a request is rejected":                   rejected,
		"a case is read now":                      reconcile,
		"a change is waited for":                  waitForChange,
		"cases are listed":                        list,
		"what is to do is listed":                 toDo,
		"an activation lives":                     activation,
		"a terminated workflow is shown as such":  terminated,
		"what never was is not found":             never,
		"catching up reads every case":            catchUp,
		"a missing limit or cursor is the first":  cursors,
		"values that can't be quoted are refused": unquotable,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, w)
		})
	}
}

var references atomic.Int64

// reference is one that no other test has, also in another run against the same server.
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
	one, err := w.Apps.StartCase(t.Context(), start(reference(prefix)))
	require.NoError(t, err)
	stands(t, one, workflows.CaseRunning)
	return one
}

// stands waits until the case has a status.
func stands(t *testing.T, one *signalbox.Case, want workflows.CaseStatus) workflows.CaseState {
	t.Helper()
	return eventually(t, one.State, func(s workflows.CaseState) bool { return s.Status == want })
}

const patience = time.Minute

func eventually[S any](t *testing.T, read func(context.Context) (S, error), holds func(S) bool) S {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		last, err := read(ctx)
		if err == nil && holds(last) {
			return last
		}
		select {
		case <-ctx.Done():
			require.Fail(t, "it never came", "last: %+v, error: %v", last, err)
		case <-tick.C:
		}
	}
}
