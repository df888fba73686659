package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

const (
	// fewRows is what a long table is compared with.
	fewRows = 1000
	// tableEvents are acknowledged in a round, then claimed and settled: few enough to leave the small inbox small.
	tableEvents = 2000
	// tableLists is how often each list is asked for in a round.
	tableLists = 20
	// tableRounds is more than elsewhere, since each is short.
	tableRounds = 5
	rareKind    = "case.never"
)

// task is something that must not take longer in a long table.
type task struct {
	name string
	run  func(context.Context, *subject) (Sample, error)
}

// Growth is what one task costs in a long table beside a short one.
type Growth struct {
	Task  string  `json:"task"`
	Few   Sample  `json:"few"`
	Many  Sample  `json:"many"`
	Rows  int     `json:"rows"`
	Times float64 `json:"times"`
}

// tables are what a comparison of a long table with a short one needs.
type tables struct {
	keys    *keyring.Ring
	numbers *atomic.Int64
	// filled starts a subject with an inbox of that name, in which so many rows are delivered.
	filled func(ctx context.Context, name string, rows int) (*subject, error)
}

// rows compares SQLite's.
func (s *stage) rows(ctx context.Context, o Options) ([]Growth, error) {
	return tables{s.keys, &s.numbers, s.filled}.rows(ctx, o)
}

// rows compares an inbox of many delivered rows with one of a thousand, task by task and in turns. What is compared is the median of
// the rounds' ratios: what else the machine does hits a round of both or none.
func (t tables) rows(ctx context.Context, o Options) (_ []Growth, err error) {
	if o.Rows == 0 {
		return nil, nil
	}
	o.say("filling an inbox with %d delivered rows", o.Rows)
	many, err := t.filled(ctx, "inbox-many", o.Rows)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, many.close()) }()
	tasks := t.tasks(o.Rows)
	growths := make([]Growth, len(tasks))
	ratios := make([][]float64, len(tasks))
	for round := range tableRounds {
		o.say("an inbox of %d rows beside one of %d, round %d of %d", o.Rows, fewRows, round+1, tableRounds)
		few, err := t.filled(ctx, fmt.Sprintf("inbox-few-%d", round), fewRows)
		if err != nil {
			return nil, err
		}
		err = compare(ctx, tasks, few, many, growths, ratios)
		if err = errors.Join(err, few.close()); err != nil {
			return nil, err
		}
	}
	for i := range growths {
		growths[i].Task, growths[i].Rows = tasks[i].name, o.Rows
		growths[i].Few.derive()
		growths[i].Many.derive()
		slices.Sort(ratios[i])
		growths[i].Times = ratios[i][len(ratios[i])/2]
	}
	return growths, nil
}

const taskAcknowledge = "acknowledge, 64 connections"

// compare plays one round, once before it counts: a file's first pages and a connection's first statements cost more.
func compare(ctx context.Context, tasks []task, few, many *subject, growths []Growth, ratios [][]float64) error {
	for _, counts := range []bool{false, true} {
		for i, t := range tasks {
			a, err := t.run(ctx, few)
			if err != nil {
				return fmt.Errorf("%s, few rows: %w", t.name, err)
			}
			b, err := t.run(ctx, many)
			if err != nil {
				return fmt.Errorf("%s, many rows: %w", t.name, err)
			}
			if !counts {
				continue
			}
			growths[i].Few.add(a)
			growths[i].Many.add(b)
			ratios[i] = append(ratios[i], ratio(b.each(), a.each()))
		}
	}
	return nil
}

// each is how long one took on average, in seconds.
func (s Sample) each() float64 { return ratio(s.took.Seconds(), float64(s.Count)) }

