package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/cmd/internal/operator"
)

func (p process) inboxReplay() *cobra.Command {
	var (
		chosen      filterFlags
		all, asJSON bool
	)
	replay := p.operate(&cobra.Command{
		Use:   "replay [ID]",
		Short: "Hand a delivery out again, or with --all every one that the filter matches",
		Long: `Hand a delivery out again, or with --all every one that the filter matches; without --state those that are unmatched, late or dead.
It passes dedupe on purpose. What the workflow has applied before it does not apply again.`,
		Args: cobra.MaximumNArgs(1),
	}, func(cmd *cobra.Command, args []string, desk operator.Operations) error {
		if (len(args) == 1) == all {
			return fmt.Errorf("%w: name one delivery, or give --all with a filter", errUsage)
		}
		var request operator.ReplayRequest
		if len(args) == 1 {
			request.ID = args[0]
		}
		var err error
		if request.Filter, err = chosen.filter(p.now()); err != nil {
			return err
		}
		done, err := desk.Replay(cmd.Context(), request)
		if err != nil {
			return err
		}
		if asJSON {
			return p.showJSON(cmd, done)
		}
		if done.Skipped > 0 {
			return p.say(cmd, "%d replayed, %d skipped: without a lane, or past the retention of bodies\n", done.Replayed, done.Skipped)
		}
		return p.say(cmd, "%d replayed\n", done.Replayed)
	})
	chosen.add(replay)
	replay.Flags().BoolVar(&all, "all", false, "replay all that the filter matches")
	jsonFlag(replay, &asJSON)
	return replay
}

func (p process) inboxRelease() *cobra.Command {
	var (
		request operator.ReleaseRequest
		asJSON  bool
	)
	release := p.operate(&cobra.Command{
		Use:   "release",
		Short: "Verify quarantined Artmail webhooks again, and let in what a secret now verifies",
		Long: `Verify quarantined Artmail webhooks again, and let in what a secret now verifies. The secrets are those of the running ingress: mend the
configuration and restart it first. What is let in keeps its time of arrival and is not counted twice.`,
		Args: cobra.NoArgs,
	}, func(cmd *cobra.Command, _ []string, desk operator.Operations) error {
		done, err := desk.Release(cmd.Context(), request)
		if err != nil {
			return err
		}
		if asJSON {
			return p.showJSON(cmd, map[string]int{"accepted": done.Accepted, "duplicates": done.Duplicates, "refused": done.Refused, "unreadable": done.Unreadable})
		}
		return p.say(cmd, "%d let in, %d were there already, %d stay in the quarantine, %d can't be read any more\n",
			done.Accepted, done.Duplicates, done.Refused, done.Unreadable)
	})
	release.Flags().StringVar(&request.Agent, "agent", "", "Artmail agent; empty: all")
	jsonFlag(release, &asJSON)
	return release
}

func (p process) inboxPurge() *cobra.Command {
	var (
		request operator.PurgeRequest
		asJSON  bool
	)
	purge := p.operate(&cobra.Command{
		Use:   "purge",
		Short: "Remove bodies or whole deliveries by age; what is pending stays",
		Args:  cobra.NoArgs,
	}, func(cmd *cobra.Command, _ []string, desk operator.Operations) error {
		done, err := desk.Purge(cmd.Context(), request)
		if err != nil {
			return err
		}
		if asJSON {
			return p.showJSON(cmd, map[string]int{"bodies": done.Bodies, "rows": done.Rows})
		}
		return p.say(cmd, "%d bodies and %d deliveries removed\n", done.Bodies, done.Rows)
	})
	purge.Flags().DurationVar(&request.Bodies, "bodies-before", 0, "remove bodies that arrived longer ago than this, such as 720h")
	purge.Flags().DurationVar(&request.Rows, "rows-before", 0, "remove deliveries that arrived longer ago than this; their late repetitions then count as new")
	jsonFlag(purge, &asJSON)
	return purge
}
