package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// faultKind is what can be done to a process.
type faultKind string

const (
	// faultKill ends it with SIGKILL, faultPause stops it with SIGSTOP.
	faultKill  faultKind = "SIGKILL"
	faultPause faultKind = "SIGSTOP"
	// faultFillDisk takes its disk away.
	faultFillDisk faultKind = "full disk"
)

// faultKindsOf are the kinds of faults of a process, which come in turn.
func (o Options) faultKindsOf(r role) []faultKind {
	if o.only != nil {
		return o.only[r]
	}
	if r == roleIngress && o.fillsDisks() {
		return []faultKind{faultKill, faultPause, faultFillDisk}
	}
	return []faultKind{faultKill, faultPause}
}

// fault is one thing done to a process when so many events have set out.
type fault struct {
	at   int64
	kind faultKind
	// away is how long the process is stopped, stays dead before it is started again, or has no disk.
	away time.Duration
	// replays is how far back an operator looks for deliveries to replay while the ingress is dead.
	replays int
	// readOnly: the full disk refuses every write. Otherwise files can't grow, but existing bytes can be overwritten.
	readOnly bool
}

// planFaults spreads the faults over the events, each faultKind as often as the process is to be killed, the same ones for the same seed.
func planFaults(seed uint64, r role, o Options) []fault {
	const (
		shortest     = 50 * time.Millisecond
		longestDeath = 800 * time.Millisecond
		longestPause = 2 * time.Second
		mostReplays  = 60
	)
	dice := rand.New(rand.NewPCG(seed, uint64(r[0])))
	kinds := o.faultKindsOf(r)
	total := len(kinds) * o.Kills
	faults := make([]fault, 0, total)
	for n := range total {
		f := fault{kind: kinds[n%len(kinds)]}
		longest := longestPause
		switch f.kind {
		case faultKill:
			longest = longestDeath
			f.replays = mostReplays/2 + dice.IntN(mostReplays/2)
		case faultFillDisk:
			f.readOnly = dice.IntN(2) == 0
		case faultPause:
		}
		f.away = shortest + time.Duration(dice.Int64N(int64(longest)))
		// One in each part of the stream, somewhere in it; nothing before the first events are under way.
		part := float64(o.Events) * 0.9 / float64(total)
		f.at = int64(float64(o.Events)*0.05 + part*(float64(n)+dice.Float64()))
		faults = append(faults, f)
	}
	return faults
}

// supervisor supervises one process: it carries out the faults and restarts the process when it ends.
type supervisor struct {
	process *process
	faults  []fault
	// ready returns nil once the process does its work.
	ready func(context.Context) error
	// timeout is how long that may take.
	timeout time.Duration
	// begun is how many events have set out; played is closed when no more will.
	begun  func() int64
	played <-chan struct{}
	// replay is an operator's work while the process is dead; nil where there is none.
	replay func(ctx context.Context, count int, dice *rand.Rand) (int, error)
	dice   *rand.Rand

	// fill is how the process's disk is filled; nil where that is never done.
	fill func(context.Context, *process, fault) error

	done     map[faultKind]int
	replayed int
	// unexpected are the ends that no fault caused.
	unexpected []string
	// wasReady: the process was ready since its last start. needs: it may end before it is ready, because its database may be away; it is then
	// restarted, and unstarted counts that.
	wasReady, needs bool
	unstarted       int
	// unmended are full disks that were not answered or recovered from as they should be.
	unmended []string
	// finished is closed when all faults have been carried out.
	finished chan struct{}
}

const (
	readyWithin    = 3 * time.Minute
	mostUnexpected = 10
	mostUnstarted  = 100
)

// run supervises the process until stop is closed, and then leaves it running. It finishes a fault that has begun, unless ctx ends.
func (s *supervisor) run(ctx context.Context, stop <-chan struct{}) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	played := s.played
	over, told := false, false
	for next := 0; ; {
		if next == len(s.faults) && !told {
			told = true
			close(s.finished)
		}
		select {
		case <-stop:
			return nil
		case <-s.process.exited:
			if err := s.restart(ctx); err != nil {
				return err
			}
		case <-played:
			over, played = true, nil
		case <-tick.C:
			if next < len(s.faults) && (over || s.begun() >= s.faults[next].at) {
				if err := s.carryOut(ctx, s.faults[next]); err != nil {
					return err
				}
				next++
			}
		}
	}
}

// carryOut does one fault to the process, and starts it again if it was killed.
func (s *supervisor) carryOut(ctx context.Context, f fault) error {
	s.done[f.kind]++
	switch f.kind {
	case faultPause:
		return s.process.pause(ctx, f.away)
	case faultFillDisk:
		if err := s.fill(ctx, s.process, f); err != nil && ctx.Err() == nil {
			s.unmended = append(s.unmended, err.Error())
		}
		return nil
	case faultKill:
	}
	if err := s.process.kill(); err != nil {
		return err
	}
	if s.replay != nil {
		n, err := s.replay(ctx, f.replays, s.dice)
		if err != nil {
			return fmt.Errorf("replay deliveries: %w", err)
		}
		s.replayed += n
	}
	wait(ctx, f.away)
	return s.start(ctx)
}

// restart restarts a process that ended by itself, and counts that end.
func (s *supervisor) restart(ctx context.Context) error {
	if s.needs && !s.wasReady {
		s.unstarted++
	} else {
		s.unexpected = append(s.unexpected, fmt.Sprintf("%s ended by itself: %v", s.process.role, s.process.exitError))
	}
	if err := s.process.waitAndClose(); err != nil {
		return err
	}
	if len(s.unexpected) > mostUnexpected || s.unstarted > mostUnstarted {
		return fmt.Errorf("%s ended by itself too often: see its log", s.process.role)
	}
	return s.start(ctx)
}

// begin starts the process for the first time. Nothing restarts it yet, and the business apps need Temporal: one that ends by itself is started again.
func (s *supervisor) begin(ctx context.Context) error {
	const tries = 3
	for try := 1; ; try++ {
		if err := s.start(ctx); err != nil || s.wasReady || try == tries {
			return err
		}
		if err := s.process.waitAndClose(); err != nil {
			return err
		}
	}
}

// start returns when the process is ready, has ended by itself, or ctx ends.
func (s *supervisor) start(ctx context.Context) error {
	s.wasReady = false
	if err := s.process.start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := s.ready(ctx)
		if err == nil {
			s.wasReady = true
			return nil
		}
		select {
		case <-s.process.exited:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", s.process.role, err)
		case <-tick.C:
		}
	}
}

// clock is the one clock of a run.
func clock() time.Time { return time.Now() } //nolint:forbidigo // a run takes place in real time
