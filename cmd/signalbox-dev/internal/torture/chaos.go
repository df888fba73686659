package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/artmailhook"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/offloadhook"
)

// fault is one thing done to a process when so many events have set out.
type fault struct {
	at   int64
	kill bool
	// away is how long the process is stopped, or stays dead before it is started again.
	away time.Duration
	// replays is how far back an operator looks for deliveries to replay while the ingress is dead.
	replays int
}

// planFaults spreads kills and as many stops over the events, the same ones for the same seed.
func planFaults(seed uint64, r role, o Options) []fault {
	const (
		longestDeath = 800 * time.Millisecond
		longestPause = 2 * time.Second
		mostReplays  = 20
	)
	dice := rand.New(rand.NewPCG(seed, uint64(r[0])))
	var faults []fault
	if o.spared[r] {
		return nil
	}
	for n := range 2 * o.Kills {
		f := fault{kill: n%2 == 0, away: 50 * time.Millisecond}
		if f.kill {
			f.away += time.Duration(dice.Int64N(int64(longestDeath)))
			f.replays = mostReplays/2 + dice.IntN(mostReplays/2)
		} else {
			f.away += time.Duration(dice.Int64N(int64(longestPause)))
		}
		// One in each part of the stream, somewhere in it; nothing before the first events are under way.
		part := float64(o.Events) * 0.9 / float64(2*o.Kills)
		f.at = int64(float64(o.Events)*0.05 + part*(float64(n)+dice.Float64()))
		faults = append(faults, f)
	}
	return faults
}

// keeper looks after one process: it carries out the faults and starts the process again when it dies, for whatever reason.
type keeper struct {
	process *process
	faults  []fault
	// ready returns nil once the process is of use.
	ready func(context.Context) error
	// begun is how many events have set out; played is closed when no more will.
	begun  func() int64
	played <-chan struct{}
	// replay is an operator's work while the process is dead; nil where there is none.
	replay func(ctx context.Context, count int, dice *rand.Rand) (int, error)
	dice   *rand.Rand

	killed, paused, replayed int
	// unexpected are ends that nobody asked for.
	unexpected []string
	// done is closed when all faults have been carried out.
	done chan struct{}
}

const (
	readyWithin    = time.Minute
	mostUnexpected = 5
)

// run keeps the process until ctx ends, and leaves it running then.
func (k *keeper) run(ctx context.Context) error {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	played := k.played
	over, told := false, false
	for next := 0; ; {
		if next == len(k.faults) && !told {
			told = true
			close(k.done)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-k.process.exited:
			if err := k.revive(ctx); err != nil {
				return err
			}
		case <-played:
			over, played = true, nil
		case <-look.C:
			if next < len(k.faults) && (over || k.begun() >= k.faults[next].at) {
				if err := k.inflict(ctx, k.faults[next]); err != nil {
					return err
				}
				next++
			}
		}
	}
}

func (k *keeper) inflict(ctx context.Context, f fault) error {
	if !f.kill {
		k.paused++
		return k.process.hold(ctx, f.away)
	}
	k.killed++
	if err := k.process.kill(); err != nil {
		return err
	}
	if k.replay != nil {
		n, err := k.replay(ctx, f.replays, k.dice)
		if err != nil {
			return fmt.Errorf("replay deliveries: %w", err)
		}
		k.replayed += n
	}
	wait(ctx, f.away)
	return k.start(ctx)
}

// revive starts a process again that has ended by itself, which is remembered against it.
func (k *keeper) revive(ctx context.Context) error {
	k.unexpected = append(k.unexpected, fmt.Sprintf("%s ended by itself: %v", k.process.role, k.process.exitError))
	if err := k.process.reap(); err != nil {
		return err
	}
	if len(k.unexpected) > mostUnexpected {
		return fmt.Errorf("%s keeps on ending by itself: see its log", k.process.role)
	}
	return k.start(ctx)
}

// start returns when the process is of use, has ended by itself, or ctx ends.
func (k *keeper) start(ctx context.Context) error {
	if err := k.process.start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		err := k.ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-k.process.exited:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("%s is not of use: %w", k.process.role, err)
		case <-look.C:
		}
	}
}

// replayer replays deliveries as an operator does, in the inbox of an ingress that is dead.
type replayer struct {
	open func(context.Context) (inbox.Store, error)
}

// replay replays half of the newest count deliveries of each provider.
func (r replayer) replay(ctx context.Context, count int, dice *rand.Rand) (replayed int, err error) {
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
	for _, provider := range []string{offloadhook.Provider, artmailhook.Provider} {
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

// clock is the one clock of a run.
func clock() time.Time { return time.Now() } //nolint:forbidigo // a run takes place in real time
