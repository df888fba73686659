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
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
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
		j.rows = append(j.rows, &row{Delivery: d, key: keyOf(d), receipt: new(inbox.Receipt)})
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
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "auto_vacuum": "2", "busy_timeout": "5000"} {
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

func TestLanesOfOneHashWaitForEachOther(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	j := appendJob(t, pendingIn("a", "1"), pendingIn("b", "1"), pendingIn("a", "2"))
	for _, r := range j.rows {
		r.key.lane = 7
	}
	require.Equal(t, []error{nil}, s.writes.commit([]*job{j}))
	claim := func() []inbox.Lane {
		lanes, err := s.Claim(context.Background(), inbox.ClaimRequest{Owner: "relay", Now: start, Lease: time.Minute, MaxLanes: 10, MaxPerLane: 10})
		require.NoError(t, err)
		return lanes
	}
	lanes := claim()
	require.Len(t, lanes, 1)
	require.Equal(t, "a", lanes[0].Name)
	require.Len(t, lanes[0].Deliveries, 2)
	require.Empty(t, claim())
	require.NoError(t, s.Settle(context.Background(), inbox.SettleRequest{Owner: "relay", Now: start, Settlements: []inbox.Settlement{
		inbox.Finish(lanes[0].Deliveries[0].ID, inbox.StateDelivered, ""), inbox.Finish(lanes[0].Deliveries[1].ID, inbox.StateDelivered, ""),
	}}))
	lanes = claim()
	require.Len(t, lanes, 1)
	require.Equal(t, "b", lanes[0].Name)
}

func TestABacklogStaysInTheTable(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	var backlog []inbox.Delivery
	for i := range 5 * intake {
		backlog = append(backlog, pendingIn(fmt.Sprint(i), "1"))
	}
	_, err := s.Append(context.Background(), backlog)
	require.NoError(t, err)
	lanes, err := s.Claim(context.Background(), inbox.ClaimRequest{Owner: "relay", Now: start, Lease: time.Minute, MaxLanes: 10, MaxPerLane: 1})
	require.NoError(t, err)
	require.Len(t, lanes, 10)
	require.Equal(t, intake-10, s.schedule.size(), "no more than one read ahead")
}

func TestAReplayBeyondWhatWasReadAheadKeepsTheOrderOfItsLane(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	var backlog []inbox.Delivery
	for i := range lookahead + intake {
		backlog = append(backlog, pendingIn(fmt.Sprint(i), "1"))
	}
	receipts, err := s.Append(context.Background(), append(backlog, pendingIn("deep", "1"), pendingIn("deep", "2")))
	require.NoError(t, err)
	claim := func(lanes int) []inbox.Lane {
		claimed, err := s.Claim(context.Background(), inbox.ClaimRequest{Owner: "relay", Now: start.Add(time.Hour), Lease: time.Minute, MaxLanes: lanes, MaxPerLane: 10})
		require.NoError(t, err)
		return claimed
	}
	for s.schedule.size() < lookahead {
		require.Len(t, claim(1), 1)
	}
	require.NoError(t, s.Replay(context.Background(), receipts[len(receipts)-1].ID, start))
	for range 2 {
		for _, lane := range claim(max(s.schedule.size(), intake)) {
			if lane.Name == "deep" {
				require.Len(t, lane.Deliveries, 2)
				require.Equal(t, "1", lane.Deliveries[0].DedupeKey)
				return
			}
		}
	}
	t.Fatal("what was replayed is not handed out")
}

func TestWhatTheTableNoLongerShowsAsPendingIsNotHandedOut(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	receipts, err := s.Append(context.Background(), []inbox.Delivery{pendingIn("a", "1")})
	require.NoError(t, err)
	claim := func() []inbox.Lane {
		lanes, err := s.Claim(context.Background(), inbox.ClaimRequest{Owner: "relay", Now: start, Lease: time.Minute, MaxLanes: 1, MaxPerLane: 1})
		require.NoError(t, err)
		return lanes
	}
	require.Len(t, claim(), 1)
	require.NoError(t, s.Settle(context.Background(), inbox.SettleRequest{
		Owner: "relay", Now: start, Settlements: []inbox.Settlement{inbox.Finish(receipts[0].ID, inbox.StateDelivered, "")},
	}))
	// As if it had been read before it was settled, and noted after.
	s.schedule.add(entry{sequence: s.takenIn, lane: laneHash("a"), dueAt: cell.Micros(start)})
	require.Empty(t, claim())
	_, err = s.Append(context.Background(), []inbox.Delivery{pendingIn("a", "2")})
	require.NoError(t, err)
	require.Len(t, claim(), 1, "nor does it keep its lane")
}

// A table that is scanned makes every delivery cost more than the one before.
func TestNoQuestionOnTheHotPathScansTheTable(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	for _, query := range []string{
		selectByKey, selectKnown[32], selectPlace, selectOldest, selectPendingAfter, selectPending, selectExpired,
	} {
		requireNoScan(t, plan(t, s.reads.db, query), query)
	}
	for _, next := range nextGroup {
		require.NotContains(t, plan(t, s.reads.db, next.query)[0], "(provider,", "a comparison of several columns reads a whole group")
		requireNoScan(t, plan(t, s.reads.db, next.query), next.query)
	}
}

func requireNoScan(t *testing.T, steps []string, query string) {
	t.Helper()
	for _, step := range steps {
		require.NotRegexp(t, `^SCAN (delivery|body)`, step, query)
		require.NotContains(t, step, "TEMP B-TREE", query)
	}
}

// What a person asks for must not take longer with every delivery that ever came.
func TestNoFilterScansTheTable(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	_, err := s.Append(context.Background(), []inbox.Delivery{pendingIn("a", "1")})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		filter inbox.Filter
		// index is what each part but the last goes by; sorted is the index whose few rows are sorted.
		index, sorted string
	}{
		"nothing":     {inbox.Filter{}, "delivery_state (state=? AND rowid>?)", ""},
		"states":      {inbox.Filter{States: []inbox.State{inbox.StateDead}}, "delivery_state (state=? AND rowid>?)", ""},
		"the next":    {inbox.Filter{Cursor: inbox.Cursor(1)}, "delivery_state (state=? AND rowid>? AND rowid<?)", ""},
		"since":       {inbox.Filter{Since: start}, "delivery_state (state=? AND rowid>?)", ""},
		"until":       {inbox.Filter{Until: start.Add(time.Hour)}, "delivery_state (state=? AND rowid>? AND rowid<?)", "delivery_drifted (received_at<?)"},
		"provider":    {inbox.Filter{Provider: "offload"}, "delivery_group (provider=? AND scope=? AND state=? AND kind=? AND rowid>?)", ""},
		"agent":       {inbox.Filter{Scope: "default"}, "delivery_group (provider=? AND scope=? AND state=? AND kind=? AND rowid>?)", ""},
		"kind, until": {inbox.Filter{Kind: "case.completed", Until: start.Add(time.Hour)}, "delivery_group (provider=? AND scope=? AND state=? AND kind=? AND rowid>? AND rowid<?)", "delivery_drifted (received_at<?)"},
	} {
		tx, err := s.reads.db.BeginTx(context.Background(), &sql.TxOptions{ReadOnly: true})
		require.NoError(t, err)
		parts, err := partsOf(context.Background(), tx, c.filter, []int64{})
		require.NoError(t, err)
		require.NoError(t, tx.Rollback())
		require.NotEmpty(t, parts, name)
		for _, p := range parts {
			steps := plan(t, s.reads.db, p.query())
			if c.sorted != "" && strings.HasPrefix(c.sorted, strings.TrimPrefix(p.from, "INDEXED BY ")) {
				require.Equal(t, "SEARCH delivery USING INDEX "+c.sorted, steps[0], name)
				continue
			}
			require.Equal(t, []string{"SEARCH delivery USING INDEX " + c.index}, steps, name)
		}
	}
	ofLane, err := partsOf(context.Background(), nil, inbox.Filter{Lane: "a", Provider: "offload", States: []inbox.State{inbox.StateDead}, Until: start}, []int64{})
	require.NoError(t, err)
	steps := plan(t, s.reads.db, ofLane[0].query())
	require.Equal(t, "SEARCH delivery USING INTEGER PRIMARY KEY (rowid=?)", steps[0])
	require.Contains(t, steps, "SEARCH delivery_key USING PRIMARY KEY (lane_hash=?)")
	requireNoScan(t, steps, "lane")
}

func plan(t *testing.T, db *sql.DB, query string) (steps []string) {
	t.Helper()
	rows, err := db.Query("EXPLAIN QUERY PLAN "+query, make([]any, strings.Count(query, "?"))...)
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
