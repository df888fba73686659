package clienttest_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// listed reads all pages; between two of them it calls meanwhile.
func listed(t *testing.T, filter signalbox.CaseFilter, meanwhile func()) []signalbox.CaseRow {
	t.Helper()
	var rows []signalbox.CaseRow
	for {
		page := stories.MustRetry(t, func(ctx context.Context) (signalbox.CasePage, error) { return apps.ListCases(ctx, filter) })
		rows = append(rows, page.Cases...)
		if page.Next == "" {
			return rows
		}
		require.LessOrEqual(t, len(page.Cases), max(filter.Limit, 1))
		filter.Cursor = page.Next
		if meanwhile != nil {
			meanwhile()
		}
	}
}

func references(rows []signalbox.CaseRow) []string {
	all := make([]string, len(rows))
	for i, row := range rows {
		all[i] = row.Reference
	}
	slices.Sort(all)
	return all
}

// awaitListed waits until Temporal's list has caught up.
func awaitListed(t *testing.T, filter signalbox.CaseFilter, want int) {
	t.Helper()
	filter.Limit = signalbox.MaxPage
	testenv.Eventually(t, func(ctx context.Context) (int, error) {
		page, err := apps.ListCases(ctx, filter)
		return len(page.Cases), err
	}, func(n int) bool { return n == want })
}

func TestPagesOfAListAreStableWhileCasesStartCloseAndContinueAsNew(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 2, 3} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { //nolint:paralleltest // one after the other, to go easy on a small server
			rng := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a test
			prefix := unique(fmt.Sprintf("still-%d", seed)) + "-"
			id := func(n int) string { return workflows.OffloadCaseWorkflowID(fmt.Sprintf("%s%03d", prefix, n)) }
			const count = 60
			var running []int
			var want []string
			start := func(n int) {
				startStub(t, workflows.OffloadCaseWorkflow, id(n), stubState{State: "RUNNING"})
				running = append(running, n)
			}
			end := func(at int) {
				signalStub(t, id(running[at]), "end")
				running = slices.Delete(running, at, at+1)
			}
			for n := range count {
				start(n)
				want = append(want, fmt.Sprintf("%s%03d", prefix, n))
			}
			for range count / 4 {
				end(rng.IntN(len(running)))
			}
			filter := signalbox.CaseFilter{ReferencePrefix: prefix, Limit: 1 + rng.IntN(9)}
			closed := filter
			closed.Open = signalbox.Closed
			awaitListed(t, filter, count)
			awaitListed(t, closed, count/4)

			next := count
			rows := listed(t, filter, func() {
				for range rng.IntN(5) {
					switch {
					case rng.IntN(3) == 0 || len(running) == 0:
						start(next)
						next++
					case rng.IntN(2) == 0:
						end(rng.IntN(len(running)))
					default:
						signalStub(t, id(running[rng.IntN(len(running))]), "again")
					}
				}
			})
			require.Equal(t, want, references(rows), "each that was there throughout is listed once, and none that came later")
		})
	}
}

func TestAListOfOpenCasesMissesNoneThatContinuesAsNew(t *testing.T) {
	t.Parallel()
	prefix := unique("open") + "-"
	var want []string
	for n := range 20 {
		reference := fmt.Sprintf("%s%02d", prefix, n)
		want = append(want, reference)
		startStub(t, workflows.OffloadCaseWorkflow, workflows.OffloadCaseWorkflowID(reference), stubState{State: "RUNNING"})
	}
	filter := signalbox.CaseFilter{ReferencePrefix: prefix, Open: signalbox.Open, Limit: 3}
	awaitListed(t, filter, len(want))
	again := 0
	rows := listed(t, filter, func() {
		for range 3 { // from the oldest on: they are listed last
			if again < len(want) {
				signalStub(t, workflows.OffloadCaseWorkflowID(want[again]), "again")
				again++
			}
		}
		testenv.Eventually(t, func(ctx context.Context) (int64, error) {
			return countOf(ctx, fmt.Sprintf("WorkflowId STARTS_WITH 'offload-case/%s' AND ExecutionStatus = 'ContinuedAsNew'", prefix))
		}, func(n int64) bool { return n >= int64(again) })
	})
	require.Equal(t, want, references(rows))
}

