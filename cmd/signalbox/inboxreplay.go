package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/ingress/inboxadmin"
)

func (p process) inboxReplay() *cobra.Command {
	var (
		chosen      filterFlags
		all, asJSON bool
	)
	replay := p.operate(&cobra.Command{
		Use:   "replay [ID]",
		Short: "Replay a delivery, or with --all every one that matches the filter",
		Long: `Replay a delivery: signal it to its workflow again. With --all it replays every delivery that matches the filter; without --state those that are
unmatched, late or dead. A workflow does not apply an event that it has applied before. A dead delivery without a workflow is read again, for which
the keyring must be set. The inbox records the person.`,
		Args: cobra.MaximumNArgs(1),
	}, func(cmd *cobra.Command, args []string, deliveries inboxBackend) error {
		if (len(args) == 1) == all {
			return fmt.Errorf("%w: name one delivery, or give --all, which a filter can limit", errUsage)
		}
		if !all && chosen.given() {
			return fmt.Errorf("%w: a filter goes with --all", errUsage)
		}
		filter, err := chosen.filter(p.now())
		if err != nil {
			return err
		}
		var done inboxadmin.Replayed
		if all {
			done, err = deliveries.ReplayAll(cmd.Context(), filter)
		} else {
			done, err = deliveries.Replay(cmd.Context(), args[0])
		}
		if err != nil {
			return err
		}
		if asJSON {
			return p.showJSON(cmd, done)
		}
		if done.Skipped > 0 {
			return p.say(cmd, "%d replayed, %d skipped: they have no lane, can't be read, or their body has been purged\n", done.Replayed, done.Skipped)
		}
		return p.say(cmd, "%d replayed\n", done.Replayed)
	}, "keyring")
	chosen.add(replay)
	replay.Flags().BoolVar(&all, "all", false, "replay all deliveries that match the filter")
	jsonFlag(replay, &asJSON)
	return replay
}
