package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/inboxtest"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/sqlstore"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
)

// explained is a database that has each query explained, with what it really reads, before it is carried out.
type explained struct {
	*database
	t *testing.T
	// most is how many rows a query may read.
	most int
	name string
}

func (e *explained) Append(ctx context.Context, rows []*sqlstore.Delivery, _ int64) error {
	return e.Write(ctx, false, func(t sqlstore.Tx) error { return e.store.AppendTo(t, rows) })
}

func (e *explained) Write(ctx context.Context, relaxed bool, work func(sqlstore.Tx) error) error {
	return e.database.Write(ctx, relaxed, func(t sqlstore.Tx) error { return work(sqlstore.Tx{Statements: explainedTx{t.Statements.(*tx), e}}) })
}

func (e *explained) Read(ctx context.Context, query string, scan func(sqlstore.Row) error, args ...any) error {
	e.explain(e.reads, query, args)
	return e.database.Read(ctx, query, scan, args...)
}

type explainedTx struct {
	*tx
	by *explained
}

func (x explainedTx) Run(query string, list any, scan func(sqlstore.Row) error, args ...any) (int64, error) {
	if list == nil {
		x.explain(query, args)
	} else if reflect.ValueOf(list).Len() > 0 {
		x.explain(query, append(args[:len(args):len(args)], list))
	}
	return x.tx.Run(query, list, scan, args...)
}

func (x explainedTx) Repeat(query string, args [][]any, scan func(int, sqlstore.Row) error) error {
	for _, one := range args {
		x.explain(query, one)
	}
	return x.tx.Repeat(query, args, scan)
}

// explain undoes what the explained query does.
func (x explainedTx) explain(query string, args []any) {
	require.NoError(x.by.t, x.send())
	_, err := x.conn.Exec(x.ctx, "SAVEPOINT explained")
	require.NoError(x.by.t, err)
	x.by.explain(x.conn, query, args)
	_, err = x.conn.Exec(x.ctx, "ROLLBACK TO explained")
	require.NoError(x.by.t, err)
}

func (e *explained) explain(conn interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
}, query string, args []any,
) {
	rows, err := conn.Query(context.Background(), "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) "+translate(query, " FOR UPDATE"), values(args)...)
	require.NoError(e.t, err, query)
	text, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[[]byte])
	require.NoError(e.t, err, query)
	var plans []struct{ Plan step }
	require.NoError(e.t, json.Unmarshal(text, &plans))
	if read := plans[0].Plan.rows(); read > float64(e.most) {
		e.t.Errorf("%s reads %g rows: %s %v\n%s", e.name, read, query, args, text)
	}
}

// step is a node of a plan as the server explains it.
type step struct {
	Relation string  `json:"Relation Name"`
	Rows     float64 `json:"Actual Rows"`
	Loops    float64 `json:"Actual Loops"`
	Removed  float64 `json:"Rows Removed by Filter"`
	Plans    []step
}

// rows is how many the steps looked at in a table.
func (s step) rows() (sum float64) {
	if s.Relation != "" {
		sum = (s.Rows + s.Removed) * s.Loops
	}
	for _, below := range s.Plans {
		sum += below.rows()
	}
	return sum
}

// fillMixed writes deliveries $2 to $3, a second apart, with a few of other kinds, of other agents and in an older place.
const fillMixed = `INSERT INTO inbox_delivery (id, unique_key, lane_key, provider, scope, lane, kind, dedupe_key, fingerprint,
occurred_at, received_at, state, reason, conflict_of, settled_at, trace_parent)
SELECT regexp_replace(lpad(to_hex(at / 1000), 12, '0'), '(.{8})(.{4})', '\1-\2') || '-7000-8000-' || lpad(to_hex(n), 12, '0'),
substr(sha256(n::text::bytea), 1, 24), ('x' || encode(substr(sha256(n::text::bytea), 1, 8), 'hex'))::bit(64)::bigint,
CASE WHEN n % 1500 = 1 THEN 'artmail' ELSE 'offload' END, CASE WHEN n % 1500 = 1 THEN 'agent' ELSE 'default' END, n::text,
CASE WHEN n % 1000 = 0 THEN 'case.failed' ELSE 'case.completed' END, n::text, '', at, at, $4, '', '', at, ''
FROM generate_series($2::bigint, $3::bigint - 1) AS n, LATERAL (SELECT $1::bigint + 1000000 * (n - CASE WHEN n % 1700 = 3 THEN 900 ELSE 0 END)) AS a(at)`

