package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres"
	"github.com/signalbox-dev/signalbox/ingress/inboxadmin"
)

func (p process) inbox() *cobra.Command {
	command := &cobra.Command{
		Use:   "inbox",
		Short: "Manage the inbox: list, show, replay, dismiss, release, purge, counts, audit, backup",
		Long: `Manage the inbox. Without an API, each command opens the inbox itself, a SQLite file or a PostgreSQL database, even while "signalbox serve" or
"signalbox ingress" runs. Use the settings of that process: --inbox (SIGNALBOX_INBOX), and for bodies --keyring (SIGNALBOX_KEYRING).
With --api (SIGNALBOX_API), all commands except "backup" use the API of a process instead.

Before it reveals a body, replays or dismisses deliveries, releases the quarantine or purges, a command records the person in the inbox: see
"signalbox inbox audit". If the record can't be written, the command fails and nothing is done.

Ctrl-Z does not stop a command that uses a SQLite file: stopped, it could keep the file locked, and webhooks would get 503.`,
		Args: cobra.NoArgs,
	}
	command.AddCommand(p.inboxList(), p.inboxShow(), p.inboxReplay(), p.inboxDismiss(), p.inboxRelease(), p.inboxPurge(), p.inboxCounts(), p.inboxAudit(), p.inboxBackup())
	return command
}

// operation is the work of an inbox command.
type operation func(cmd *cobra.Command, args []string, deliveries inboxBackend) error

// operate opens the inbox for the command and closes it afterwards, or uses the API. flags are the flags of settings that the command has beside
// --inbox.
func (p process) operate(command *cobra.Command, do operation, flags ...string) *cobra.Command {
	settings := p.settingsFlags(command, append([]string{"inbox"}, flags...)...)
	command.RunE = func(cmd *cobra.Command, args []string) (err error) {
		remote, err := p.api(cmd)
		if err != nil {
			return err
		}
		if remote != nil {
			return do(cmd, args, remote)
		}
		read, err := settings()
		if err != nil {
			return err
		}
		admin, err := p.openInboxAdmin(cmd.Context(), read)
		if errors.Is(err, storage.ErrNone) {
			err = fmt.Errorf("%w; or set SIGNALBOX_API to use the API of a process; with signalbox-dev the inbox is .signalbox/inbox.db", err)
		}
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, admin.Inbox.Close()) }()
		admin.Secrets = read.AgentSecrets()
		if slices.Contains(flags, "keyring") && read.Keyring != "" {
			if admin.Keys, err = readKeyring(read.Keyring); err != nil {
				return err
			}
		}
		return do(cmd, args, admin)
	}
	return usesAPI(command)
}

// openInboxAdmin opens the inbox of the settings. It does not create one: a missing inbox is errUsage.
func (p process) openInboxAdmin(ctx context.Context, settings config.Config) (inboxadmin.Admin, error) {
	if err := settings.CheckInbox(); err != nil {
		return inboxadmin.Admin{}, usage(err)
	}
	if !postgres.IsAddress(settings.Inbox) {
		ignoreStop()
	}
	store, err := p.openInbox(ctx, settings.Inbox)
	switch {
	case errors.Is(err, storage.ErrNone):
		return inboxadmin.Admin{}, fmt.Errorf("%w: --inbox (SIGNALBOX_INBOX): %w", errUsage, err)
	case err != nil:
		return inboxadmin.Admin{}, fmt.Errorf("inbox: %w", err)
	}
	return inboxadmin.Admin{Inbox: store, Who: p.who(), Now: p.now}, nil
}
