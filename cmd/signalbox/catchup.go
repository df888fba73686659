package main

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// errPartlyDone says that a part of the work failed; the report names it.
var errPartlyDone = errors.New("some of it failed")

func (p process) catchUp() *cobra.Command {
	var (
		since, by      string
		dryRun, asJSON bool
	)
	command := &cobra.Command{
		Use:   "catch-up",
		Short: "Catch up after an outage: replay deliveries, check open cases, resend notices",
		Long: `Catch up after an outage. It replays deliveries that have arrived since then and were unmatched or late, makes every open case read its state at
Offload now, and resends notices that were given up since then. It can be repeated. With --dry-run it only counts.`,
		Args: cobra.NoArgs,
	}
	settings := p.settingsFlags(command, "inbox")
	command.RunE = func(cmd *cobra.Command, _ []string) error {
		from, err := moment("since", since, p.now())
		if err != nil {
			return err
		}
		backend, closeBackend, err := p.backendWithInbox(cmd, settings, true)
		if err != nil {
			return err
		}
		defer closeBackend()
		report, err := backend.CatchUp(cmd.Context(), signalbox.CatchUpOptions{Since: from, By: cmp.Or(by, p.who()), DryRun: dryRun})
		if err != nil && report.Empty() {
			return err
		}
		// The report shows the work that was done before an error.
		return errors.Join(p.showCatchUp(cmd, asJSON, report), err, partlyDone(report))
	}
	command.Flags().StringVar(&since, "since", "", "when the outage began: a time like 2026-05-01T12:00:00Z, or a duration before now like 2h")
	command.Flags().BoolVar(&dryRun, "dry-run", false, "only count; change nothing")
	byFlag(command, &by)
	jsonFlag(command, &asJSON)
	if err := command.MarkFlagRequired("since"); err != nil {
		panic(err) // the flag is defined just above
	}
	return usesAPI(command)
}

func (p process) showCatchUp(cmd *cobra.Command, asJSON bool, report signalbox.CatchUpReport) error {
	done := "done"
	if report.DryRun {
		done = "to do"
	}
	counts := func(c signalbox.CatchUpCount) string {
		return fmt.Sprintf("%d %s, %d skipped, %d failed", c.Done, done, c.Skipped, c.Failed)
	}
	d := report.Deliveries
	rows := [][2]string{
		{"deliveries to replay", fmt.Sprintf("%d %s (%d unmatched, %d late), %d skipped", d.Unmatched+d.Late, done, d.Unmatched, d.Late, d.Skipped)},
		{"cases to check", counts(report.Cases)},
		{"notices to resend", counts(report.Notices)},
	}
	for _, failure := range report.Failures {
		rows = append(rows, [2]string{"failed: " + printable(failure.What), failure.Error})
	}
	return p.show(cmd, asJSON, report, rows)
}

func partlyDone(report signalbox.CatchUpReport) error {
	if len(report.Failures) == 0 {
		return nil
	}
	return errPartlyDone
}
