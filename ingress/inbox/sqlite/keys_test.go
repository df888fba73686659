package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/cell"
)

// Whatever is appended, refused, purged and opened again: a key that is stored is known, one that is not is new.
func TestAKeyIsKnownForAsLongAsItsDeliveryIsThere(t *testing.T) {
	t.Parallel()
	for _, keep := range []int{0, 7, 40, keepKeys} {
		t.Run(fmt.Sprint(keep), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(20260501, uint64(keep)))
			path := filepath.Join(t.TempDir(), "inbox.db")
			s := openKeeping(t, path, keep)
			defer func() { require.NoError(t, s.Close()) }()
			m := storedKeys{}
			for n := range 120 {
				now := start.Add(time.Duration(n) * time.Minute)
				switch random.IntN(8) {
				case 0:
					before := now.Add(-time.Duration(random.IntN(60)) * time.Minute)
					purged, err := s.Purge(context.Background(), inbox.PurgeRequest{RowsBefore: before})
					require.NoError(t, err)
					require.Equal(t, m.purge(before), purged.Rows)
				case 1:
					require.NoError(t, s.Close())
					s = openKeeping(t, path, keep)
				case 2:
					m.refused(t, s, random, now)
				default:
					m.append(t, s, random, now)
				}
				requireKeys(t, s)
			}
			m.requireLanes(t, s)
		})
	}
}

func openKeeping(t *testing.T, path string, keep int) *Store {
	t.Helper()
	s, err := Open(context.Background(), path, Options{})
	require.NoError(t, err)
	s.KeepKeys(keep)
	return s
}

// laneAndKey is what the model knows a delivery by.
type laneAndKey struct{ lane, key string }

// storedKeys are the arrivals of what should be stored.
type storedKeys map[laneAndKey]time.Time

func randomDelivery(random *rand.Rand, now time.Time) inbox.Delivery {
	d := pendingIn(fmt.Sprint(random.IntN(6)), fmt.Sprint(random.IntN(60)))
	d.State, d.ReceivedAt = inbox.StateIgnored, now
	return d
}

func (m storedKeys) append(t *testing.T, s *Store, random *rand.Rand, now time.Time) {
	t.Helper()
	deliveries := make([]inbox.Delivery, 1+random.IntN(12))
	for i := range deliveries {
		deliveries[i] = randomDelivery(random, now)
	}
	receipts, err := s.Append(context.Background(), deliveries)
	require.NoError(t, err)
	for i, d := range deliveries {
		id := laneAndKey{d.Lane, d.DedupeKey}
		_, known := m[id]
		require.Equal(t, known, receipts[i].Outcome == inbox.OutcomeDuplicate, "%v", id)
		if !known {
			m[id] = now
		}
	}
}

// refused appends what is undone: its keys must stay new.
func (m storedKeys) refused(t *testing.T, s *Store, random *rand.Rand, now time.Time) {
	t.Helper()
	one, two := pendingIn("refused", "1"), pendingIn("refused", "2")
	one.ID = fmt.Sprint("taken-", now.Unix())
	two.ID = one.ID
	_, err := s.Append(context.Background(), []inbox.Delivery{randomDelivery(random, now), one, randomDelivery(random, now), two})
	require.ErrorIs(t, err, inbox.ErrIDTaken)
}

func (m storedKeys) purge(before time.Time) (purged int) {
	for id, at := range m {
		if at.Before(before) {
			delete(m, id)
			purged++
		}
	}
	return purged
}

func (m storedKeys) requireLanes(t *testing.T, s *Store) {
	t.Helper()
	want, got := map[string]int{}, map[string]int{}
	for id := range m {
		want[id.lane]++
	}
	for lane := range want {
		page, err := s.List(context.Background(), inbox.Filter{Lane: lane, Limit: inbox.MaxPage})
		require.NoError(t, err)
		got[lane] = len(page.Deliveries)
	}
	require.NotEmpty(t, want)
	require.Equal(t, want, got)
}

// requireKeys looks at both places where keys are: each delivery's key is in the one where the lap says it is, and each key leads to its
// delivery.
func requireKeys(t *testing.T, s *Store) {
	t.Helper()
	lap := s.writes.keys.lap
	inTable := places(t, s.reads.db, "SELECT lane_hash, key_hash, sequence FROM delivery_key")
	deliveries := places(t, s.reads.db, "SELECT lane_hash, key_hash, sequence FROM delivery")
	for k, sequence := range deliveries {
		merged := sequence <= lap.done || sequence <= lap.until && k.compare(lap.at) <= 0
		got, recent := s.writes.keys.get(k)
		require.Equal(t, merged, inTable[k] != 0, "a key is in the table when the lap has come by")
		require.Equal(t, merged, !recent, "a key is in one place")
		if recent {
			require.Equal(t, sequence, got)
		}
	}
	for k, sequence := range inTable {
		require.Equal(t, deliveries[k], sequence, "a key in the table leads elsewhere")
	}
	s.writes.keys.recent.Scan(func(p place) bool {
		require.Equal(t, deliveries[p.key], p.sequence, "a key in memory leads elsewhere")
		return true
	})
}

