package sqlite

import "github.com/signalbox-dev/signalbox/ingress/inbox"

// tx is one transaction under way.
type tx struct {
	*writer
	// counts gathers the change of each state's count, written once at the end.
	counts map[inbox.State]int64
	// added are the keys of rows that are new, merged those that went from memory into the table, removed
	// those whose deliveries are gone.
	added           map[key]int64
	merged, removed []place
	// lap is where the merge of the keys has come to.
	lap lap
}

func (t *tx) apply(batch []*job) error {
	var rows []*row
	for _, j := range batch {
		rows = append(rows, j.rows...)
	}
	if err := t.append(rows); err != nil {
		return err
	}
	for _, j := range batch {
		if j.work == nil {
			continue
		}
		// A batch is applied again where another of its jobs failed it.
		j.refusal = nil
		if err := j.work(t); err != nil {
			return err
		}
	}
	return t.writeCounts()
}

func (t *tx) move(from, to inbox.State) {
	t.counts[from]--
	t.counts[to]++
}

func (t *tx) writeCounts() error {
	for state, change := range t.counts {
		if change == 0 {
			continue
		}
		if _, err := t.exec("UPDATE state_count SET deliveries = deliveries + ? WHERE state = ?", change, string(state)); err != nil {
			return err
		}
	}
	return nil
}
