package main

import (
	"fmt"
	"os"
	"os/user"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inboxadmin"
)

// who returns the user of this process, and the user who called sudo if there is one.
func (p process) who() string {
	uid := os.Getuid()
	name := "uid " + strconv.Itoa(uid)
	if found, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		name = found.Username
	}
	if caller := p.variable("SUDO_USER"); caller != "" && caller != name {
		return fmt.Sprintf("%s (sudo by %s)", name, caller)
	}
	return name
}

func (p process) inboxAudit() *cobra.Command {
	var (
		cursor string
		limit  int
		asJSON bool
	)
	audit := p.operate(&cobra.Command{
		Use:   "audit",
		Short: "List who revealed, replayed, dismissed, released, purged and erased what, the newest first",
		Args:  cobra.NoArgs,
	}, func(cmd *cobra.Command, _ []string, deliveries inboxBackend) error {
		if err := checkLimit(limit, inboxadmin.MaxAuditPage); err != nil {
			return err
		}
		page, err := deliveries.AuditPage(cmd.Context(), cursor, limit)
		if err != nil {
			return err
		}
		rows := make([][]string, len(page.Entries))
		for i, e := range page.Entries {
			rows[i] = []string{p.when(e.At), e.Who, e.Action, e.Subject}
		}
		if err := p.list(cmd, asJSON, page, []string{"AT", "WHO", "ACTION", "SUBJECT"}, rows); err != nil || asJSON {
			return err
		}
		return p.sayMore(cmd, page.Next)
	})
	audit.Flags().StringVar(&cursor, "cursor", "", "cursor of the page, from the end of the page before")
	audit.Flags().IntVar(&limit, "limit", inbox.DefaultPage, fmt.Sprintf("how many entries, at most %d; over the API at most 100", inboxadmin.MaxAuditPage))
	jsonFlag(audit, &asJSON)
	return audit
}
