package sqlite

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"sync"

	"github.com/tidwall/btree"

	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/hash"
)

// key is what no two deliveries share. Keys are in the order of the table: a lane's are together.
type key struct {
	lane int64
	hash [hash.KeySize]byte
}

func (k key) compare(other key) int {
	return cmp.Or(cmp.Compare(k.lane, other.lane), bytes.Compare(k.hash[:], other.hash[:]))
}

// place is the delivery that a key leads to.
type place struct {
	key
	sequence int64
}

// keys holds the newest keys. In a table of many, each new key would change a page of its own, and cost
// more to write than all else of its delivery. So they wait here until there are many and go into the
// table in its order, several to a page, as in a log-structured merge tree. It needs no log of its own:
// what a crash takes from memory is read from the deliveries again.
type keys struct {
	// mu guards recent, which the writer changes and lists read.
	mu     sync.Mutex
	recent *btree.BTreeG[place]
	// keep is how many stay.
	keep int
	lap  lap
}

// keepKeys take about 4 MiB. At start about twice as many are read, within a quarter of a second.
const keepKeys = 1 << 16

// lap is one way of the keys into the table, from the lowest to the highest.
type lap struct {
	// done is the sequence up to which all keys are in the table, until the last one when the lap began.
	done, until int64
	// at is where it is: of the keys after done and up to until, those up to this one are in the table.
	at key
}

// next is the lap that begins when this one ends.
func (l lap) next(until int64) lap {
	return lap{done: l.until, until: until, at: key{lane: math.MinInt64}}
}

func newKeys() *keys {
	less := func(a, b place) bool { return a.compare(b.key) < 0 }
	return &keys{recent: btree.NewBTreeGOptions(less, btree.Options{NoLocks: true}), keep: keepKeys}
}

// read takes in the keys that are not in the table.
func (k *keys) read(ctx context.Context, conn *sql.Conn) error {
	var at []byte
	if err := conn.QueryRowContext(ctx, selectLap).Scan(&k.lap.done, &k.lap.until, &k.lap.at.lane, &at); err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	copy(k.lap.at.hash[:], at)
	rows, err := conn.QueryContext(ctx, selectLater, k.lap.done)
	if err == nil {
		_, err = collect(rows, func() (p place, err error) {
			if p, err = scanPlace(rows); p.sequence > k.lap.until || p.compare(k.lap.at) > 0 {
				k.recent.Set(p)
			}
			return p, err
		})
	}
	if err != nil {
		return fmt.Errorf("read keys: %w", err)
	}
	return nil
}

func scanPlace(rows *sql.Rows) (p place, err error) {
	var sum []byte
	err = rows.Scan(&p.lane, &sum, &p.sequence)
	copy(p.hash[:], sum)
	return p, err
}

// get finds a key among the newest.
func (k *keys) get(wanted key) (int64, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p, ok := k.recent.Get(place{key: wanted})
	return p.sequence, ok
}

// ofLane returns the sequences that the newest keys of a lane lead to.
func (k *keys) ofLane(lane int64) []int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	sequences := []int64{}
	k.recent.Ascend(place{key: key{lane: lane}}, func(p place) bool {
		if p.lane != lane {
			return false
		}
		sequences = append(sequences, p.sequence)
		return true
	})
	return sequences
}

// excess returns the next keys to merge, no more than most, and whether they end the lap.
func (k *keys) excess(most int) (next []place, last bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := min(most, k.recent.Len()-k.keep)
	if n <= 0 {
		return nil, false
	}
	k.recent.Ascend(place{key: k.lap.at}, func(p place) bool {
		if p.sequence <= k.lap.until {
			next = append(next, p)
		}
		return len(next) < n
	})
	return next, len(next) < n
}

// committed follows what a transaction did.
func (k *keys) committed(t *tx) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range t.merged {
		k.recent.Delete(p)
	}
	for added, sequence := range t.added {
		k.recent.Set(place{added, sequence})
	}
	for _, p := range t.removed {
		k.recent.Delete(p)
	}
	k.lap = t.lap
}

// sequenceOf returns what a key leads to; false when it is new.
func (t *tx) sequenceOf(wanted key) (sequence int64, known bool, err error) {
	if sequence, known = t.added[wanted]; known {
		return sequence, true, nil
	}
	if sequence, known = t.keys.get(wanted); known {
		return sequence, true, nil
	}
	known, err = t.queryRow(selectByKey, []any{wanted.lane, wanted.hash[:]}, &sequence)
	return sequence, known, err
}

// knownOf returns which of the rows' keys are stored.
func (t *tx) knownOf(rows []*row) (map[key]bool, error) {
	known := map[key]bool{}
	unsure := make([]*row, 0, len(rows))
	for _, r := range rows {
		if _, recent := t.keys.get(r.key); recent {
			known[r.key] = true
		} else {
			unsure = append(unsure, r)
		}
	}
	err := inChunks(unsure, func(chunk []*row) error {
		args := make([]any, 0, 2*len(chunk))
		for _, r := range chunk {
			args = append(args, r.key.lane, r.key.hash[:])
		}
		stmt, err := t.prepare(selectKnown[len(chunk)])
		if err != nil {
			return err
		}
		found, err := stmt.Query(args...)
		if err != nil {
			return err
		}
		_, err = collect(found, func() (p place, err error) {
			p, err = scanPlace(found)
			known[p.key] = true
			return p, err
		})
		return err
	})
	return known, err
}

// mergeKeys moves keys into the table, of those that are too many up to twice as many as were appended:
// so each batch pays for itself, and none for another.
func (t *tx) mergeKeys(appended int) error {
	var last bool
	t.merged, last = t.keys.excess(2 * appended)
	err := inChunks(t.merged, func(chunk []place) error {
		args := make([]any, 0, 3*len(chunk))
		for _, p := range chunk {
			args = append(args, p.lane, p.hash[:], p.sequence)
			t.lap.at = p.key
		}
		_, err := t.exec(insertKeys[len(chunk)], args...)
		return err
	})
	if err != nil || len(t.merged) == 0 && !last {
		return err
	}
	if last {
		t.lap = t.lap.next(t.sequence)
	}
	_, err = t.exec("UPDATE key_lap SET done = ?, until = ?, lane_hash = ?, key_hash = ?", t.lap.done, t.lap.until, t.lap.at.lane, t.lap.at.hash[:])
	return err
}

const (
	selectLap   = `SELECT done, until, lane_hash, key_hash FROM key_lap`
	selectLater = `SELECT lane_hash, key_hash, sequence FROM delivery WHERE sequence > ?`
	selectByKey = `SELECT sequence FROM delivery_key WHERE lane_hash = ? AND key_hash = ?`
)

var (
	// CROSS JOIN keeps SQLite from going through the table.
	selectKnown = chunkQueries(`SELECT lane_hash, key_hash, sequence FROM (VALUES `, 2,
		`) CROSS JOIN delivery_key ON lane_hash = column1 AND key_hash = column2`)
	insertKeys = chunkQueries(`INSERT OR ROLLBACK INTO delivery_key (lane_hash, key_hash, sequence) VALUES `, 3, " ON CONFLICT DO UPDATE SET sequence = excluded.sequence")
)
