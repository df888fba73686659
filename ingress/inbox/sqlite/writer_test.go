package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/table"
)

var start = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func openStore(t *testing.T) *Store {
	t.Helper()
	s, err := Open(context.Background(), filepath.Join(t.TempDir(), "inbox.db"), Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func pendingIn(lane, key string) inbox.Delivery {
	return inbox.Delivery{
		Provider: "offload", Scope: "default", Lane: lane, Kind: "case.completed", DedupeKey: key,
		Body: []byte("sealed"), ReceivedAt: start, State: inbox.StatePending,
	}
}

// appendJob is Append up to the queue.
func appendJob(t *testing.T, deliveries ...inbox.Delivery) *job {
	t.Helper()
	prepared, err := inbox.Prepare(deliveries)
	require.NoError(t, err)
	j := &job{}
	for _, d := range prepared {
		j.rows = append(j.rows, &row{Delivery: d, unique: table.Unique(d), lane: table.LaneKey(d.Lane), receipt: new(inbox.Receipt)})
	}
	return j
}

// onWriter runs f where the writer's connection may be used.
func onWriter(t *testing.T, s *Store, f func(*tx) error) {
	t.Helper()
	require.NoError(t, s.queue.Do(context.Background(), &job{work: f}, 0))
}

// limitPages makes the disk full, or not any more.
func limitPages(t *testing.T, s *Store, pages int) {
	t.Helper()
	onWriter(t, s, func(tx *tx) error {
		var got int
		_, err := tx.queryRow(fmt.Sprintf("PRAGMA max_page_count = %d", pages), nil, &got)
		return err
	})
}

func TestAJobAtFaultFailsAloneInItsBatch(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	first := appendJob(t, pendingIn("a", "1"))
	require.Equal(t, []error{nil}, s.writes.commit([]*job{first}))

	stolen := pendingIn("b", "2")
	stolen.ID = first.rows[0].ID
	good, bad, late := appendJob(t, pendingIn("a", "3"), pendingIn("a", "1")), appendJob(t, pendingIn("b", "4"), stolen), appendJob(t, pendingIn("c", "5"))
	committed := 0
	for _, j := range []*job{good, bad, late} {
		j.committed = func() { committed++ }
	}
	errs := s.writes.commit([]*job{good, bad, late})
	require.NoError(t, errs[0])
	require.ErrorIs(t, errs[1], inbox.ErrIDTaken)
	require.NoError(t, errs[2])
	require.Equal(t, 2, committed)
	require.Equal(t, inbox.OutcomeNew, good.rows[0].receipt.Outcome)
	require.Equal(t, inbox.Receipt{ID: first.rows[0].ID, Outcome: inbox.OutcomeDuplicate}, *good.rows[1].receipt)
	counts, err := s.Counts(context.Background())
	require.NoError(t, err)
	require.Equal(t, int64(3), counts[inbox.StatePending])
	d, err := s.Get(context.Background(), first.rows[0].ID)
	require.NoError(t, err)
	require.Equal(t, 1, d.Duplicates, "what was undone is not counted")
}

func TestAFullDiskFailsItsBatchAndIsRecoveredFrom(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	ctx := context.Background()
	limitPages(t, s, 1)
	large := pendingIn("a", "large")
	large.Body = make([]byte, 1<<20)
	_, err := s.Append(ctx, []inbox.Delivery{large})
	require.ErrorContains(t, err, "full")
	for _, sentinel := range []error{inbox.ErrBusy, inbox.ErrInvalid, inbox.ErrClosed} {
		require.NotErrorIs(t, err, sentinel)
	}
	// SQLite ended the transaction by itself, so the connection was replaced, and with it the limit.
	limitPages(t, s, 1)
	errs := s.writes.commit([]*job{appendJob(t, large), appendJob(t, large)})
	require.Error(t, errs[0])
	require.Equal(t, errs[0], errs[1], "an outage is not tried once for each")
	counts, err := s.Counts(ctx)
	require.NoError(t, err)
	require.Zero(t, counts[inbox.StatePending])

	limitPages(t, s, 1<<30)
	receipts, err := s.Append(ctx, []inbox.Delivery{large})
	require.NoError(t, err)
	require.Equal(t, inbox.OutcomeNew, receipts[0].Outcome)
}

func TestAFileThatBecomesReadOnlyIsAnOutageAndRecoveredFrom(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	for range 2 {
		// SQLite may end the transaction by itself; then the connection is replaced, and this with it.
		onWriter(t, s, func(tx *tx) error {
			_, err := tx.exec("PRAGMA query_only = 1")
			return err
		})
		errs := s.writes.commit([]*job{appendJob(t, pendingIn("a", "1")), appendJob(t, pendingIn("a", "2"))})
		require.ErrorContains(t, errs[0], "readonly")
		require.Equal(t, errs[0], errs[1], "an outage is not tried once for each")
	}
	onWriter(t, s, func(tx *tx) error {
		_, err := tx.exec("PRAGMA query_only = 0")
		return err
	})
	_, err := s.Append(context.Background(), []inbox.Delivery{pendingIn("a", "1")})
	require.NoError(t, err)
}

func TestAConnectionThatCannotRollBackIsReplaced(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	broken := errors.New("broken")
	err := s.queue.Do(context.Background(), &job{work: func(t *tx) error {
		// The transaction is gone already, as SQLite leaves it after some I/O errors.
		_, err := t.exec("ROLLBACK")
		return errors.Join(broken, err)
	}}, 0)
	require.ErrorIs(t, err, broken)
	_, err = s.Append(context.Background(), []inbox.Delivery{pendingIn("a", "1")})
	require.NoError(t, err)
	onWriter(t, s, func(t *tx) error {
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "auto_vacuum": "2", "busy_timeout": "0"} {
			var got string
			if _, err := t.queryRow("PRAGMA "+pragma, nil, &got); err != nil {
				return err
			}
			if got != want {
				return fmt.Errorf("%s is %s, not %s", pragma, got, want)
			}
		}
		return nil
	})
}

func TestReadersCannotWrite(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	_, err := s.reads.db.Exec("DELETE FROM delivery")
	require.ErrorContains(t, err, "readonly")
}

// A table that is scanned makes every delivery cost more than the one before.
func TestNoQuestionOnTheHotPathScansTheTable(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	for _, query := range []string{
		selectPending, selectDelivery, selectPlaces[32], endDeliveries[32], deleteIdle[32], freeLanes[32], claimLanes[32],
		renewLanes[32], retryDelivery, selectOldBodies, "SELECT sequence FROM delivery WHERE unique_key = ?", "SELECT coalesce(max(sequence), 0) FROM delivery",
	} {
		for _, step := range plan(t, s.reads.db, query, make([]any, strings.Count(query, "?"))...) {
			require.NotRegexp(t, `^SCAN (delivery|body|lane|d|b|l)\b`, step, query)
			require.NotContains(t, step, "TEMP B-TREE", query)
		}
	}
	require.Equal(t, []string{"SEARCH lane USING COVERING INDEX lane_due (due_at<?)", "SEARCH lane USING COVERING INDEX lane_due (due_at>?)"},
		searches(plan(t, s.reads.db, selectDue, 1, 2, 3)))
}

// What a person asks for must not take longer with every delivery that ever came.
func TestNoFilterScansTheTable(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	kinds := []table.Kind{{Provider: "offload", Scope: "default", Kind: "case.completed"}, {Provider: "artmail", Scope: "a", Kind: "agent.paused"}}
	byID := "SEARCH d USING INDEX sqlite_autoindex_delivery_1 (id=?)"
	for name, c := range map[string]struct {
		filter inbox.Filter
		want   []string
	}{
		"nothing":           {inbox.Filter{}, []string{"SCAN delivery USING COVERING INDEX sqlite_autoindex_delivery_1"}},
		"the next":          {inbox.Filter{Cursor: inbox.NewID(start)}, []string{"SEARCH delivery USING COVERING INDEX sqlite_autoindex_delivery_1 (id<?)"}},
		"since and until":   {inbox.Filter{Since: start, Until: start.Add(1)}, []string{"SEARCH delivery USING COVERING INDEX sqlite_autoindex_delivery_1 (id>? AND id<?)"}},
		"a state":           {inbox.Filter{States: []inbox.State{inbox.StateDead}}, []string{"SEARCH delivery USING COVERING INDEX delivery_open (state=?)"}},
		"a state, the next": {inbox.Filter{States: []inbox.State{inbox.StateDead}, Cursor: inbox.NewID(start)}, []string{"SEARCH delivery USING COVERING INDEX delivery_open (state=? AND id<?)"}},
		"pending":           {inbox.Filter{States: []inbox.State{inbox.StatePending}}, []string{"SCAN delivery USING COVERING INDEX delivery_pending"}},
		"agent":             {inbox.Filter{Scope: "default"}, []string{"SEARCH delivery USING COVERING INDEX delivery_kind (provider=? AND scope=? AND kind=?)"}},
		"kind, since":       {inbox.Filter{Kind: "agent.paused", Since: start}, []string{"SEARCH delivery USING COVERING INDEX delivery_kind (provider=? AND scope=? AND kind=? AND id>?)"}},
		"lane":              {inbox.Filter{Lane: "a", Since: start}, []string{"SEARCH delivery USING INDEX delivery_unique (unique_key>? AND unique_key<?)"}},
	} {
		query, args := dialect.List(c.filter, kinds)
		require.Equal(t, append(c.want, byID), searches(plan(t, s.reads.db, query, args...)), name)
	}
	query, _ := dialect.List(inbox.Filter{Kind: "case.never"}, kinds)
	require.Empty(t, query, "a kind that there is none of is not looked for")
	many := make([]table.Kind, 1000)
	for i := range many {
		many[i] = table.Kind{Provider: "offload", Kind: fmt.Sprint(i)}
	}
	query, args := dialect.List(inbox.Filter{Provider: "offload"}, many)
	require.Len(t, searches(plan(t, s.reads.db, query, args...)), 2, "more kinds than a query may have parts are one part")
}

// searches are the steps that read a table.
func searches(steps []string) (found []string) {
	for _, step := range steps {
		if strings.HasPrefix(step, "SCAN delivery") || strings.HasPrefix(step, "SEARCH ") {
			found = append(found, step)
		}
	}
	return found
}

func plan(t *testing.T, db *sql.DB, query string, args ...any) (steps []string) {
	t.Helper()
	rows, err := db.Query("EXPLAIN QUERY PLAN "+query, args...)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		steps = append(steps, detail)
	}
	require.NoError(t, rows.Err())
	require.NotEmpty(t, steps)
	return steps
}
