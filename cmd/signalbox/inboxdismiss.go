package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/ingress/inboxadmin"
)

func (p process) inboxDismiss() *cobra.Command {
	var asJSON bool
	dismiss := p.operate(&cobra.Command{
		Use:   "dismiss ID…",
		Short: "Dismiss deliveries: take them off the to-do list",
		Long: `Dismiss deliveries that need no person any more: unmatched, late or dead ones become ignored. They leave the to-do list, and Signalbox
does not replay them by itself any more. "signalbox inbox replay ID" still replays one while it has its body. The inbox records the person.`,
		Args: cobra.MinimumNArgs(1),
	}, func(cmd *cobra.Command, ids []string, deliveries inboxBackend) error {
		var all inboxadmin.Dismissed
		for _, id := range ids {
			done, err := deliveries.Dismiss(cmd.Context(), id)
			if err != nil {
				return fmt.Errorf("dismiss delivery %s: %w (%d were dismissed)", id, err, all.Dismissed)
			}
			all.Dismissed += done.Dismissed
		}
		if asJSON {
			return p.showJSON(cmd, all)
		}
		return p.say(cmd, "%d dismissed\n", all.Dismissed)
	})
	jsonFlag(dismiss, &asJSON)
	return dismiss
}