func TestAForgedCursorIsRefusedOrReadsAsOneOfItsFilter(t *testing.T) {
	t.Parallel()
	prefix := unique("forged") + "-"
	for n := range 3 {
		id := workflows.OffloadCaseWorkflowID(fmt.Sprintf("%s%d", prefix, n))
		startStub(t, workflows.OffloadCaseWorkflow, id, stubState{State: "COMPLETED"})
		signalStub(t, id, "end")
	}
	filter := signalbox.CaseFilter{ReferencePrefix: prefix, Open: signalbox.Closed, Limit: 1}
	awaitListed(t, filter, 3)
	first := stories.MustRetry(t, func(ctx context.Context) (signalbox.CasePage, error) { return apps.ListCases(ctx, filter) })
	forge := func(name string, value any) signalbox.CaseFilter {
		raw, err := base64.RawURLEncoding.DecodeString(first.Next)
		require.NoError(t, err)
		var position map[string]any
		require.NoError(t, json.Unmarshal(raw, &position))
		position[name] = value
		raw, err = json.Marshal(position)
		require.NoError(t, err)
		forged := filter
		forged.Cursor = base64.RawURLEncoding.EncodeToString(raw)
		return forged
	}
	// Temporal would refuse the token with an error that the SDK repeats until the call's time is over.
	require.Len(t, listed(t, forge("t", []byte("tulip")), nil), 2, "no token of Temporal is taken from it")
	for _, name := range []string{"u", "a"} {
		for _, at := range []string{"0000-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z"} {
			_, err := apps.ListCases(t.Context(), forge(name, at))
			require.ErrorIs(t, err, signalbox.ErrInvalid, "%s %s", name, at)
			require.ErrorContains(t, err, "cursor: it is not the cursor of a list: begin without one")
		}
	}
}

func TestCanariesAreNoCasesToLookAt(t *testing.T) {
	t.Parallel()
	canary := workflows.CanaryReference("listed")
	for _, reference := range []string{canary, "canary-neighbour"} {
		startStub(t, workflows.OffloadCaseWorkflow, workflows.OffloadCaseWorkflowID(reference), stubState{State: "RUNNING", Account: "canaries", Attention: []string{"account"}})
		awaitListed(t, signalbox.CaseFilter{Reference: reference, NeedsAttention: true}, 1)
	}
	awaitListed(t, signalbox.CaseFilter{ReferencePrefix: canary[:len(canary)-2]}, 1)
	require.Equal(t, []string{"canary-neighbour"}, references(listed(t, signalbox.CaseFilter{Accounts: []string{"canaries"}, Limit: 1}, nil)))
	list := stories.MustRetry(t, func(ctx context.Context) (signalbox.ToDoList, error) {
		return apps.ToDo(ctx, signalbox.ToDoOptions{Accounts: []string{"canaries"}})
	})
	// Other tests have items of agents meanwhile.
	items := slices.DeleteFunc(list.Items, func(i signalbox.ToDoItem) bool { return i.Reference == "" })
	require.Len(t, items, 1)
	require.Equal(t, "canary-neighbour", items[0].Reference)
}

