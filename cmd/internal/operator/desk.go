package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// Parts are what a Desk works with.
type Parts struct {
	Inbox inbox.Store
	// Keys open bodies; without them they are not shown and nothing is released.
	Keys *keyring.Ring
	// Agents are the webhook secrets of the Artmail agents, which Release verifies by.
	Agents map[string][]string
	// Log gets who revealed, replayed, released and purged what; never a body.
	Log *zap.Logger
	Now func() time.Time
	// Metrics count what was released. Without them nothing is counted: a command line that opened the inbox itself is not scraped.
	Metrics prometheus.Registerer
}

// Desk carries operations out on an inbox that this process has open.
type Desk struct {
	parts    Parts
	released *prometheus.CounterVec
}

var _ Operations = (*Desk)(nil)

// NewDesk makes a Desk; only Parts.Keys, Parts.Agents and Parts.Metrics may be missing.
func NewDesk(parts Parts) *Desk {
	d := &Desk{parts: parts, released: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "signalbox_artmail_released_total",
		Help: "Quarantined webhooks by what a release made of them: accepted and duplicate are let in, refused stay, unreadable are lost.",
	}, []string{"outcome"})}
	if parts.Metrics != nil {
		parts.Metrics.MustRegister(d.released)
	}
	return d
}

// List implements Operations.
func (d *Desk) List(ctx context.Context, filter inbox.Filter) (List, error) {
	page, err := d.parts.Inbox.List(ctx, filter)
	if err != nil {
		return List{}, err
	}
	list := List{Deliveries: make([]Delivery, len(page.Deliveries)), Next: page.Next}
	for i, one := range page.Deliveries {
		list.Deliveries[i] = row(one)
	}
	return list, nil
}

// replaysAtOnce lets the store commit many replays together.
const replaysAtOnce = 64

// Replay implements Operations. One that can't be replayed is an error where it was asked for by its ID.
func (d *Desk) Replay(ctx context.Context, request ReplayRequest) (Replayed, error) {
	if request.ID != "" {
		if err := d.parts.Inbox.Replay(ctx, request.ID, d.parts.Now()); err != nil {
			return Replayed{}, err
		}
		d.did(ctx, "replayed a delivery", zap.String("delivery", request.ID))
		return Replayed{Replayed: 1}, nil
	}
	ids, err := d.matching(ctx, request.Filter)
	if err != nil {
		return Replayed{}, err
	}
	var replayed, skipped atomic.Int64
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(replaysAtOnce)
	for _, id := range ids {
		group.Go(func() error {
			err := d.parts.Inbox.Replay(groupCtx, id, d.parts.Now())
			switch {
			case err == nil:
				replayed.Add(1)
			case errors.Is(err, inbox.ErrNotReplayable), errors.Is(err, inbox.ErrNotFound): // purged in between
				skipped.Add(1)
			default:
				return err
			}
			return nil
		})
	}
	err = group.Wait()
	done := Replayed{Replayed: int(replayed.Load()), Skipped: int(skipped.Load())}
	d.did(ctx, "replayed deliveries", zap.Int("replayed", done.Replayed), zap.Int("skipped", done.Skipped), zap.Error(err))
	if err != nil {
		return done, fmt.Errorf("replay (%d are done): %w", done.Replayed, err)
	}
	return done, nil
}

// matching returns the IDs that the filter matches now, the oldest first.
func (d *Desk) matching(ctx context.Context, filter inbox.Filter) ([]string, error) {
	filter.Cursor, filter.Limit = "", inbox.MaxPage
	if len(filter.States) == 0 {
		filter.States = []inbox.State{inbox.StateUnmatched, inbox.StateLate, inbox.StateDead}
	}
	var ids []string
	for {
		page, err := d.parts.Inbox.List(ctx, filter)
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

// Release implements Operations.
func (d *Desk) Release(ctx context.Context, request ReleaseRequest) (ingress.Released, error) {
	if d.parts.Keys == nil {
		return ingress.Released{}, fmt.Errorf("%w: a release needs the keyring", inbox.ErrInvalid)
	}
	if _, known := d.parts.Agents[request.Agent]; !known && request.Agent != "" {
		return ingress.Released{}, fmt.Errorf("%w: no agent %q is configured", inbox.ErrInvalid, request.Agent)
	}
	releaser, err := ingress.NewReleaser(d.parts.Agents, d.parts.Keys, d.parts.Inbox, d.parts.Now)
	if err != nil {
		return ingress.Released{}, err
	}
	done, err := releaser.Release(ctx, request.Agent)
	for outcome, n := range map[string]int{
		"accepted": done.Accepted, "duplicate": done.Duplicates, "refused": done.Refused, "unreadable": done.Unreadable,
	} {
		d.released.WithLabelValues(outcome).Add(float64(n))
	}
	// Loud: what was refused as forged is taken for true from here on.
	d.parts.Log.Warn("released the quarantine", zap.String("agent", request.Agent), zap.Int("accepted", done.Accepted),
		zap.Int("duplicates", done.Duplicates), zap.Int("refused", done.Refused),
		zap.Int("unreadable", done.Unreadable), zap.String("by", caller(ctx)), zap.Error(err))
	return done, err
}

// Purge implements Operations.
func (d *Desk) Purge(ctx context.Context, request PurgeRequest) (inbox.Purged, error) {
	if request.Bodies < 0 || request.Rows < 0 || request.Bodies+request.Rows == 0 {
		return inbox.Purged{}, fmt.Errorf("%w: say how old bodies or rows must be", inbox.ErrInvalid)
	}
	now := d.parts.Now()
	before := func(age time.Duration) time.Time {
		if age == 0 {
			return time.Time{}
		}
		return now.Add(-age)
	}
	purged, err := d.parts.Inbox.Purge(ctx, inbox.PurgeRequest{BodiesBefore: before(request.Bodies), RowsBefore: before(request.Rows)})
	d.did(ctx, "purged the inbox", zap.Int("bodies", purged.Bodies), zap.Int("rows", purged.Rows), zap.Error(err))
	return purged, err
}

// Counts implements Operations.
func (d *Desk) Counts(ctx context.Context) (Counts, error) {
	states, err := d.parts.Inbox.Counts(ctx)
	if err != nil {
		return Counts{}, err
	}
	oldest, _, err := d.parts.Inbox.OldestPending(ctx)
	if err != nil {
		return Counts{}, err
	}
	return Counts{States: states, OldestPending: oldest}, nil
}

func (d *Desk) did(ctx context.Context, what string, fields ...zap.Field) {
	d.parts.Log.Info(what, append(fields, zap.String("by", caller(ctx)))...)
}

func row(d inbox.Delivery) Delivery {
	return Delivery{
		ID: d.ID, State: d.State, Reason: d.Reason, Provider: d.Provider, Scope: d.Scope, Kind: d.Kind, Lane: d.Lane, DedupeKey: d.DedupeKey,
		OccurredAt: d.OccurredAt, ReceivedAt: d.ReceivedAt, SettledAt: d.SettledAt, DueAt: d.DueAt,
		Attempts: d.Attempts, Duplicates: d.Duplicates, LastDuplicateAt: d.LastDuplicateAt, ConflictOf: d.ConflictOf,
	}
}
