package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/cmd/internal/operator"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

func (p process) inboxList() *cobra.Command {
	var (
		chosen filterFlags
		asJSON bool
	)
	list := p.operate(&cobra.Command{
		Use:   "list",
		Short: "List deliveries, the newest first",
		Args:  cobra.NoArgs,
	}, func(cmd *cobra.Command, _ []string, desk operator.Operations) error {
		filter, err := chosen.filter(p.now())
		if err != nil {
			return err
		}
		page, err := desk.List(cmd.Context(), filter)
		if err != nil {
			return err
		}
		if asJSON {
			return p.showJSON(cmd, page)
		}
		rows := make([][]string, len(page.Deliveries))
		for i, d := range page.Deliveries {
			rows[i] = []string{d.ID, stamp(d.ReceivedAt), string(d.State), d.Provider, d.Kind, d.Lane, number(d.Duplicates), d.Reason}
		}
		if err := p.list(cmd, []string{"ID", "RECEIVED", "STATE", "PROVIDER", "KIND", "LANE", "AGAIN", "REASON"}, rows); err != nil {
			return err
		}
		if page.Next != "" {
			return p.say(cmd, "more: --cursor %s\n", page.Next)
		}
		return nil
	})
	chosen.add(list)
	list.Flags().StringVar(&chosen.read.Cursor, "cursor", "", "go on where the last page ended, with the same filter")
	list.Flags().IntVar(&chosen.read.Limit, "limit", inbox.DefaultPage, fmt.Sprintf("how many, at most %d", inbox.MaxPage))
	jsonFlag(list, &asJSON)
	return list
}

func (p process) inboxShow() *cobra.Command {
	var reveal, asJSON bool
	show := p.operate(&cobra.Command{
		Use:   "show ID",
		Short: "Show a delivery; keys and personal data in its body are redacted",
		Args:  cobra.ExactArgs(1),
	}, func(cmd *cobra.Command, args []string, desk operator.Operations) error {
		shown, err := desk.Show(cmd.Context(), operator.ShowRequest{ID: args[0], Reveal: reveal})
		if err != nil {
			return err
		}
		if err := p.show(cmd, asJSON, shown, deliveryRows(shown.Delivery)); err != nil || asJSON {
			return err
		}
		return p.showBody(cmd, shown)
	})
	show.Flags().BoolVar(&reveal, "reveal", false, "show the body as it came, with keys and personal data; it is logged who asked")
	jsonFlag(show, &asJSON)
	return show
}

func (p process) showBody(cmd *cobra.Command, shown operator.Shown) error {
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
	// The values of a document may hold what JSON allows and a terminal obeys.
	return p.say(cmd, "%s:\n%s\n", title, printable(indented.String()))
}

func (p process) inboxCounts() *cobra.Command {
	var asJSON bool
	counts := p.operate(&cobra.Command{
		Use:   "counts",
		Short: "Count deliveries by state",
		Args:  cobra.NoArgs,
	}, func(cmd *cobra.Command, _ []string, desk operator.Operations) error {
		counted, err := desk.Counts(cmd.Context())
		if err != nil {
			return err
		}
		var rows [][2]string
		for _, state := range inbox.States() {
			rows = append(rows, [2]string{string(state), strconv.FormatInt(counted.States[state], 10)})
		}
		rows = append(rows, [2]string{"oldest pending", stamp(counted.OldestPending)})
		return p.show(cmd, asJSON, counted, rows)
	})
	jsonFlag(counts, &asJSON)
	return counts
}

func deliveryRows(d operator.Delivery) [][2]string {
	return [][2]string{
		{"id", d.ID},
		{"state", string(d.State)},
		{"reason", d.Reason},
		{"provider", d.Provider},
		{"scope", d.Scope},
		{"kind", d.Kind},
		{"lane", d.Lane},
		{"dedupe key", d.DedupeKey},
		{"conflict of", d.ConflictOf},
		{"occurred at", stamp(d.OccurredAt)},
		{"received at", stamp(d.ReceivedAt)},
		{"due at", stamp(d.DueAt)},
		{"settled at", stamp(d.SettledAt)},
		{"attempts", number(d.Attempts)},
		{"duplicates", strings.TrimSpace(number(d.Duplicates) + " " + stamp(d.LastDuplicateAt))},
	}
}

// number leaves a zero out.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
