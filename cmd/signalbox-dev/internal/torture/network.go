package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/internal/badnetwork"
	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
)

// networkFaults are what can be wrong with a network, in turn.
var networkFaults = []struct {
	name   string
	toxics []string
}{
	{"slow", []string{badnetwork.SlowRequests, badnetwork.SlowResponses}},
	{"no responses", []string{badnetwork.NoResponses}},
	{"half reset", []string{badnetwork.HalfReset}},
	{"low bandwidth", []string{badnetwork.LowBandwidth}},
	{"no requests", []string{badnetwork.NoRequests}},
	{"cut", []string{badnetwork.Cuts}},
	{"reset", []string{badnetwork.Resets}},
	// Connections are forgotten on the way; new ones work.
	{"frozen", nil},
}

// faultyNetwork makes a network bad from time to time.
type faultyNetwork struct {
	to      role
	network *badnetwork.Network
	outages []outage
	// done counts the outages by name. It is read when finished is closed, as err is.
	done     map[string]int
	err      error
	finished chan struct{}
}

// outage is a time in which a network is bad. It begins when so many events have set out.
type outage struct {
	at    int64
	kind  int
	lasts time.Duration
}

// planOutages spreads them over the events, the same ones for the same seed.
func planOutages(seed uint64, to role, o Options) []outage {
	const shortest, longest = 300 * time.Millisecond, 6 * time.Second
	dice := rand.New(rand.NewPCG(seed, uint64(to[0])<<8))
	first := dice.IntN(len(networkFaults))
	outages := make([]outage, 0, o.Toxics)
	for n := range o.Toxics {
		part := float64(o.Events) * 0.9 / float64(o.Toxics)
		outages = append(outages, outage{
			at:    int64(float64(o.Events)*0.05 + part*(float64(n)+dice.Float64())),
			kind:  (first + n) % len(networkFaults),
			lasts: shortest + time.Duration(dice.Int64N(int64(longest-shortest))),
		})
	}
	return outages
}

// connect puts a network between the processes and each server that they reach over one.
func (r *run) connect(s *settings) error {
	if r.options.Toxics == 0 {
		return nil
	}
	address, err := r.network(roleTemporal, s.TemporalServer)
	if err != nil {
		return err
	}
	s.Temporal = address
	if r.database == nil {
		return nil
	}
	inbox, err := url.Parse(s.InboxServer)
	if err != nil {
		return fmt.Errorf("address of PostgreSQL: %w", err)
	}
	query := inbox.Query()
	if inbox.Host, err = r.network(rolePostgres, filepath.Join(query.Get("host"), ".s.PGSQL.5432")); err != nil {
		return err
	}
	query.Del("host")
	query.Set("sslmode", "disable")
	inbox.RawQuery = query.Encode()
	s.Inbox = inbox.String()
	return nil
}

// network makes a network to a server, and returns where it is entered.
func (r *run) network(to role, server string) (string, error) {
	listen, err := setting.FreeAddress()
	if err != nil {
		return "", err
	}
	network, err := badnetwork.New(listen, server)
	if err != nil {
		return "", err
	}
	r.networks = append(r.networks, &faultyNetwork{
		to: to, network: network, outages: planOutages(r.options.Seed, to, r.options), done: map[string]int{}, finished: make(chan struct{}),
	})
	return network.Address(), nil
}

// run plays the outages, those that are left at once when all has been played, and leaves the network sound.
func (w *faultyNetwork) run(ctx context.Context, begun func() int64, played, stop <-chan struct{}) {
	defer close(w.finished)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for next := 0; next < len(w.outages) && w.err == nil; {
		over := false
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		select {
		case <-played:
			over = true
		default:
		}
		if one := w.outages[next]; over || begun() >= one.at {
			w.play(ctx, one)
			next++
		}
	}
}

func (w *faultyNetwork) play(ctx context.Context, one outage) {
	kind := networkFaults[one.kind]
	w.done[kind.name]++
	if kind.toxics == nil {
		w.network.Freeze()
	}
	w.err = w.network.Harm(kind.toxics...)
	wait(ctx, one.lasts)
	w.network.Heal(ctx)
}
