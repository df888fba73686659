// Package bench measures Signalbox against a plain handler that signals Temporal within the request, side by side in one run, and says
// which of the design's figures hold on this machine.
//
// Everything runs in this process: the real Temporal server on a file, the real ingress with its inbox, the relay and the load generator. So the
// generator is lean (kept connections, requests made beforehand), and figures that are compared are taken in turns, so that
// other load on the machine affects both equally. Each figure also has its processor time, which other load affects least.
//
// No worker runs while signals are counted: a signal then costs the server its least, which favours the plain handler.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// Options bound a run in time and number.
type Options struct {
	// Seconds is how long each way of acknowledging is measured; the latency is measured twice as long.
	Seconds float64
	// Deliveries is the size of a backlog to be drained.
	Deliveries int
	// Only names the parts that are measured; none: all of them.
	Only []string
	// Folder is where the run keeps its files, which it removes; empty: the system's folder for temporary files. The disk that it lies on
	// is part of what is measured.
	Folder string
	// Progress receives a line for each step.
	Progress io.Writer
}

// rounds is how often everything that is compared takes its turn.
const rounds = 3

func (o Options) each() time.Duration { return time.Duration(o.Seconds * float64(time.Second)) }

func (o Options) say(format string, args ...any) {
	_, _ = fmt.Fprintf(o.Progress, format+"\n", args...) // a run goes on where progress can't be written
}

func (o Options) validate() error {
	if o.Seconds <= 0 || o.Deliveries < 1 {
		return errors.New("--seconds and --deliveries: both must be positive")
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
	measure func(*stage, context.Context, Options) ([]Sample, error)
	into    func(*Report) *[]Sample
}

// parts are in the order in which they are measured.
var parts = []part{
	{"acks", (*stage).acks, func(r *Report) *[]Sample { return &r.Acks }},
	{"drains", (*stage).drains, func(r *Report) *[]Sample { return &r.Drains }},
	{"latency", (*stage).latency, func(r *Report) *[]Sample { return &r.Latency }},
}

func partNames() string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.name
	}
	return strings.Join(names, ", ")
}

// Run measures everything once. Where it breaks off, the report has what was measured until then, beside the error.
func Run(ctx context.Context, o Options) (report Report, err error) {
	if err := o.validate(); err != nil {
		return Report{}, err
	}
	folder, err := os.MkdirTemp(o.Folder, "signalbox-bench-")
	if err != nil {
		return Report{}, fmt.Errorf("folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if report.Machine, err = newMachine(folder); err != nil {
		return Report{}, err
	}
	before := readUsage()
	s, err := newStage(ctx, folder)
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for _, p := range parts {
		if err == nil && (len(o.Only) == 0 || slices.Contains(o.Only, p.name)) {
			*p.into(&report), err = p.measure(s, ctx, o)
		}
	}
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
		Long: `Measures, side by side in one run, and says which of the design's figures hold on this machine:

  acks     durable acknowledgements by 64 connections beside an echo handler that keeps nothing and one that signals Temporal in the request;
           the same with Temporal stopped, beside 1,000 stalled senders, in PostgreSQL and there beside a locked lane
           (the last two where this machine has PostgreSQL, which the run starts for itself)
  drains   the relay on a backlog, beside bare signals of the same events
  latency  from the post until the workflow has the event, at 20 events a second, beside a bare signal

A store is measured alone, with a thousand rows and with a million, by
  go test ./ingress/inbox/... -run '^$' -bench .
and a webhook beside many open cases, with the worker's memory, by
  go test ./cmd/signalbox-dev/internal/dev -run '^$' -bench OpenCases -benchtime 60x -timeout 60m`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Progress = cmd.ErrOrStderr()
			report, err := Run(cmd.Context(), o)
			return errors.Join(err, report.write(cmd.OutOrStdout(), asJSON, err))
		},
	}
	flags := command.Flags()
	flags.Float64Var(&o.Seconds, "seconds", 4, "how long each way of acknowledging is measured")
	flags.IntVar(&o.Deliveries, "deliveries", 1000, "events in a backlog that is drained")
	flags.StringSliceVar(&o.Only, "only", nil, "parts to measure, of "+partNames()+"; empty: all")
	flags.StringVar(&o.Folder, "folder", "", "where the run keeps its files, on the disk that is measured; empty: the system's temporary folder")
	flags.BoolVar(&asJSON, "json", false, "write the report for programs")
	return command
}
