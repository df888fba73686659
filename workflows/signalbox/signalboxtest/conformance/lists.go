package conformance

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func list(t *testing.T, w World) {
	prefix := reference("list") + "_"
	var want []string
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		one := start(prefix + name)
		one.Account = prefix
		begin(t, w, one)
		stands(t, w.Apps.Case(one.Reference), workflows.CaseRunning)
		want = append(want, one.Reference)
	}
	w.Provider.Ask(want[1], "Which?")
	w.Provider.Complete(want[2], nil)
	_, err := testenv.Within(t, w.Apps.Case(want[2]).Wait)
	require.NoError(t, err)
	stands(t, w.Apps.Case(want[1]), workflows.CaseInputNeeded)

	listed := func(ctx context.Context, filter signalbox.CaseFilter) ([]string, error) {
		filter.Accounts = []string{prefix}
		var rows []string
		for {
			page, err := w.Apps.ListCases(ctx, filter)
			if err != nil {
				return nil, err
			}
			for _, row := range page.Cases {
				require.Equal(t, prefix, row.Account)
				rows = append(rows, row.Reference)
			}
			if filter.Cursor = page.Next; page.Next == "" {
				return rows, nil
			}
		}
	}
	for name, c := range map[string]struct {
		filter signalbox.CaseFilter
		want   []string
	}{
		"open, the newest first": {signalbox.CaseFilter{Open: signalbox.Open}, []string{want[4], want[3], want[1], want[0]}},
		"page by page":           {signalbox.CaseFilter{Open: signalbox.Open, Limit: 1}, []string{want[4], want[3], want[1], want[0]}},
		"closed":                 {signalbox.CaseFilter{Open: signalbox.Closed, Limit: 1}, []string{want[2]}},
		"attention":              {signalbox.CaseFilter{Attention: []string{workflows.AttentionInputNeeded}}, []string{want[1]}},
		"state":                  {signalbox.CaseFilter{States: []workflows.CaseStatus{workflows.CaseCompleted}, ReferencePrefix: prefix}, []string{want[2]}},
		"all of them":            {signalbox.CaseFilter{ReferencePrefix: prefix, Limit: 2}, []string{want[4], want[3], want[2], want[1], want[0]}},
	} {
		// Visibility lags behind the workflows.
		rows, err := testenv.Await(t.Context(), func(ctx context.Context) ([]string, error) { return listed(ctx, c.filter) },
			func(rows []string) bool { return slices.Equal(rows, c.want) })
		require.NoError(t, err, "%s: %v", name, rows)
	}
}

func cursors(t *testing.T, w World) {
	prefix := reference("cursor") + "_"
	for _, name := range []string{"a", "b"} {
		one := start(prefix + name)
		begin(t, w, one)
	}
	filter := signalbox.CaseFilter{ReferencePrefix: prefix, Limit: 1}
	page := testenv.Eventually(t, func(ctx context.Context) (signalbox.CasePage, error) { return w.Apps.ListCases(ctx, filter) },
		func(p signalbox.CasePage) bool { return p.Next != "" })
	filter.Cursor = page.Next
	other := filter
	other.Open = signalbox.Open
	_, err := ask(t, w.Apps.ListCases, other)
	require.ErrorIs(t, err, signalbox.ErrInvalid)
	require.ErrorContains(t, err, "another filter")
	other = filter
	other.Limit = 2
	_, err = ask(t, w.Apps.ListCases, other)
	require.NoError(t, err, "the page size is not part of the filter")
	for _, bad := range []string{"%", "bm9uZQ", page.Next[1:]} {
		filter.Cursor = bad
		_, err = ask(t, w.Apps.ListCases, filter)
		require.ErrorIs(t, err, signalbox.ErrInvalid, bad)
		_, err = w.Apps.ToDo(t.Context(), signalbox.ToDoOptions{Cursor: bad})
		require.ErrorIs(t, err, signalbox.ErrInvalid, bad)
	}
	for _, limit := range []int{-1, signalbox.MaxPage + 1} {
		_, err = w.Apps.ListActivations(t.Context(), signalbox.ActivationFilter{Limit: limit})
		require.ErrorIs(t, err, signalbox.ErrInvalid)
	}
}

