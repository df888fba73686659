package page

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// sampled is how many of the newest running cases, and of those that ended last, Health asks: each is a call that a worker answers.
const sampled = 25

// pollingShare counts, in a sample of cases, how ends became known. It reads the cases' own state, so the number of processes does not matter.
type pollingShare struct {
	// Asked is how many cases were asked, Answered how many answered in time.
	Asked, Answered int
	// Webhooks and Polls count the ends of cases by how they became known. Oldest is the first of these ends.
	Webhooks, Polls int
	Oldest          time.Time
	// Applied is how many cases have applied a webhook; Median and Slowest are from its acceptance to its application.
	Applied         int
	Median, Slowest time.Duration
}

// Ends is how many ends were counted.
func (p pollingShare) Ends() int { return p.Webhooks + p.Polls }

// Share is how many of a hundred ends were found by polling.
func (p pollingShare) Share() int { return (100*p.Polls + p.Ends()/2) / max(1, p.Ends()) }

// pollingShare asks the newest cases; nil where the visitor may not see cases, or where there are none.
func (v *visit) pollingShare() (*pollingShare, error) {
	if !v.s.deps.API.May(v.token, "listCases") || !v.s.deps.API.May(v.token, "getCase") {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(v.r.Context(), figuresWithin)
	defer cancel()
	var rows []signalbox.CaseRow
	for _, open := range []signalbox.OpenFilter{signalbox.Open, signalbox.Closed} {
		var list signalbox.CasePage
		query := url.Values{"open": {string(open)}, "limit": {strconv.Itoa(sampled)}}
		if err := v.call(ctx, http.MethodGet, query, nil, &list, "cases"); err != nil {
			return nil, err
		}
		rows = append(rows, list.Cases...)
	}
	// A canary always ends by its webhook.
	rows = slices.DeleteFunc(rows, func(row signalbox.CaseRow) bool { return workflows.IsCanaryReference(row.Reference) })
	if len(rows) == 0 {
		return nil, nil
	}
	states := make([]*workflows.CaseState, len(rows))
	var group errgroup.Group
	group.SetLimit(askedAtOnce)
	for i, row := range rows {
		group.Go(func() error {
			var state workflows.CaseState
			if ctx.Err() != nil {
				return nil //nolint:nilerr // the time is over: Answered says how many were asked
			}
			if v.call(ctx, http.MethodGet, nil, nil, &state, "cases", row.Reference) == nil { // Answered says how many did
				states[i] = &state
			}
			return nil
		})
	}
	_ = group.Wait() // none fails
	return pollingShareOf(states), nil
}

// pollingShareOf counts; a nil state is a case that did not answer.
func pollingShareOf(states []*workflows.CaseState) *pollingShare {
	p := &pollingShare{Asked: len(states)}
	var times []time.Duration
	for _, state := range states {
		if state == nil {
			continue
		}
		p.Answered++
		if last := state.LastApplied; last != nil {
			times = append(times, max(0, last.AppliedAt.Sub(last.AcceptedAt))) // two clocks
		}
		end := state.Outcome
		switch {
		case end == nil:
			continue
		case end.Source == workflows.NewsByWebhook:
			p.Webhooks++
		case end.Source == workflows.NewsByPoll:
			p.Polls++
		default:
			continue
		}
		if p.Oldest.IsZero() || end.EndedAt.Before(p.Oldest) {
			p.Oldest = end.EndedAt
		}
	}
	if p.Applied = len(times); p.Applied > 0 {
		slices.SortFunc(times, cmp.Compare)
		p.Median, p.Slowest = times[len(times)/2], times[len(times)-1]
	}
	return p
}
