package dev_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/payloadtest"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestTemporalKeepsWhatARefusedStartBroughtUntilItsScavengerRuns(t *testing.T) {
	t.Parallel()
	const id, words = "refused-start", "snodgrassian"
	options := client.StartWorkflowOptions{ID: id, TaskQueue: "no-worker", WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE}
	for range 2 {
		stories.Execute(t, shared.Temporal, options, words) // the client hides that the second start is refused
	}
	runs := runsOf(t, id)
	require.Len(t, runs, 1)
	stored := inHistories(t, words)
	require.GreaterOrEqual(t, len(stored), 2) // a start that is tried again leaves one more
	require.False(t, leftovers{Columns: []string{"history_node.data"}, Events: stored}.areOf(runs), "the other tests see it")
	other := stored[slices.IndexFunc(stored, func(e storedEvents) bool { return e.Run != runs[0] })]
	require.True(t, other.Branch)

	stories.Terminate(t, shared.Temporal, id)
	stories.MustRetry(t, func(ctx context.Context) (*workflowservice.DeleteWorkflowExecutionResponse, error) {
		return shared.Temporal.WorkflowService().DeleteWorkflowExecution(ctx, &workflowservice.DeleteWorkflowExecutionRequest{
			Namespace: "default", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id},
		})
	})
	testenv.Eventually(t, func(ctx context.Context) ([]storedEvents, error) {
		return inHistories(t, words), scavenge(ctx)
	}, func(found []storedEvents) bool { return len(found) == 0 })
}

// requireReadable checks that Temporal's database has the text. Where payloads are encrypted, it can't have it.
func requireReadable(t *testing.T, text string) {
	t.Helper()
	if payloadtest.Keys() == nil {
		require.NotEmpty(t, inTables(t, text))
	}
}

// inTables are the tables of Temporal's database that hold a text in any column. Its file may hold what was deleted, in pages that are free: the
// file is Temporal's own.
func inTables(t *testing.T, text string) (found []string) {
	t.Helper()
	db, done := temporalDatabase(t)
	defer done()
	tables := column[string](t, db, "SELECT name FROM sqlite_master WHERE type = 'table'")
	require.Greater(t, len(tables), 20)
	for _, table := range tables {
		for _, name := range column[string](t, db, "SELECT name FROM pragma_table_info('"+table+"')") {
			for _, value := range column[[]byte](t, db, `SELECT CAST("`+name+`" AS BLOB) FROM "`+table+`"`) {
				if holds(value, text) {
					found = append(found, table+"."+name)
					break
				}
			}
		}
	}
	return found
}

// leftovers are where Temporal's database holds a text.
type leftovers struct {
	Columns []string
	Events  []storedEvents
}

// storedEvents is a row of history_node. Its run is known to the scavenger if there is a branch, a row of history_tree.
type storedEvents struct {
	Run    string
	Node   int
	Branch bool
}

// areOf reports whether only events are left over, of these runs alone, and the scavenger can delete them.
func (l leftovers) areOf(runs []string) bool {
	return len(l.Events) > 0 && slices.Equal(l.Columns, []string{"history_node.data"}) &&
		!slices.ContainsFunc(l.Events, func(e storedEvents) bool { return !e.Branch || !slices.Contains(runs, e.Run) })
}

// inHistories are the events that hold a text. The ID of a tree of events is that of its first run.
func inHistories(t *testing.T, text string) (found []storedEvents) {
	t.Helper()
	db, done := temporalDatabase(t)
	defer done()
	rows, err := db.QueryContext(t.Context(), `SELECT lower(hex(n.tree_id)), n.node_id, n.data,
EXISTS (SELECT 1 FROM history_tree AS t WHERE t.shard_id = n.shard_id AND t.tree_id = n.tree_id AND t.branch_id = n.branch_id) FROM history_node AS n`)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	for rows.Next() {
		var one storedEvents
		var data []byte
		require.NoError(t, rows.Scan(&one.Run, &one.Node, &data, &one.Branch))
		if holds(data, text) {
			found = append(found, one)
		}
	}
	require.NoError(t, rows.Err())
	return found
}

// runsOf are the runs of workflows, as the IDs of trees are written.
func runsOf(t *testing.T, workflowIDs ...string) (runs []string) {
	t.Helper()
	for _, id := range workflowIDs {
		described, err := stories.Retry(t.Context(), func(ctx context.Context) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
			return shared.Temporal.DescribeWorkflowExecution(ctx, id, "")
		})
		if none := (*serviceerror.NotFound)(nil); errors.As(err, &none) {
			continue
		}
		require.NoError(t, err)
		runs = append(runs, strings.ReplaceAll(described.GetWorkflowExecutionInfo().GetExecution().GetRunId(), "-", ""))
	}
	return runs
}

// scavenge lets Temporal delete the events that belong to no run and are 20 s old.
func scavenge(ctx context.Context) error {
	system, err := client.NewClientFromExistingWithContext(ctx, shared.Temporal, client.Options{Namespace: "temporal-system"})
	if err != nil {
		return err
	}
	defer system.Close()
	run, err := system.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "test-history-scanner", TaskQueue: "temporal-sys-history-scanner-taskqueue-0",
	}, "temporal-sys-history-scanner-workflow")
	if err != nil {
		return err
	}
	return run.Get(ctx, nil)
}

func temporalDatabase(t *testing.T) (db *sql.DB, done func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(shared.folder, "temporal.db")+"?mode=ro&_pragma=busy_timeout(10000)")
	require.NoError(t, err)
	return db, func() { require.NoError(t, db.Close()) }
}

func column[T any](t *testing.T, db *sql.DB, query string) (all []T) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	require.NoError(t, err, query)
	defer func() { require.NoError(t, rows.Close()) }()
	for rows.Next() {
		var value T
		require.NoError(t, rows.Scan(&value))
		all = append(all, value)
	}
	require.NoError(t, rows.Err())
	return all
}

func holds(content []byte, text string) bool {
	for _, spelling := range stories.Spellings(text) {
		if bytes.Contains(content, []byte(spelling)) {
			return true
		}
	}
	return false
}
