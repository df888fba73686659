package torture

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgserver"
)

// Options bound a run.
type Options struct {
	// Events is about how many different events the providers send; duplicates come on top.
	Events int `json:"events"`
	// Kills is how often each process is killed, and as often it is stopped and continued, and the disk of an ingress with SQLite is full.
	Kills int `json:"kills"`
	// Toxics is how often the network of the ingress and the worker to Temporal, and that to PostgreSQL, is bad for a while.
	Toxics int `json:"toxics"`
	// Duplicates is the share of events that a provider repeats by itself, in percent; what isn't acknowledged in time is repeated besides.
	Duplicates float64 `json:"duplicatesPercent"`
	// Seed decides what happens and when; 0 draws one. How the processes race each other it does not decide.
	Seed uint64 `json:"-"`
	// TimeLimit bounds the run until all is quiet; what has not come to its end by then is stuck.
	TimeLimit time.Duration `json:"timeLimit"`
	// Keep leaves the run's files; they are left anyway where something was violated.
	Keep bool `json:"-"`
	// Players are how many cases and activations are under way at a time.
	Players int `json:"players"`
	// Inbox is where the ingress keeps its deliveries: "sqlite", or "postgres", a server that the run starts, and kills and pauses
	// like the other processes.
	Inbox string `json:"inbox"`
	// EncryptPayloads encrypts what Temporal keeps.
	EncryptPayloads bool `json:"encryptPayloads"`
	// Progress receives lines of progress.
	Progress io.Writer `json:"-"`

	// instead gives a process another role than its own, and only, where it is set, is all that is done to each. Only tests can set them: they
	// prove that what a faulty stand-in does wrong is found.
	instead map[role]role
	only    map[role][]faultKind
	// onlyCases lets no activation play.
	onlyCases bool
	// attempt shortens the attempts at an activity, so that a short run does not wait most of its time for a worker that was killed.
	attempt time.Duration
	// faultsFirst lets the time limit begin when all faults have been carried out.
	faultsFirst bool
	// readyWithin is how long a process may take until it is ready.
	readyWithin time.Duration
}

func (o Options) validate() error {
	switch {
	case !supported:
		return errLinux
	case o.Events < 1 || o.Players < 1 || o.TimeLimit <= 0:
		return errors.New("--events, --players and --time-limit: each must be positive")
	case o.Kills < 0 || o.Toxics < 0:
		return errors.New("--kills and --toxics: neither can be negative")
	case titles[o.Inbox] == "":
		return fmt.Errorf("--inbox: it is %q, want %s or %s", o.Inbox, inboxSQLite, inboxPostgres)
	case o.Duplicates < 0 || o.Duplicates > 50:
		return errors.New("--duplicates: want a percentage from 0 to 50")
	case o.Inbox == inboxPostgres:
		return pgserver.Installed()
	}
	return nil
}

func (o Options) say(format string, args ...any) {
	// A line of progress that can't be written does not matter.
	_, _ = fmt.Fprintf(o.Progress, format+"\n", args...)
}

var errLinux = errors.New("torture runs on Linux only: it stops processes, limits their files and ends them with their parent as only Linux can")

// errViolated says that an invariant did not hold; the report says which.
var errViolated = errors.New("an invariant was violated")

// Command is `signalbox-dev torture`.
func Command() *cobra.Command {
	var o Options
	var asJSON bool
	command := &cobra.Command{
		Use:   "torture",
		Short: "Kill Temporal, the ingress, the worker and the database while webhooks come in, and check that nothing is lost and nothing counts twice",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Progress = cmd.ErrOrStderr()
			if o.Seed == 0 {
				o.Seed = rand.Uint64()
			}
			report, err := Run(cmd.Context(), o)
			if err != nil {
				return err
			}
			write := report.WriteTable
			if asJSON {
				write = report.WriteJSON
			}
			if err := write(cmd.OutOrStdout()); err != nil {
				return err
			}
			if n := report.Violations(); n > 0 {
				return fmt.Errorf("%w: %d times; --seed %d does the same again", errViolated, n, report.Seed)
			}
			return nil
		},
	}
	flags := command.Flags()
	flags.IntVar(&o.Events, "events", 2000, "about how many different events the providers send")
	flags.IntVar(&o.Kills, "kills", 5, "how often each process is killed, and as often stopped for a while; with SQLite the ingress's disk is as often full")
	flags.IntVar(&o.Toxics, "toxics", 0, "how often the network to Temporal, and that to PostgreSQL, is slow, half-open or reset for a while")
	flags.Float64Var(&o.Duplicates, "duplicates", 5, "percentage of events that a provider repeats by itself")
	flags.Uint64Var(&o.Seed, "seed", 0, "what happens and when; 0: drawn and printed")
	flags.DurationVar(&o.TimeLimit, "time-limit", 30*time.Minute, "until all must be quiet")
	flags.IntVar(&o.Players, "players", 24, "cases and activations under way at a time")
	flags.StringVar(&o.Inbox, "inbox", inboxSQLite, "sqlite, or postgres: a server of this machine, which is killed and stopped like the others")
	flags.BoolVar(&o.EncryptPayloads, "encrypt-payloads", false, "encrypt what Temporal keeps")
	flags.BoolVar(&o.Keep, "keep", false, "keep the files of the run")
	flags.BoolVar(&asJSON, "json", false, "write the report for programs")
	command.AddCommand(processCommand())
	return command
}