func (t tables) tasks(rows int) []task {
	cases := rows
	tasks := []task{
		{taskAcknowledge, func(ctx context.Context, on *subject) (Sample, error) {
			// Cases that were never heard of: their keys are anywhere among those that are there.
			list := requestsOf(t.keys, cases, tableEvents, manyConnections, t.numbers)
			cases += tableEvents
			return load{address: on.address(), requests: list, count: tableEvents}.run(ctx, "acknowledge")
		}},
		{"claim and settle", claimAll},
	}
	for _, l := range []struct {
		name   string
		filter inbox.Filter
	}{
		{"list the newest", inbox.Filter{}},
		{"list a state", inbox.Filter{States: []inbox.State{inbox.StateDelivered}}},
		{"list a state that nothing is in", inbox.Filter{States: []inbox.State{inbox.StateDead}}},
		{"list a provider", inbox.Filter{Provider: offload.Name}},
		{"list an agent that nothing is of", inbox.Filter{Scope: "nobody"}},
		{"list a kind", inbox.Filter{Kind: workflows.KindCaseCompleted}},
		{"list a kind that nothing is of", inbox.Filter{Kind: rareKind}},
		{"list a workflow", inbox.Filter{Lane: workflows.OffloadCaseWorkflowID(reference(7))}},
		{"list since a time", inbox.Filter{Since: now().Add(-time.Minute)}},
		{"list until a time", inbox.Filter{Until: rowsBegan.Add(time.Second)}},
	} {
		tasks = append(tasks, task{l.name, func(ctx context.Context, on *subject) (Sample, error) { return lists(ctx, on, l.filter) }})
	}
	return append(tasks, task{"retention, nothing due", func(ctx context.Context, on *subject) (Sample, error) {
		began := now()
		_, err := on.inbox.Purge(ctx, inbox.PurgeRequest{Now: now(), BodiesBefore: rowsBegan, RowsBefore: rowsBegan})
		return Sample{Connections: 1, Count: 1, took: now().Sub(began)}, err
	}})
}

// claimAll drains what is pending as a relay does.
func claimAll(ctx context.Context, on *subject) (Sample, error) {
	sample := Sample{Connections: 1}
	began, usedBefore := now(), processorTime()
	for {
		lanes, err := on.inbox.Claim(ctx, inbox.ClaimRequest{Owner: "bench", Now: now(), Lease: time.Minute, MaxLanes: 128, MaxPerLane: 100})
		if err != nil {
			return sample, err
		}
		if len(lanes) == 0 {
			sample.took, sample.cpu = now().Sub(began), processorTime()-usedBefore
			return sample, nil
		}
		var settlements []inbox.Settlement
		claims := map[string]int64{}
		for _, lane := range lanes {
			claims[lane.Name] = lane.Claim
			for _, d := range lane.Deliveries {
				settlements = append(settlements, inbox.Finish(d.ID, inbox.StateDelivered, ""))
			}
		}
		if err := on.inbox.Settle(ctx, inbox.SettleRequest{Now: now(), Claims: claims, Settlements: settlements}); err != nil {
			return sample, err
		}
		sample.Count += len(settlements)
	}
}

func lists(ctx context.Context, on *subject, filter inbox.Filter) (Sample, error) {
	sample := Sample{Connections: 1, Count: tableLists}
	began, usedBefore := now(), processorTime()
	for range tableLists {
		at := now()
		if _, err := on.inbox.List(ctx, filter); err != nil {
			return sample, err
		}
		sample.all = append(sample.all, now().Sub(at))
	}
	sample.took, sample.cpu = now().Sub(began), processorTime()-usedBefore
	return sample, nil
}

// rowsBegan is the arrival of the first row of each table.
var rowsBegan = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// filled starts a subject whose inbox has so many delivered rows, a second apart, of as many cases.
func (s *stage) filled(ctx context.Context, name string, rows int) (_ *subject, err error) {
	store, err := sqlite.Open(ctx, filepath.Join(s.folder, name+".db"), sqlite.Options{})
	if err != nil {
		return nil, err
	}
	err = fillDelivered(ctx, store, rows)
	if err = errors.Join(err, store.Close()); err != nil {
		return nil, fmt.Errorf("fill %s: %w", name, err)
	}
	return startSubject(s.folder, name, s.keys)
}

// fillBatch is one transaction of the filling.
const fillBatch = 2000

func fillDelivered(ctx context.Context, store inbox.Store, rows int) error {
	sealed := make([]byte, len(body(reference(0)))+33)
	for n := 0; n < rows; {
		batch := make([]inbox.Delivery, 0, fillBatch)
		for ; len(batch) < fillBatch && n < rows; n++ {
			arrival := rowsBegan.Add(time.Duration(n) * time.Second)
			id := inbox.NewID(arrival)
			batch = append(batch, inbox.Delivery{
				ID: id, Provider: offload.Name, Lane: workflows.OffloadCaseWorkflowID(reference(n)), Kind: workflows.KindCaseCompleted,
				DedupeKey: "evt_" + id, Fingerprint: make([]byte, 37), Body: sealed,
				ReceivedAt: arrival, State: inbox.StatePending,
			})
		}
		receipts, err := store.Append(ctx, batch)
		if err != nil {
			return err
		}
		settlements := make([]inbox.Settlement, len(receipts))
		for i, r := range receipts {
			settlements[i] = inbox.Finish(r.ID, inbox.StateDelivered, "")
		}
		if err := store.Settle(ctx, inbox.SettleRequest{Now: now(), Settlements: settlements}); err != nil {
			return err
		}
	}
	return nil
}
