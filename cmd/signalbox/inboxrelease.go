package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

func (p process) inboxRelease() *cobra.Command {
	var (
		agent  string
		asJSON bool
	)
	release := p.operate(&cobra.Command{
		Use:   "release",
		Short: "Verify quarantined Artmail webhooks again, and accept those that a secret now verifies",
		Long: `Verify quarantined Artmail webhooks again, and accept those that a secret now verifies. The command reads the secrets from --config
(SIGNALBOX_CONFIG): correct them there, and restart the ingress with the same file. An accepted webhook keeps its time of arrival; if the inbox
has it already, it is a duplicate. The inbox records the person.`,
		Args: cobra.NoArgs,
	}, func(cmd *cobra.Command, _ []string, deliveries inboxBackend) error {
		done, err := deliveries.Release(cmd.Context(), agent)
		if err != nil {
			return err
		}
		if asJSON {
			return p.showJSON(cmd, done)
		}
		return p.say(cmd, "%d accepted, %d were there already, %d stay in the quarantine, %d can't be read any more\n",
			done.Accepted, done.Duplicates, done.Refused, done.Unreadable)
	}, "keyring", "config")
	release.Flags().StringVar(&agent, "agent", "", "Artmail agent; empty: all")
	jsonFlag(release, &asJSON)
	return release
}

func (p process) inboxPurge() *cobra.Command {
	var (
		bodies, rows time.Duration
		asJSON       bool
	)
	purge := p.operate(&cobra.Command{
		Use:   "purge",
		Short: "Remove bodies or whole deliveries by age; pending deliveries stay",
		Long: `Remove bodies or whole deliveries by age; pending deliveries stay, and quarantined ones keep their bodies until they are removed. It works in short
steps beside a running ingress, and can be interrupted and repeated. The inbox records the person.`,
		Args: cobra.NoArgs,
	}, func(cmd *cobra.Command, _ []string, deliveries inboxBackend) error {
		if bodies < 0 || rows < 0 || bodies == 0 && rows == 0 {
			return fmt.Errorf("%w: give a minimum age: --bodies-before, --rows-before, or both", errUsage)
		}
		done, err := deliveries.Purge(cmd.Context(), purgeOlderThan(p.now(), bodies, rows))
		if err != nil {
			return err
		}
		if asJSON {
			return p.showJSON(cmd, done)
		}
		return p.say(cmd, "%d bodies and %d deliveries removed\n", done.Bodies, done.Rows)
	})
	purge.Flags().DurationVar(&bodies, "bodies-before", 0, "remove bodies that arrived longer ago than this, such as 720h, except quarantined ones")
	purge.Flags().DurationVar(&rows, "rows-before", 0, "remove deliveries that arrived longer ago than this; their late repetitions then count as new")
	jsonFlag(purge, &asJSON)
	return purge
}

// purgeOlderThan returns the request of a purge. An age of 0 removes nothing.
func purgeOlderThan(now time.Time, bodies, rows time.Duration) inbox.PurgeRequest {
	request := inbox.PurgeRequest{Now: now}
	if bodies > 0 {
		request.BodiesBefore = now.Add(-bodies)
	}
	if rows > 0 {
		request.RowsBefore = now.Add(-rows)
	}
	return request
}