func places(t *testing.T, db *sql.DB, query string) map[key]int64 {
	t.Helper()
	rows, err := db.Query(query)
	require.NoError(t, err)
	all, err := collect(rows, func() (place, error) { return scanPlace(rows) })
	require.NoError(t, err)
	found := map[key]int64{}
	for _, p := range all {
		found[p.key] = p.sequence
	}
	return found
}

// Keys that stayed would fill the memory, and the start of a process.
func TestKeysGoIntoTheTableAsFastAsOthersCome(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	const keep, batch = 100, 50
	s.KeepKeys(keep)
	for n := range 40 {
		var deliveries []inbox.Delivery
		for i := range batch {
			deliveries = append(deliveries, pendingIn(fmt.Sprint(n, i), "1"))
		}
		_, err := s.Append(context.Background(), deliveries)
		require.NoError(t, err)
		require.LessOrEqual(t, s.writes.keys.recent.Len(), keep+2*batch, "at the end of a lap fewer go, and more with the next batch")
	}
	done := s.writes.keys.lap.done
	require.Positive(t, done)
	var later int
	require.NoError(t, s.reads.db.QueryRow("SELECT count(*) FROM delivery WHERE sequence > ?", done).Scan(&later))
	require.LessOrEqual(t, later, 2*(keep+2*batch), "so many are read at start: those of two laps")
}

// A file made before keys had a table of their own.
func TestAnOlderFileKeepsItsKeys(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "inbox.db")
	db, err := sql.Open("sqlite", dsn(path, url.Values{}))
	require.NoError(t, err)
	files, err := fs.Sub(migrations, "migrations")
	require.NoError(t, err)
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	require.NoError(t, err)
	_, err = provider.UpTo(context.Background(), 2)
	require.NoError(t, err)
	old := pendingIn("a", "1")
	k := keyOf(old)
	_, err = db.Exec(`INSERT INTO delivery (sequence, id, lane_hash, key_hash, provider, scope, lane, kind, dedupe_key, fingerprint, occurred_at,
received_at, state, reason, conflict_of, due_at, settled_at) VALUES (?, 'old', ?, ?, ?, ?, ?, ?, ?, x'', 0, ?, 'delivered', '', '', 0, 0)`,
		cell.Micros(start), k.lane, k.hash[:], old.Provider, old.Scope, old.Lane, old.Kind, old.DedupeKey, cell.Micros(start))
	require.NoError(t, err)
	require.NoError(t, db.Close())

	s := openKeeping(t, path, keepKeys)
	defer func() { require.NoError(t, s.Close()) }()
	requireKeys(t, s)
	receipts, err := s.Append(context.Background(), []inbox.Delivery{old, pendingIn("a", "2")})
	require.NoError(t, err)
	require.Equal(t, inbox.Receipt{ID: "old", Outcome: inbox.OutcomeDuplicate}, receipts[0])
	require.Equal(t, inbox.OutcomeNew, receipts[1].Outcome)
}

func TestAKeyWhoseDeliveryIsGoneIsNew(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	s.KeepKeys(0)
	for n := range 10 {
		_, err := s.Append(context.Background(), []inbox.Delivery{pendingIn("a", fmt.Sprint(n))})
		require.NoError(t, err)
	}
	onWriter(t, s, func(tx *tx) error {
		_, err := tx.exec("DELETE FROM delivery")
		return err
	})
	for range 2 {
		for n := range 10 {
			_, err := s.Append(context.Background(), []inbox.Delivery{pendingIn("a", fmt.Sprint(n))})
			require.NoError(t, err)
		}
	}
	counts := 0
	page, err := s.List(context.Background(), inbox.Filter{Lane: "a"})
	require.NoError(t, err)
	for _, d := range page.Deliveries {
		counts += 1 + d.Duplicates
	}
	require.Len(t, page.Deliveries, 10)
	require.Equal(t, 20, counts)
	requireKeys(t, s)
}

// After a clock that went back, sequences go on from the last that was known: below the lap nothing is read at start.
func TestAnEmptiedFileDoesNotBeginAgainBelowItsLap(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "inbox.db")
	s := openKeeping(t, path, 0)
	d := pendingIn("a", "1")
	d.State = inbox.StateIgnored
	for n := range 10 {
		d.DedupeKey = fmt.Sprint(n)
		_, err := s.Append(context.Background(), []inbox.Delivery{d})
		require.NoError(t, err)
	}
	require.Positive(t, s.writes.keys.lap.done)
	_, err := s.Purge(context.Background(), inbox.PurgeRequest{RowsBefore: start.Add(time.Hour)})
	require.NoError(t, err)
	require.NoError(t, s.Close())

	s = openKeeping(t, path, keepKeys)
	early := pendingIn("a", "early")
	early.ReceivedAt = start.Add(-time.Hour)
	_, err = s.Append(context.Background(), []inbox.Delivery{early})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	s = openKeeping(t, path, keepKeys)
	defer func() { require.NoError(t, s.Close()) }()
	requireKeys(t, s)
	receipts, err := s.Append(context.Background(), []inbox.Delivery{early})
	require.NoError(t, err)
	require.Equal(t, inbox.OutcomeDuplicate, receipts[0].Outcome)
}