// A query must not take longer with every stored delivery, with or without statistics of the table: nothing at
// first, then all of what was there some time ago, then all.
func TestNoQueryReadsTheTable(t *testing.T) {
	t.Parallel()
	const many, limit, pending = 200_000, 10, 50
	s := openStore(t, pgtest.Shared(t).Database(t))
	second := func(n int) time.Time { return start.Add(time.Duration(n) * time.Second) }
	do := func(statement string, args ...any) {
		_, err := s.db.writes.Exec(t.Context(), statement, args...)
		require.NoError(t, err)
	}
	fill := func(from, to int, state inbox.State) { do(fillMixed, start.UnixMicro(), from, to, string(state)) }
	do("ALTER TABLE inbox_delivery SET (autovacuum_enabled = off)")
	do("ALTER TABLE inbox_lane SET (autovacuum_enabled = off)")
	do("INSERT INTO inbox_kind VALUES ('offload', 'default', 'case.completed'), ('offload', 'default', 'case.failed'), ('artmail', 'agent', 'case.completed')")
	fill(0, pending, inbox.StatePending)
	do("INSERT INTO inbox_lane SELECT lane_key, $1 + 600 * 1000000::bigint FROM inbox_delivery", start.UnixMicro())
	fill(pending, 1000, inbox.StateIgnored)
	db := &explained{database: s.db, t: t}
	store := sqlstore.New(db)
	for stage, known := range []func(){
		func() { fill(1000, many/2, inbox.StateIgnored) },
		func() { do("ANALYZE"); fill(many/2, many, inbox.StateIgnored) },
		func() { do("VACUUM ANALYZE") },
	} {
		known()
		db.most = 8 * limit
		for name, f := range lists(second, many) {
			db.name = fmt.Sprint("to list ", name, " in stage ", stage)
			f.Limit = limit
			_, err := store.List(t.Context(), f)
			require.NoError(t, err)
		}
		db.name, db.most = fmt.Sprint("a life in stage ", stage), 3*pending
		_, _, err := store.OldestPending(t.Context())
		require.NoError(t, err)
		// Beside deliveries in other lanes, which the statistics don't know.
		const others = "WHERE sequence BETWEEN 500 AND 999"
		do("UPDATE inbox_delivery SET state = 'pending', in_lane = 1 " + others)
		oneLife(t, store, fmt.Sprint("life-", stage))
		do("UPDATE inbox_delivery SET state = 'ignored', in_lane = 0 " + others)
	}

	// Groups of others are not gone through.
	var others []inbox.Delivery
	for i := range 100 {
		d := inboxtest.Pending("others", fmt.Sprint(i))
		d.Provider, d.Scope = []string{"offload", "zeta"}[i%2], fmt.Sprint("other ", i)
		others = append(others, d)
	}
	_, err := s.Append(t.Context(), others)
	require.NoError(t, err)
	db.name, db.most = "beside many groups", 8*limit+len(others)
	for _, f := range []inbox.Filter{{Provider: "artmail", Limit: limit}, {Provider: "offload", Scope: "default", Limit: limit}} {
		_, err := store.List(t.Context(), f)
		require.NoError(t, err)
	}
}

