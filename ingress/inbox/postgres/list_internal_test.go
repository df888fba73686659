package postgres

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
)

// What a person asks for must not take longer with every delivery that ever came, whatever the server knows of the table: nothing at first, then all of
// what was there some time ago, then all.
func TestNoFilterReadsTheTable(t *testing.T) {
	t.Parallel()
	const many, limit = 20_000, 10
	s := openStore(t, pgtest.Shared(t).Database(t))
	second := func(n int) time.Time { return start.Add(time.Duration(n) * time.Second) }
	fill := func(from, to int, state inbox.State) {
		var all []inbox.Delivery
		for i := from; i < to; i++ {
			d := pendingIn(fmt.Sprint(i), "1")
			d.ReceivedAt, d.State = second(i), state
			switch {
			case i%1000 == 0:
				d.Kind = "case.failed"
			case i%1500 == 0:
				d.Provider, d.Scope = "artmail", "agent"
			case i%1700 == 0:
				d.ReceivedAt = second(i - 900)
			}
			all = append(all, d)
		}
		_, err := s.Append(t.Context(), all)
		require.NoError(t, err)
	}
	do := func(statement string) {
		_, err := s.writes.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	do("ALTER TABLE signalbox_delivery SET (autovacuum_enabled = off)")
	fill(0, 1000, inbox.StatePending)
	for _, known := range []func(){
		func() { fill(1000, many/2, inbox.StateIgnored) },
		func() { do("ANALYZE"); fill(many/2, many, inbox.StateIgnored) },
		func() { do("VACUUM ANALYZE") },
	} {
		known()
		for name, f := range map[string]inbox.Filter{
			"nothing":                       {},
			"the next":                      {Cursor: cursorOf(second(3000))},
			"a state":                       {States: []inbox.State{inbox.StateIgnored}},
			"two states":                    {States: []inbox.State{inbox.StateIgnored, inbox.StatePending}},
			"a state that nothing is in":    {States: []inbox.State{inbox.StateDead}},
			"a state, the next":             {States: []inbox.State{inbox.StateIgnored}, Cursor: cursorOf(second(3000))},
			"a state until":                 {States: []inbox.State{inbox.StateIgnored}, Until: second(3000)},
			"a state before it was":         {States: []inbox.State{inbox.StateIgnored}, Until: second(900)},
			"a state after it was":          {States: []inbox.State{inbox.StatePending}, Since: second(1100)},
			"a provider":                    {Provider: "offload"},
			"a provider of little":          {Provider: "artmail"},
			"a provider of nothing":         {Provider: "none"},
			"a provider and an agent":       {Provider: "offload", Scope: "default"},
			"an agent that nothing is of":   {Scope: "nobody"},
			"a kind":                        {Kind: "case.completed"},
			"a kind of little":              {Kind: "case.failed"},
			"a kind that nothing is of":     {Kind: "case.never"},
			"a kind in a state, the next":   {Kind: "case.completed", States: []inbox.State{inbox.StateIgnored}, Cursor: cursorOf(second(3000))},
			"a kind until":                  {Kind: "case.completed", Until: second(3000)},
			"a kind that is none since":     {Kind: "case.failed", Since: second(many + 10)},
			"a workflow":                    {Lane: "500"},
			"a workflow in a state, since":  {Lane: "500", States: []inbox.State{inbox.StateDead}, Since: second(3000)},
			"since":                         {Since: second(3000)},
			"since a time that is to come":  {Since: second(2 * many)},
			"until":                         {Until: second(3000)},
			"until a time before all":       {Until: second(-10)},
			"between":                       {Since: second(3000), Until: second(3010)},
			"between, of a provider's kind": {Provider: "offload", Kind: "case.failed", Since: second(3001), Until: second(3900)},
		} {
			requireShort(t, s, name, f, limit)
		}
	}

	// Groups of others are not gone through.
	var others []inbox.Delivery
	for i := range 100 {
		d := pendingIn("others", fmt.Sprint(i))
		d.Provider, d.Scope = []string{"offload", "zeta"}[i%2], fmt.Sprint("other ", i)
		others = append(others, d)
	}
	_, err := s.Append(t.Context(), others)
	require.NoError(t, err)
	requireShort(t, s, "a provider before many", inbox.Filter{Provider: "artmail"}, limit)
	requireShort(t, s, "an agent before many", inbox.Filter{Provider: "offload", Scope: "default"}, limit)
}

// requireShort bounds what a list reads by what it shows.
func requireShort(t *testing.T, s *Store, name string, f inbox.Filter, limit int) {
	t.Helper()
	query, args, err := listQuery(f, limit)
	require.NoError(t, err)
	var text []byte
	require.NoError(t, s.reads.QueryRow(t.Context(), "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) "+query, args...).Scan(&text))
	var plans []struct{ Plan step }
	require.NoError(t, json.Unmarshal(text, &plans))
	if top := plans[0].Plan; top.rows() > float64(8*limit) || top.Hit+top.Read > 12*limit {
		t.Errorf("to list %s reads %g rows and %d pages:\n%s", name, top.rows(), top.Hit+top.Read, explain(t, s, "(ANALYZE, BUFFERS) "+query, args...))
	}
}

func cursorOf(at time.Time) string { return inbox.Cursor(at.UnixMicro()) }

// step is a node of a plan as the server explains it. Pages are those of the steps below it as well.
type step struct {
	Relation string  `json:"Relation Name"`
	Rows     float64 `json:"Actual Rows"`
	Loops    float64 `json:"Actual Loops"`
	Removed  float64 `json:"Rows Removed by Filter"`
	Hit      int     `json:"Shared Hit Blocks"`
	Read     int     `json:"Shared Read Blocks"`
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
