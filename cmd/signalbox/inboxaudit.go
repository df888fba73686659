package main

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// The acts that are recorded.
const (
	actReveal  = "reveal"
	actReplay  = "replay"
	actRelease = "release"
	actPurge   = "purge"
)

// record writes who is about to do what. The caller acts only where it returns nil.
func (d desk) record(ctx context.Context, action, subject string) error {
	entry := inbox.AuditEntry{At: d.now(), Who: d.who, Action: action, Subject: subject}
	if err := d.Audit(ctx, entry); err != nil {
		return fmt.Errorf("%s: nothing was done, since the audit record could not be written: %w", action, err)
	}
	return nil
}

// who is the user whom this process runs as, and the one who called sudo.
func (p process) who() string {
	uid := os.Getuid()
	name := "uid " + strconv.Itoa(uid)
	if found, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		name = found.Username
	}
	for _, entry := range p.settings.Environ {
		if caller, found := strings.CutPrefix(entry, "SUDO_USER="); found && caller != "" && caller != name {
			return fmt.Sprintf("%s (sudo by %s)", name, caller)
		}
	}
	return name
}

// auditPage is one part of the audit trail; Next is the cursor of the following one, empty on the last.
type auditPage struct {
	Entries []inbox.AuditEntry `json:"entries"`
	Next    string             `json:"next,omitempty"`
}

func (p process) inboxAudit() *cobra.Command {
	var (
		cursor string
		limit  int
		asJSON bool
	)
	audit := p.operate(&cobra.Command{
		Use:   "audit",
		Short: "List who revealed, replayed, released and purged what, the newest first",
		Args:  cobra.NoArgs,
	}, func(cmd *cobra.Command, _ []string, on desk) error {
		page, err := on.auditPage(cmd.Context(), cursor, limit)
		if err != nil {
			return err
		}
		if asJSON {
			return p.showJSON(cmd, page)
		}
		rows := make([][]string, len(page.Entries))
		for i, e := range page.Entries {
			rows[i] = []string{stamp(e.At), e.Who, e.Action, e.Subject}
		}
		if err := p.list(cmd, []string{"AT", "WHO", "ACTION", "SUBJECT"}, rows); err != nil {
			return err
		}
		return p.sayMore(cmd, page.Next)
	})
	audit.Flags().StringVar(&cursor, "cursor", "", "go on where the last page ended")
	audit.Flags().IntVar(&limit, "limit", inbox.DefaultPage, fmt.Sprintf("how many, at most %d", maxAuditPage))
	jsonFlag(audit, &asJSON)
	return audit
}

// maxAuditPage leaves room for one entry more, by which auditPage tells whether a page is the last.
const maxAuditPage = inbox.MaxPage - 1

func (d desk) auditPage(ctx context.Context, cursor string, limit int) (auditPage, error) {
	limit = min(inbox.Filter{Limit: limit}.PageSize(), maxAuditPage)
	entries, err := d.AuditTrail(ctx, cursor, limit+1)
	if err != nil {
		return auditPage{}, err
	}
	page := auditPage{Entries: entries}
	if len(entries) > limit {
		page = auditPage{Entries: entries[:limit], Next: entries[limit-1].ID}
	}
	if page.Entries == nil {
		page.Entries = []inbox.AuditEntry{}
	}
	return page, nil
}
