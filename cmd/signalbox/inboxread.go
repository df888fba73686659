package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

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
	}, func(cmd *cobra.Command, _ []string, deliveries inboxBackend) error {
		filter, err := chosen.filter(p.now())
		if err != nil {
			return err
		}
		page, err := deliveries.List(cmd.Context(), filter)
		if err != nil {
			return err
		}
		rows := make([][]string, len(page.Deliveries))
		for i, d := range page.Deliveries {
			lane := d.Lane
			if lane == "" && d.Scope != "" {
				lane = "agent " + d.Scope
			}
			rows[i] = []string{d.ID, p.when(d.ReceivedAt), string(d.State), d.Provider, d.Kind, lane, number(d.Duplicates), d.Reason}
		}
		if err := p.list(cmd, asJSON, page, []string{"ID", "RECEIVED", "STATE", "PROVIDER", "KIND", "LANE", "AGAIN", "REASON"}, rows); err != nil || asJSON {
			return err
		}
		return p.sayMore(cmd, page.Next)
	})
	chosen.add(list)
	list.Flags().StringVar(&chosen.read.Cursor, "cursor", "", "cursor of the page, from the end of the page before; use the same filter")
	list.Flags().IntVar(&chosen.read.Limit, "limit", inbox.DefaultPage, fmt.Sprintf("how many deliveries, at most %d; over the API at most 100", inbox.MaxPage))
	jsonFlag(list, &asJSON)
	return list
}

// sayMore prints the cursor of the next page, if there is one.
func (p process) sayMore(cmd *cobra.Command, next string) error {
	if next == "" {
		return nil
	}
	return p.say(cmd, "more: --cursor %s\n", next)
}

func (p process) inboxCounts() *cobra.Command {
	var asJSON bool
	counts := p.operate(&cobra.Command{
		Use:   "counts",
		Short: "Count deliveries by state",
		Args:  cobra.NoArgs,
	}, func(cmd *cobra.Command, _ []string, deliveries inboxBackend) error {
		counts, err := deliveries.Count(cmd.Context())
		if err != nil {
			return err
		}
		var rows [][2]string
		for _, state := range inbox.States() {
			rows = append(rows, [2]string{string(state), strconv.FormatInt(counts.States[state], 10)})
		}
		rows = append(rows, [2]string{"oldest pending", p.when(counts.OldestPending)})
		return p.show(cmd, asJSON, counts, rows)
	})
	jsonFlag(counts, &asJSON)
	return counts
}

func (p process) deliveryRows(d inbox.Delivery) [][2]string {
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
		{"occurred at", p.when(d.OccurredAt)},
		{"received at", p.when(d.ReceivedAt)},
		{"due at", p.when(d.DueAt)},
		{"unmatched since", p.when(d.UnmatchedSince)},
		{"settled at", p.when(d.SettledAt)},
		{"attempts", number(d.Attempts)},
		{"duplicates", strings.TrimSpace(number(d.Duplicates) + " " + p.when(d.LastDuplicateAt))},
	}
}

// number returns n as text; empty for zero.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
