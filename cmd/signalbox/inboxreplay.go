package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

func (p process) inboxReplay() *cobra.Command {
	var (
		chosen      filterFlags
		all, asJSON bool
	)
	replay := p.operate(&cobra.Command{
		Use:   "replay [ID]",
		Short: "Hand a delivery out again, or with --all every one that the filter matches",
		Long: `Hand a delivery out again, or with --all every one that the filter matches; without --state those that are unmatched, late or dead.
It passes dedupe on purpose. What the workflow has applied before it does not apply again. The inbox records who asked.`,
		Args: cobra.MaximumNArgs(1),
	}, func(cmd *cobra.Command, args []string, on desk) error {
		if (len(args) == 1) == all {
			return fmt.Errorf("%w: name one delivery, or give --all with a filter", errUsage)
		}
		filter, err := chosen.filter(p.now())
		if err != nil {
			return err
		}
		var done replayed
		if all {
			done, err = on.replayAll(cmd.Context(), filter)
		} else {
			done, err = on.replayOne(cmd.Context(), args[0])
		}
		if err != nil {
			return err
		}
		if asJSON {
			return p.showJSON(cmd, done)
		}
		if done.Skipped > 0 {
			return p.say(cmd, "%d replayed, %d skipped: they have no lane, or their body has been purged\n", done.Replayed, done.Skipped)
		}
		return p.say(cmd, "%d replayed\n", done.Replayed)
	})
	chosen.add(replay)
	replay.Flags().BoolVar(&all, "all", false, "replay all that the filter matches")
	jsonFlag(replay, &asJSON)
	return replay
}

// replayed counts. Skipped deliveries can't be handed out: they have no lane, or their body has been purged.
type replayed struct {
	Replayed int `json:"replayed"`
	Skipped  int `json:"skipped"`
}

// replayOne fails where the delivery can't be handed out.
func (d desk) replayOne(ctx context.Context, id string) (replayed, error) {
	if err := d.record(ctx, actReplay, id); err != nil {
		return replayed{}, err
	}
	if err := d.Replay(ctx, id, d.now()); err != nil {
		return replayed{}, err
	}
	return replayed{Replayed: 1}, nil
}

// replaysAtOnce lets the store commit many replays together.
const replaysAtOnce = 64

// replayAll replays what the filter matches now; one without states means what did not arrive.
func (d desk) replayAll(ctx context.Context, filter inbox.Filter) (replayed, error) {
	if len(filter.States) == 0 {
		filter.States = []inbox.State{inbox.StateUnmatched, inbox.StateLate, inbox.StateDead}
	}
	ids, err := d.matching(ctx, filter)
	if err != nil {
		return replayed{}, err
	}
	if err := d.record(ctx, actReplay, fmt.Sprintf("%d deliveries: %s", len(ids), filterInWords(filter))); err != nil {
		return replayed{}, err
	}
	var done, skipped atomic.Int64
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(replaysAtOnce)
	for _, id := range ids {
		group.Go(func() error {
			err := d.Replay(groupCtx, id, d.now())
			switch {
			case err == nil:
				done.Add(1)
			case errors.Is(err, inbox.ErrNotReplayable), errors.Is(err, inbox.ErrNotFound): // purged in between
				skipped.Add(1)
			default:
				return err
			}
			return nil
		})
	}
	err = group.Wait()
	result := replayed{Replayed: int(done.Load()), Skipped: int(skipped.Load())}
	if err != nil {
		return result, fmt.Errorf("replay (%d are done): %w", result.Replayed, err)
	}
	return result, nil
}

// matching returns the IDs that the filter matches now, the oldest first.
func (d desk) matching(ctx context.Context, filter inbox.Filter) ([]string, error) {
	filter.Cursor, filter.Limit = "", inbox.MaxPage
	var ids []string
	for {
		page, err := d.List(ctx, filter)
		if err != nil {
			return nil, err
		}
		for _, one := range page.Deliveries {
			ids = append(ids, one.ID)
		}
		if page.Next == "" {
			slices.Reverse(ids)
			return ids, nil
		}
		filter.Cursor = page.Next
	}
}

// filterInWords is a filter as an audit record names it.
func filterInWords(filter inbox.Filter) string {
	states := make([]string, len(filter.States))
	for i, state := range filter.States {
		states[i] = string(state)
	}
	var words []string
	for _, part := range [][2]string{
		{"state", strings.Join(states, ",")},
		{"provider", filter.Provider},
		{"agent", filter.Scope},
		{"kind", filter.Kind},
		{"lane", filter.Lane},
		{"since", stamp(filter.Since)},
		{"until", stamp(filter.Until)},
	} {
		if part[1] != "" {
			words = append(words, part[0]+"="+part[1])
		}
	}
	return strings.Join(words, " ")
}
