package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/internal/badnetwork"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
)

// ills are what can be wrong with a network, in turn.
var ills = []struct {
	name   string
	toxics []string
}{
	{"slow", []string{badnetwork.SlowQuestions, badnetwork.SlowAnswers}},
	{"no answers", []string{badnetwork.NoAnswers}},
	{"half reset", []string{badnetwork.HalfReset}},
	{"narrow", []string{badnetwork.LittleBandwidth}},
	{"no questions", []string{badnetwork.NoQuestions}},
	{"cut", []string{badnetwork.Cuts}},
	{"reset", []string{badnetwork.Resets}},
	// Connections are forgotten on the way; new ones work.
	{"frozen", nil},
}

// weather makes a network bad from time to time.
type weather struct {
	to      role
	network *badnetwork.Network
	spells  []spell
	// done counts the spells by name. It is read when finished is closed, as err is.
	done     map[string]int
	err      error
	finished chan struct{}
}

// spell is a time in which a network is bad. It begins when so many events have set out.
type spell struct {
	at    int64
	ill   int
	lasts time.Duration
}

// planSpells spreads them over the events, the same ones for the same seed.
func planSpells(seed uint64, to role, o Options) []spell {
	const shortest, longest = 300 * time.Millisecond, 6 * time.Second
	dice := rand.New(rand.NewPCG(seed, uint64(to[0])<<8))
	first := dice.IntN(len(ills))
	spells := make([]spell, 0, o.Toxics)
	for n := range o.Toxics {
		part := float64(o.Events) * 0.9 / float64(o.Toxics)
		spells = append(spells, spell{
			at:    int64(float64(o.Events)*0.05 + part*(float64(n)+dice.Float64())),
			ill:   (first + n) % len(ills),
			lasts: shortest + time.Duration(dice.Int64N(int64(longest-shortest))),
		})
	}
	return spells
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
	listen, err := temporaldev.FreeAddress()
	if err != nil {
		return "", err
	}
	network, err := badnetwork.New(listen, server)
	if err != nil {
		return "", err
	}
	r.weathers = append(r.weathers, &weather{
		to: to, network: network, spells: planSpells(r.options.Seed, to, r.options), done: map[string]int{}, finished: make(chan struct{}),
	})
	return network.Address(), nil
}

// run plays the spells, those that are left at once when all has been played, and leaves the network sound.
func (w *weather) run(ctx context.Context, begun func() int64, played, stop <-chan struct{}) {
	defer close(w.finished)
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for next := 0; next < len(w.spells) && w.err == nil; {
		over := false
		select {
		case <-stop:
			return
		case <-look.C:
		}
		select {
		case <-played:
			over = true
		default:
		}
		if one := w.spells[next]; over || begun() >= one.at {
			w.play(ctx, one)
			next++
		}
	}
}

func (w *weather) play(ctx context.Context, one spell) {
	ill := ills[one.ill]
	w.done[ill.name]++
	if ill.toxics == nil {
		w.network.Freeze()
	}
	w.err = w.network.Harm(ill.toxics...)
	wait(ctx, one.lasts)
	w.network.Heal(ctx)
}