func TestCasesAreFiltered(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	prefix := unique("filter")
	start := func(reference string, shows stubState) {
		startStub(t, workflows.OffloadCaseWorkflow, workflows.OffloadCaseWorkflowID(reference), shows)
	}
	start(prefix+"_a", stubState{State: "INPUT_NEEDED", Account: "eu", CaseID: "c1", Attention: []string{"input_needed"}, DueAt: begin.Add(time.Hour)})
	start(prefix+"_b", stubState{State: "RUNNING", Account: "us", CaseID: "c2", Attention: []string{"account", "second_case"}})
	start(prefix+"_c", stubState{State: "RUNNING", Account: "eu", CaseID: "c3"})
	start(prefix+"Xd", stubState{State: "COMPLETED", Account: "eu"})
	start(prefix+"_e", stubState{State: "RUNNING", Account: "us"})
	signalStub(t, workflows.OffloadCaseWorkflowID(prefix+"Xd"), "end")
	stories.Terminate(t, shared, workflows.OffloadCaseWorkflowID(prefix+"_e"))
	awaitListed(t, signalbox.CaseFilter{ReferencePrefix: prefix, Open: signalbox.Closed}, 2)
	awaitListed(t, signalbox.CaseFilter{ReferencePrefix: prefix}, 5)

	for name, c := range map[string]struct {
		filter signalbox.CaseFilter
		want   string
	}{
		"prefix":              {signalbox.CaseFilter{ReferencePrefix: prefix}, "filterXd filter_a filter_b filter_c filter_e"},
		"_ is a letter":       {signalbox.CaseFilter{ReferencePrefix: prefix + "_"}, "filter_a filter_b filter_c filter_e"},
		"% is none":           {signalbox.CaseFilter{ReferencePrefix: prefix + "%"}, ""},
		"reference":           {signalbox.CaseFilter{Reference: prefix + "_a"}, "filter_a"},
		"none":                {signalbox.CaseFilter{Reference: prefix + "_"}, ""},
		"states":              {signalbox.CaseFilter{ReferencePrefix: prefix, States: []workflows.CaseStatus{"COMPLETED", "INPUT_NEEDED"}}, "filterXd filter_a"},
		"an attention":        {signalbox.CaseFilter{ReferencePrefix: prefix, Attention: []string{"second_case", "conflict"}}, "filter_b"},
		"any attention":       {signalbox.CaseFilter{ReferencePrefix: prefix, NeedsAttention: true}, "filter_a filter_b"},
		"account":             {signalbox.CaseFilter{ReferencePrefix: prefix, Accounts: []string{"eu"}}, "filterXd filter_a filter_c"},
		"accounts":            {signalbox.CaseFilter{ReferencePrefix: prefix + "_", Accounts: []string{"eu", "us"}, Open: signalbox.Open}, "filter_a filter_b filter_c"},
		"caseId":              {signalbox.CaseFilter{CaseID: "c3", ReferencePrefix: prefix}, "filter_c"},
		"open":                {signalbox.CaseFilter{ReferencePrefix: prefix, Open: signalbox.Open}, "filter_a filter_b filter_c"},
		"closed":              {signalbox.CaseFilter{ReferencePrefix: prefix, Open: signalbox.Closed}, "filterXd filter_e"},
		"since":               {signalbox.CaseFilter{ReferencePrefix: prefix, StartedSince: begin.Add(-time.Second)}, "filterXd filter_a filter_b filter_c filter_e"},
		"since later":         {signalbox.CaseFilter{ReferencePrefix: prefix, StartedSince: begin.Add(time.Hour)}, ""},
		"before":              {signalbox.CaseFilter{ReferencePrefix: prefix, StartedBefore: begin.Add(-time.Second)}, ""},
		"all of it in a page": {signalbox.CaseFilter{ReferencePrefix: prefix, Limit: 5}, "filterXd filter_a filter_b filter_c filter_e"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, strings.ReplaceAll(strings.Join(references(listed(t, c.filter, nil)), " "), prefix, "filter"))
		})
	}
	row := listed(t, signalbox.CaseFilter{Reference: prefix + "_a"}, nil)[0]
	require.Equal(t, signalbox.ExecutionRunning, row.Execution)
	require.Equal(t, []string{"input_needed"}, row.Attention)
	require.WithinDuration(t, begin.Add(time.Hour), row.DueAt, time.Second)
	require.Equal(t, "eu", row.Account)
	require.Equal(t, "c1", row.CaseID)
	require.Equal(t, workflows.CaseInputNeeded, row.Status)
	require.WithinDuration(t, begin, row.StartedAt, time.Minute)
	row = listed(t, signalbox.CaseFilter{Reference: prefix + "_e"}, nil)[0]
	require.Equal(t, signalbox.ExecutionTerminated, row.Execution)
	require.NotZero(t, row.ClosedAt)
}

func TestActivationsAreListedByAgent(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 250)
	for _, one := range [][2]string{{"lister", "act/1 ü"}, {"lister", long}, {"lister-2", "act-2"}} {
		startStub(t, workflows.ArtmailActivationWorkflow, workflows.ArtmailActivationWorkflowID(one[0], one[1]),
			stubState{State: "ACTIVE", Query: workflows.ActivationState{Agent: one[0], ActivationID: one[1]}})
	}
	filter := signalbox.ActivationFilter{Agents: []string{"lister"}, States: []workflows.ActivationStatus{workflows.ActivationActive}}
	page := testenv.Eventually(t, func(ctx context.Context) (signalbox.ActivationPage, error) { return apps.ListActivations(ctx, filter) },
		func(p signalbox.ActivationPage) bool { return len(p.Activations) == 2 })
	require.Equal(t, long, page.Activations[0].ActivationID, "the workflow ID has only its hash: the activation tells it")
	require.Equal(t, "act/1 ü", page.Activations[1].ActivationID)
	require.Equal(t, "lister", page.Activations[1].Agent)
	require.Equal(t, workflows.ActivationActive, page.Activations[1].Status)

	both := testenv.Eventually(t, func(ctx context.Context) (signalbox.ActivationPage, error) {
		return apps.ListActivations(ctx, signalbox.ActivationFilter{Agents: []string{"lister", "lister-2"}})
	}, func(p signalbox.ActivationPage) bool { return len(p.Activations) == 3 })
	require.Empty(t, both.Next)
	one := stories.MustRetry(t, func(ctx context.Context) (signalbox.ActivationPage, error) {
		return apps.ListActivations(ctx, signalbox.ActivationFilter{Agents: []string{"lister"}, ActivationID: long})
	})
	require.Len(t, one.Activations, 1)
}

func countOf(ctx context.Context, query string) (int64, error) {
	response, err := shared.CountWorkflow(ctx, countRequest(query))
	return response.GetCount(), err
}