func unquotable(t *testing.T, w World) {
	for _, bad := range []string{"'", `"`, `\`, "`", "a' OR WorkflowType = 'x", "größe", "a\n"} {
		for _, filter := range []signalbox.CaseFilter{
			{Reference: bad},
			{ReferencePrefix: bad},
			{CaseID: bad},
			{Accounts: []string{"good", bad}},
			{Attention: []string{bad}},
			{States: []workflows.CaseStatus{workflows.CaseStatus(bad)}},
		} {
			_, err := ask(t, w.Apps.ListCases, filter)
			require.ErrorIs(t, err, signalbox.ErrInvalid, bad)
		}
		_, err := w.Apps.ListActivations(t.Context(), signalbox.ActivationFilter{Agents: []string{bad}})
		require.ErrorIs(t, err, signalbox.ErrInvalid, bad)
		_, err = w.Apps.ListNoticeSources(t.Context(), signalbox.NoticeSourceFilter{SourcePrefix: bad})
		require.ErrorIs(t, err, signalbox.ErrInvalid, bad)
	}
}

func toDo(t *testing.T, w World) {
	one := startCase(t, w, "todo")
	account := "account-" + one.Reference()
	options := signalbox.ToDoOptions{Accounts: []string{account}, Agents: []string{}}
	items := func(ctx context.Context) ([]signalbox.ToDoItem, error) {
		list, err := w.Apps.ToDo(ctx, options)
		return list.Items, err
	}
	question := w.Provider.Ask(one.Reference(), "Which form?")
	item := testenv.Eventually(t, items, func(items []signalbox.ToDoItem) bool {
		return len(items) == 1 && items[0].Kind == signalbox.ToDoQuestion && items[0].Note == "" // a slow worker leaves only a note
	})[0]
	require.Equal(t, one.Reference(), item.Reference)
	require.Equal(t, account, item.Account)
	require.Equal(t, "Which form?", item.Says)
	require.Equal(t, question, item.QuestionID)
	require.Equal(t, []signalbox.Action{signalbox.ActionAnswer, signalbox.ActionCancel}, item.Actions)
	require.NotEmpty(t, item.Help)
	require.NotZero(t, item.Since)
	require.NotZero(t, item.DueAt)
	require.Empty(t, item.Note)

	_, err := ask(t, one.ProvideInput, workflows.ProvideInput{QuestionID: question, Text: "The long one."})
	require.NoError(t, err)
	testenv.Eventually(t, items, func(items []signalbox.ToDoItem) bool { return len(items) == 0 })
}

func catchUp(t *testing.T, w World) {
	one := startCase(t, w, "outage")
	w.Provider.CompleteSilently(one.Reference())
	testenv.Eventually(t, func(ctx context.Context) (signalbox.CasePage, error) {
		return w.Apps.ListCases(ctx, signalbox.CaseFilter{Reference: one.Reference()})
	}, func(p signalbox.CasePage) bool { return len(p.Cases) == 1 && p.Cases[0].CaseID != "" })
	options := signalbox.CatchUpOptions{Since: time.Now().Add(-time.Hour), By: "ada", DryRun: true, CallsPerSecond: 1000}
	report, err := ask(t, w.Apps.CatchUp, options)
	require.NoError(t, err)
	require.Positive(t, report.Cases.Done)
	state, err := retry(t, one.State)
	require.NoError(t, err)
	require.Equal(t, workflows.CaseRunning, state.Status, "a dry run changes nothing")

	options.DryRun = false
	done := 0
	testenv.Eventually(t, func(ctx context.Context) (signalbox.CatchUpReport, error) {
		report, err := w.Apps.CatchUp(ctx, options)
		done += report.Cases.Done
		return report, err
	}, func(r signalbox.CatchUpReport) bool { return len(r.Failures) == 0 })
	require.Positive(t, done)
	outcome, err := testenv.Within(t, one.Wait)
	require.NoError(t, err)
	require.Equal(t, workflows.NewsByPoll, outcome.Source)

	ctx, stop := context.WithCancel(t.Context())
	stop()
	_, err = w.Apps.CatchUp(ctx, options)
	require.ErrorIs(t, err, context.Canceled)
	_, err = ask(t, w.Apps.CatchUp, signalbox.CatchUpOptions{})
	require.ErrorIs(t, err, signalbox.ErrInvalid)
}
