package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// Options bound a run in time and number.
type Options struct {
	// Seconds is how long each way of acknowledging is measured; the way to the workflow takes twice that.
	Seconds float64
	// Deliveries is the size of a backlog to be drained.
	Deliveries int
	// Rows is how many delivered rows an inbox has that is compared with a small one; 0: it is not measured. Filling a million takes minutes.
	Rows int
	// Away is how many events are acknowledged while the server is stopped, and drained afterwards; 0: that is not measured.
	Away int
	// Cases is how many are open at last with a worker that keeps Cached of them in memory; 0: that is not measured.
	Cases, Cached int
	// Binary is the production binary; empty: it is built.
	Binary string
	// Only names the parts that are measured; none: all of them.
	Only []string
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
	if o.Rows < 0 || o.Away < 0 {
		return errors.New("--rows and --away: neither can be negative")
	}
	if err := o.validateMemory(); err != nil {
		return err
	}
	for _, name := range o.Only {
		if !slices.ContainsFunc(parts, func(p part) bool { return p.name == name }) {
			return fmt.Errorf("--only: there is no part %q; the parts are %s", name, partNames())
		}
	}
	return nil
}

// part is something that is measured by itself.
type part struct {
	name    string
	measure func(*stage, context.Context, Options, *Report) error
}

// parts are in the order in which they are measured.
var parts = []part{
	{"acks", func(s *stage, ctx context.Context, o Options, r *Report) (err error) {
		r.Acks, err = s.acks(ctx, o)
		return err
	}},
	{"drains", func(s *stage, ctx context.Context, o Options, r *Report) (err error) {
		r.Drains, err = s.drains(ctx, o)
		return err
	}},
	{"latency", func(s *stage, ctx context.Context, o Options, r *Report) (err error) {
		r.Latency, err = s.latency(ctx, o)
		return err
	}},
	{"rows", func(s *stage, ctx context.Context, o Options, r *Report) (err error) {
		r.Rows, err = s.rows(ctx, o)
		return err
	}},
	{"away", func(s *stage, ctx context.Context, o Options, r *Report) (err error) {
		r.Away, err = s.away(ctx, o)
		return err
	}},
	{"memory", func(s *stage, ctx context.Context, o Options, r *Report) (err error) {
		r.Memory, err = s.memory(ctx, o)
		return err
	}},
	{"binary", func(s *stage, ctx context.Context, o Options, r *Report) (err error) {
		r.Binary, err = s.binary(ctx, o)
		return err
	}},
}

func partNames() string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.name
	}
	return strings.Join(names, ", ")
}

// Run measures everything once. Where it breaks off, the report has what was measured until then, beside the error.
func Run(ctx context.Context, o Options) (Report, error) {
	return o.run(func(folder string, report *Report) (err error) {
		s, err := newStage(ctx, folder)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.close()) }()
		for _, p := range parts {
			if len(o.Only) > 0 && !slices.Contains(o.Only, p.name) {
				continue
			}
			if err := p.measure(s, ctx, o, report); err != nil {
				return err
			}
		}
		return nil
	})
}

// run gives what is measured a folder, and the report what it was measured on and what follows.
func (o Options) run(measure func(folder string, report *Report) error) (report Report, err error) {
	if err := o.validate(); err != nil {
		return Report{}, err
	}
	folder, err := os.MkdirTemp(o.Folder, "signalbox-bench-")
	if err != nil {
		return Report{}, fmt.Errorf("folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	report = Report{Machine: Machine{GoVersion: runtime.Version(), Processors: runtime.GOMAXPROCS(0)}}
	if report.Machine.Sync, err = timeSync(folder); err != nil {
		return Report{}, err
	}
	before := readUsage()
	err = measure(folder, &report)
	report.Machine.Others = readUsage().othersSince(before)
	report.Figures = figures(report)
	if err != nil {
		report.Figures = slices.DeleteFunc(report.Figures, func(f Figure) bool { return f.Got == 0 })
	}
	return report, err
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
			return errors.Join(err, report.write(cmd.OutOrStdout(), asJSON, err))
		},
	}
	flags := command.Flags()
	flags.Float64Var(&o.Seconds, "seconds", 4, "how long each way of acknowledging is measured")
	flags.IntVar(&o.Deliveries, "deliveries", 1000, "events in a backlog that is drained")
	flags.IntVar(&o.Rows, "rows", 0, "delivered rows in an inbox that is compared with a small one, such as 1000000 (filling them takes minutes); 0: skip that")
	flags.IntVar(&o.Away, "away", 20000, "events that are acknowledged while Temporal is stopped, and drained afterwards; 0: skip that")
	flags.IntVar(&o.Cases, "cases", 1500, "cases that are open at last while a worker's memory is read, such as 10000 (opening them takes minutes); 0: skip that")
	flags.IntVar(&o.Cached, "cached", 250, "workflows that this worker keeps in memory")
	flags.StringVar(&o.Binary, "binary", "", "production binary; empty: it is built, which needs Go and the module")
	flags.StringSliceVar(&o.Only, "only", nil, "parts to measure, of "+partNames()+"; empty: all")
	flags.StringVar(&o.Folder, "folder", "", "where the run keeps its files, on the disk that is measured; empty: the system's temporary folder")
	flags.BoolVar(&asJSON, "json", false, "write the report for programs")
	command.AddCommand(postgresCommand(), memoryWorker())
	return command
}
