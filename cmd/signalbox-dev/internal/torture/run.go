package torture

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgserver"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/payloadcodec"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// filesOfTheRun begins the line of progress that names the run's folder.
const filesOfTheRun = "files of the run: "

// Run tortures once and says what was found. The error says that the run itself could not be carried out.
func Run(ctx context.Context, o Options) (report Report, err error) {
	if err := o.validate(); err != nil {
		return Report{}, err
	}
	folder, err := os.MkdirTemp("", "signalbox-torture-")
	if err != nil {
		return Report{}, fmt.Errorf("folder: %w", err)
	}
	defer func() {
		if o.Keep || err != nil || report.Violations() > 0 {
			report.Folder = folder
			o.say("kept %s", folder)
			return
		}
		err = os.RemoveAll(folder)
	}()
	o.say("%s%s", filesOfTheRun, folder)
	began := clock()
	r, err := set(ctx, folder, o)
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	if err := r.torture(ctx); err != nil {
		return Report{}, err
	}
	report, err = r.findings(ctx)
	report.Duration = clock().Sub(began).Seconds()
	return report, err
}

// run is one run: its processes and who plays against them.
type run struct {
	options Options
	world   settings
	keys    *keyring.Ring
	// database is the server of the inbox, nil where the inbox is a file.
	database *pgserver.Server
	// networks are the bad networks, none where the run has sound ones.
	networks    []*faultyNetwork
	stage       *stage
	supervisors []*supervisor
	script      script
	// played is closed when the providers have nothing more to send.
	played   chan struct{}
	stopApps func()
}

// set starts everything and returns when it is ready.
func set(ctx context.Context, folder string, o Options) (_ *run, err error) {
	r := &run{options: o, played: make(chan struct{}), script: write(o.Seed, o.Events, o.onlyCases), stopApps: func() {}}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	address, database, err := makeInbox(folder, o.Inbox)
	if err != nil {
		return nil, err
	}
	r.database = database
	if r.world, r.keys, err = newSettings(folder, address, o, r.connect); err != nil {
		return nil, err
	}
	r.stage = &stage{waits: newWaits(clock)}
	if r.stage.providers, err = startProviders(r.world, o.Seed, o.Duplicates/100); err != nil {
		return nil, err
	}
	payloads, err := r.world.payloadKeys(folder)
	if err != nil {
		return nil, err
	}
	options := client.Options{HostPort: r.world.TemporalServer, Namespace: namespace, Logger: logging.ForTemporal(zap.NewNop())}
	payloadcodec.New(payloads).Apply(&options)
	if r.stage.temporal, err = client.NewLazyClient(options); err != nil {
		return nil, fmt.Errorf("temporal client: %w", err)
	}
	if r.stage.apps, err = signalbox.New(r.stage.temporal, signalbox.Options{}); err != nil {
		return nil, err
	}
	r.stage.watch = newWatch(r.stage.apps)
	for _, one := range o.roles() {
		o.say("starting %s", one)
		s := r.supervisor(folder, one)
		// It is ended with the others even if it never is ready.
		r.supervisors = append(r.supervisors, s)
		if err := s.begin(ctx); err != nil {
			return nil, err
		}
	}
	stopApps, err := startApps(ctx, r.stage.temporal)
	if err != nil {
		return nil, err
	}
	r.stopApps = stopApps
	return r, nil
}

func (r *run) supervisor(folder string, one role) *supervisor {
	s := &supervisor{
		timeout:  cmp.Or(r.options.readyWithin, readyWithin),
		process:  &process{role: one, folder: folder, plays: cmp.Or(r.options.instead[one], one)},
		faults:   planFaults(r.options.Seed, one, r.options),
		begun:    r.stage.providers.wire.begun.Load,
		played:   r.played,
		dice:     rand.New(rand.NewPCG(r.options.Seed, uint64(one[0]))),
		done:     map[faultKind]int{},
		finished: make(chan struct{}),
	}
	switch one {
	case rolePostgres:
		s.process.program = r.database.Command
		s.ready = r.database.Ready
	case roleTemporal:
		s.ready = r.temporalReady
	case roleIngress:
		s.ready = r.ingressReady
		s.needs = r.database != nil
		s.replay = replayer{open: r.world.openInbox}.replay
		s.fill = filler{
			pinger: newPinger(r.stage.providers.wire, r.world), growing: r.world.growing(), noticed: fillTimeout, mended: fillTimeout,
		}.fill
	default:
		// A worker has no readiness check.
		s.ready = func(context.Context) error { return nil }
	}
	return s
}

// faultsWithin bounds the time until all faults have been carried out, where the time limit begins then.
const faultsWithin = 20 * time.Minute

// torture plays the script while the supervisors carry out their faults, and returns when all is quiet or the time is up.
func (r *run) torture(ctx context.Context) error {
	o := r.options
	within := o.TimeLimit
	if o.faultsFirst {
		within += faultsWithin
	}
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if o.faultsFirst {
		go func() {
			for _, s := range r.supervisors {
				select {
				case <-s.finished:
				case <-limited.Done():
				}
			}
			wait(limited, o.TimeLimit)
			cancel()
		}()
	}
	keeping, release := context.WithCancel(limited)
	defer release()
	var kept sync.WaitGroup
	failures := make([]error, len(r.supervisors))
	for i, s := range r.supervisors {
		kept.Go(func() {
			if failures[i] = s.run(ctx, keeping.Done()); failures[i] != nil {
				// Without one of the processes there is nothing to wait for.
				cancel()
			}
		})
	}
	for _, w := range r.networks {
		kept.Go(func() { w.run(ctx, r.stage.providers.wire.begun.Load, r.played, keeping.Done()) })
	}
	var watching sync.WaitGroup
	watching.Go(func() { r.stage.watch.run(keeping) })
	watching.Go(func() { r.tell(keeping) })

	o.say("seed %d: %d cases, %d activations", o.Seed, len(r.script.cases), len(r.script.activations))
	r.stage.play(limited, r.script, o.Players)
	close(r.played)
	o.say("all events are sent; waiting for the remaining faults and an empty inbox")
	for _, s := range r.supervisors {
		select {
		case <-s.finished:
		case <-limited.Done():
		}
	}
	for _, w := range r.networks {
		select {
		case <-w.finished:
		case <-limited.Done():
		}
	}
	err := r.quiet(limited)
	release()
	kept.Wait()
	watching.Wait()
	if err != nil && ctx.Err() == nil {
		r.stage.stuck = append(r.stage.stuck, err.Error())
		err = nil
	}
	return errors.Join(append(failures, err)...)
}

