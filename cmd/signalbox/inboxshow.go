package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/ingress/inboxadmin"
)

func (p process) inboxShow() *cobra.Command {
	var reveal, asJSON bool
	show := p.operate(&cobra.Command{
		Use:   "show ID",
		Short: "Show a delivery without the secret and personal parts of its body",
		Long: `Show a delivery without the secret and personal parts of its body. It shows documented IDs, times, numbers, flags and statuses, and hides API
keys, people, their words, results and undocumented fields. With --reveal it shows the whole body, after the inbox has recorded the person.`,
		Args: cobra.ExactArgs(1),
	}, func(cmd *cobra.Command, args []string, deliveries inboxBackend) error {
		see := deliveries.Show
		if reveal {
			see = deliveries.Reveal
		}
		shown, err := see(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if err := p.show(cmd, asJSON, shown, p.deliveryRows(shown.Delivery)); err != nil || asJSON {
			return err
		}
		return p.showBody(cmd, shown)
	}, "keyring")
	show.Flags().BoolVar(&reveal, "reveal", false, "show the whole body, with keys and personal data; the inbox records the person")
	jsonFlag(show, &asJSON)
	return show
}

func (p process) showBody(cmd *cobra.Command, shown inboxadmin.Shown) error {
	switch {
	case shown.Withheld != "":
		return p.say(cmd, "body: not shown: %s\n", shown.Withheld)
	case shown.Raw != nil:
		return p.say(cmd, "body (not JSON):\n%s\n", printable(string(shown.Raw)))
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, shown.Body, "", "  "); err != nil {
		return fmt.Errorf("format body: %w", err)
	}
	title := "body"
	if shown.Redacted {
		title = "body (redacted)"
	}
	// JSON strings may contain characters that control a terminal.
	return p.say(cmd, "%s:\n%s\n", title, printable(indented.String()))
}
