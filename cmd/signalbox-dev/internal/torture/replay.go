package torture

import (
	"context"
	"math/rand/v2"

	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// replayer replays deliveries as an operator does, in the inbox of an ingress that is dead.
type replayer struct {
	open func(context.Context) (inbox.Store, error)
}

// replay does so until it succeeds: the database of the inbox may be away as well.
func (r replayer) replay(ctx context.Context, count int, dice *rand.Rand) (replayed int, err error) {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	err = until(ctx, "replay", func(ctx context.Context) (bool, error) {
		n, err := r.once(ctx, count, dice)
		replayed += n
		return err == nil, err
	})
	return replayed, err
}

// once replays half of the newest count deliveries of each provider.
func (r replayer) once(ctx context.Context, count int, dice *rand.Rand) (replayed int, err error) {
	store, err := r.open(ctx)
	if err != nil {
		return 0, err
	}
	defer func() {
		if closeErr := store.Close(); err == nil {
			err = closeErr
		}
	}()
	// The newest of each provider: their workflows are the likeliest to be still open.
	for _, provider := range []string{offload.Name, artmail.Name} {
		page, err := store.List(ctx, inbox.Filter{
			Provider: provider, States: []inbox.State{inbox.StateDelivered, inbox.StateLate}, Limit: count,
		})
		if err != nil {
			return replayed, err
		}
		for _, i := range dice.Perm(len(page.Deliveries))[:len(page.Deliveries)/2] {
			if err := store.Replay(ctx, page.Deliveries[i].ID, clock()); err != nil {
				return replayed, err
			}
			replayed++
		}
	}
	return replayed, nil
}
