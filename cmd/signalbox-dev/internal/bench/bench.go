package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"
)

// Options bound a run in time and number.
type Options struct {
	// Seconds is how long each way of acknowledging is measured; the way to the workflow takes twice that.
	Seconds float64
	// Deliveries is the size of a backlog to be drained.
	Deliveries int
	// Folder is where the run keeps its files, which it removes; empty: the system's folder for temporary files. The disk that it lies on
	// is part of what is measured.
	Folder string
	// Progress is told in words what is being measured.
	Progress io.Writer
}

// rounds is how often everything that is compared takes its turn.
const rounds = 3

func (o Options) each() time.Duration { return time.Duration(o.Seconds * float64(time.Second)) }

// say is for who waits; nobody misses a line that can't be written.
func (o Options) say(format string, args ...any) {
	_, _ = fmt.Fprintf(o.Progress, format+"\n", args...)
}

func (o Options) validate() error {
	if o.Seconds <= 0 || o.Deliveries < 1 {
		return errors.New("--seconds and --deliveries: both must be positive")
	}
	return nil
}

// Run measures everything once.
func Run(ctx context.Context, o Options) (_ Report, err error) {
	if err := o.validate(); err != nil {
		return Report{}, err
	}
	folder, err := os.MkdirTemp(o.Folder, "signalbox-bench-")
	if err != nil {
		return Report{}, fmt.Errorf("folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	machine := Machine{GoVersion: runtime.Version(), Processors: runtime.GOMAXPROCS(0)}
	if machine.Sync, err = timeSync(folder); err != nil {
		return Report{}, err
	}
	before := readUsage()
	s, err := newStage(ctx, folder)
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	acks, err := s.acks(ctx, o)
	if err != nil {
		return Report{}, err
	}
	drains, err := s.drains(ctx, o)
	if err != nil {
		return Report{}, err
	}
	latency, err := s.latency(ctx, o)
	if err != nil {
		return Report{}, err
	}
	machine.Others = readUsage().othersSince(before)
	return Report{Machine: machine, Acks: acks, Drains: drains, Latency: latency, Figures: figures(acks, drains, latency)}, nil
}

// Command is `signalbox-dev bench`.
func Command() *cobra.Command {
	var o Options
	var asJSON bool
	command := &cobra.Command{
		Use:   "bench",
		Short: "Measure Signalbox against a handler that signals Temporal in the request, and say which figures hold here",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Progress = cmd.ErrOrStderr()
			report, err := Run(cmd.Context(), o)
			switch {
			case err != nil:
				return err
			case asJSON:
				return report.WriteJSON(cmd.OutOrStdout())
			}
			return report.WriteTable(cmd.OutOrStdout())
		},
	}
	flags := command.Flags()
	flags.Float64Var(&o.Seconds, "seconds", 4, "how long each way of acknowledging is measured")
	flags.IntVar(&o.Deliveries, "deliveries", 1000, "events in a backlog that is drained")
	flags.StringVar(&o.Folder, "folder", "", "where the run keeps its files, on the disk that is measured; empty: the system's temporary folder")
	flags.BoolVar(&asJSON, "json", false, "write the report for programs")
	return command
}