// tell says from time to time how far it is.
func (r *run) tell(ctx context.Context) {
	const every = 15 * time.Second
	for {
		wait(ctx, every)
		if ctx.Err() != nil {
			return
		}
		t := r.stage.providers.wire.tally()
		r.options.say("%d events sent, %d acknowledged", t.Events, t.Acknowledged)
		for _, w := range r.stage.waits.long() {
			r.options.say("  %s", w)
		}
	}
}

// quiet stops the providers' webhooks and waits until no delivery is pending.
func (r *run) quiet(ctx context.Context) error {
	if err := r.stage.providers.stopWebhooks(); err != nil {
		return err
	}
	quietFor := 0
	return until(ctx, "wait until nothing is pending", func(ctx context.Context) (bool, error) {
		pending, err := r.pending(ctx)
		if err != nil || pending > 0 {
			quietFor = 0
			return false, errors.Join(err, fmt.Errorf("%d are pending", pending))
		}
		quietFor++
		return quietFor == 3, nil
	})
}

// gatherDelivered gathers the facts when all notices have arrived, or after a time limit. A notice may arrive some time after its case has ended; only
// a missing one is a violation.
func (r *run) gatherDelivered(ctx context.Context) (facts, error) {
	waiting, cancel := context.WithTimeout(ctx, min(10*time.Minute, r.options.TimeLimit/4))
	defer cancel()
	for {
		f, err := r.stage.gather(ctx)
		if err != nil || len(allDelivered(f).Violations) == 0 || waiting.Err() != nil {
			return f, err
		}
		wait(waiting, time.Second)
	}
}

// findings stops the ingress, gathers the facts and checks them.
func (r *run) findings(ctx context.Context) (Report, error) {
	const limit = 30 * time.Minute
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r.options.say("checking")
	report := Report{
		Seed: r.options.Seed, Options: r.options, Wire: r.stage.providers.wire.tally(),
		Cases: len(r.script.cases), Activations: len(r.script.activations),
		Kept: map[inbox.State]int{}, Faults: map[role]map[faultKind]int{}, Networks: map[role]map[string]int{}, Decided: r.stage.decisions.Load(), Waits: r.stage.waits.most(),
	}
	// Stop the ingress first: an event that it delivers after its workflow was read would look lost.
	var unexpected, unmended []string
	watched := 0
	for _, s := range r.supervisors {
		report.Faults[s.process.role] = s.done
		report.Replayed += s.replayed
		unmended = append(unmended, s.unmended...)
		if s.process.role == roleTemporal {
			// The server gives itself 15 seconds for its start, which on a machine with too much to do is not enough. The others have to
			// bear that, like its deaths.
			report.Revived = len(s.unexpected)
			continue
		}
		watched++
		report.Unstarted += s.unstarted
		unexpected = append(unexpected, s.unexpected...)
		if s.process.role == roleIngress {
			if err := s.process.stop(stopTimeout); err != nil {
				unexpected = append(unexpected, err.Error())
			}
		}
	}
	for _, w := range r.networks {
		report.Networks[w.to] = w.done
		if w.err != nil {
			return report, w.err
		}
	}
	f, err := r.gatherDelivered(ctx)
	if err != nil {
		return report, err
	}
	f.watched, f.unexpected = watched, unexpected
	f.fills, f.filled, f.unmended = r.options.fillsDisks(), report.Faults[roleIngress][faultFillDisk], unmended
	store, err := r.world.openInbox(ctx)
	if err != nil {
		return report, err
	}
	f.stored, err = readInbox(ctx, store, r.keys)
	if err := errors.Join(err, store.Close()); err != nil {
		return report, err
	}
	for _, e := range f.stored {
		report.Kept[e.state]++
	}
	for _, c := range f.cases {
		report.Repeated += c.state.Duplicates
	}
	for _, a := range f.activations {
		report.Repeated += a.state.Duplicates
	}
	report.Invariants = check(f)
	return report, nil
}

const stopTimeout = 45 * time.Second

// close ends all processes, also after a failed start. None is left running.
func (r *run) close() error {
	var problems []error
	// The worker and the apps go before the server that they talk to.
	for i := len(r.supervisors) - 1; i >= 0; i-- {
		p := r.supervisors[i].process
		if p.role == roleTemporal {
			r.stopApps()
			r.stopApps = func() {}
		}
		switch {
		case p.command == nil:
		case p.role == rolePostgres:
			// Killed, it would leave shared memory behind.
			problems = append(problems, p.stop(stopTimeout))
		default:
			problems = append(problems, p.kill())
		}
	}
	for _, w := range r.networks {
		problems = append(problems, w.network.Close())
	}
	if r.stage == nil {
		return errors.Join(problems...)
	}
	if r.stage.temporal != nil {
		r.stage.temporal.Close()
	}
	if r.stage.providers != nil {
		problems = append(problems, r.stage.providers.close())
	}
	return errors.Join(problems...)
}