// oneLife does each operation with two deliveries of one lane.
func oneLife(t *testing.T, s *sqlstore.Store, lane string) {
	t.Helper()
	ctx := t.Context()
	var claims map[string]int64
	claim := func(now time.Time) (ids []string) {
		lanes, err := s.Claim(ctx, inbox.ClaimRequest{Owner: "x", Now: now, Lease: time.Minute, MaxLanes: 1, MaxPerLane: 9})
		require.NoError(t, err)
		require.Len(t, lanes, 1)
		require.Equal(t, lane, lanes[0].Name)
		claims = inboxtest.Claims(lanes)
		for _, d := range lanes[0].Deliveries {
			ids = append(ids, d.ID)
		}
		return ids
	}
	settle := func(now time.Time, settlements ...inbox.Settlement) {
		require.NoError(t, s.Settle(ctx, inbox.SettleRequest{Now: now, Claims: claims, Settlements: settlements}))
	}
	other := inboxtest.Pending(lane, "1")
	other.Fingerprint = []byte("other")
	first := inboxtest.Pending(lane, "1")
	first.Fingerprint = []byte("one")
	for _, batch := range [][]inbox.Delivery{{first, inboxtest.Pending(lane, "2")}, {first, other}} {
		_, err := s.Append(ctx, batch)
		require.NoError(t, err)
	}
	ids := claim(start)
	require.Len(t, ids, 3)
	_, err := s.Renew(ctx, inbox.RenewRequest{Claims: claims, Until: start.Add(2 * time.Minute)})
	require.NoError(t, err)
	settle(start, inbox.Finish(ids[0], inbox.StateDead, "no"), inbox.Retry(ids[1], start.Add(time.Second), "later", true), inbox.Release(ids[2]))
	require.Len(t, claim(start.Add(time.Second)), 2)
	settle(start, inbox.Finish(ids[1], inbox.StateDelivered, ""), inbox.Finish(ids[2], inbox.StateDelivered, ""))
	require.NoError(t, s.Replay(ctx, ids[0], start))
	require.Equal(t, ids[:1], claim(start))
	settle(start, inbox.Finish(ids[0], inbox.StateDead, ""))
	_, err = s.Get(ctx, ids[0])
	require.NoError(t, err)
	_, err = s.Trim(ctx, inbox.TrimRequest{State: inbox.StateDead, Provider: first.Provider, Scope: first.Scope, Keep: 9})
	require.NoError(t, err)
	_, err = s.Purge(ctx, inbox.PurgeRequest{Now: start.Add(240 * time.Hour), RowsBefore: start.Add(-time.Hour), BodiesBefore: start.Add(-time.Hour)})
	require.NoError(t, err)
}

func lists(second func(int) time.Time, many int) map[string]inbox.Filter {
	cursor := inbox.FirstID(second(3000))
	return map[string]inbox.Filter{
		"nothing":                       {},
		"the next":                      {Cursor: cursor},
		"a state":                       {States: []inbox.State{inbox.StateIgnored}},
		"two states":                    {States: []inbox.State{inbox.StateIgnored, inbox.StatePending}},
		"a state that nothing is in":    {States: []inbox.State{inbox.StateLate}},
		"a state, the next":             {States: []inbox.State{inbox.StateIgnored}, Cursor: cursor},
		"a state until":                 {States: []inbox.State{inbox.StateIgnored}, Until: second(3000)},
		"a state before it was":         {States: []inbox.State{inbox.StateIgnored}, Until: second(900)},
		"a state after it was":          {States: []inbox.State{inbox.StatePending}, Since: second(1100)},
		"a provider":                    {Provider: "offload"},
		"a provider of little":          {Provider: "artmail"},
		"a provider of nothing":         {Provider: "none"},
		"a provider and an agent":       {Provider: "offload", Scope: "default"},
		"an agent that nothing is of":   {Scope: "unused"},
		"a kind":                        {Kind: "case.completed"},
		"a kind of little":              {Kind: "case.failed"},
		"a kind that nothing is of":     {Kind: "case.never"},
		"a kind in a state, the next":   {Kind: "case.completed", States: []inbox.State{inbox.StateIgnored}, Cursor: cursor},
		"a kind until":                  {Kind: "case.completed", Until: second(3000)},
		"a kind that is none since":     {Kind: "case.failed", Since: second(many + 10)},
		"a workflow":                    {Lane: "500"},
		"a workflow in a state, since":  {Lane: "500", States: []inbox.State{inbox.StateDead}, Since: second(3000)},
		"since":                         {Since: second(3000)},
		"since a time that is to come":  {Since: second(2 * many)},
		"until":                         {Until: second(3000)},
		"until a time before all":       {Until: second(-10_000)},
		"between":                       {Since: second(3000), Until: second(3010)},
		"between, of a provider's kind": {Provider: "offload", Kind: "case.failed", Since: second(3001), Until: second(3900)},
	}
}

func TestAQueryIsTranslated(t *testing.T) {
	t.Parallel()
	require.Equal(t, "SELECT a FROM b WHERE c = $1 AND d = ANY($2) FOR UPDATE", translate("SELECT a FROM b @delivery_open WHERE c = ? AND d IN (*) @lock", " FOR UPDATE"))
	require.Equal(t, "SELECT a FROM b LIMIT $1"+skip, translate("SELECT a FROM b LIMIT ? @skip", wait))
	require.False(t, strings.Contains(translate("a @delivery_kind", ""), "@"))
}
