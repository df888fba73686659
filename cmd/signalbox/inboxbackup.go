package main

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
)

func (p process) inboxBackup() *cobra.Command {
	backup := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write the inbox as it is now to a file, also while it is in use",
		Long: `Write the inbox as it is now to a file, also while it is in use. FILE must not be there yet; it appears once it is whole, checked and on disk, with
mode 0600. Of a SQLite inbox it is a SQLite file: to restore it, stop every process of the inbox, move the inbox's file away with those beside it that end
in -wal and -shm, put a copy of FILE in its place, and start. Of a PostgreSQL inbox pg_dump writes it, which has to be there; pg_restore restores it.
After a restore "signalbox catch-up" finds again at Offload what arrived after the backup.

The bodies in FILE are sealed, and the keys are not in it: keep a copy of the keyring, in another place. With both, a person can read everything.`,
		Args: cobra.ExactArgs(1),
	}
	settings := p.settingsFlags(backup, "inbox", "keyring")
	backup.RunE = func(cmd *cobra.Command, args []string) (err error) {
		read, err := settings()
		if err != nil {
			return err
		}
		// It says what is wrong with the inbox, or with the version of its tables.
		opened, err := p.openInboxAdmin(cmd.Context(), read)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, opened.Inbox.Close()) }()
		if err := storage.Backup(cmd.Context(), read.Inbox, args[0]); err != nil {
			if errors.Is(err, storage.ErrBackupFile) {
				err = fmt.Errorf("%w: %w", errUsage, err)
			}
			return err
		}
		return p.say(cmd, "%s is written; what it holds opens only with %s, which is not in it: keep a copy of that in another place\n",
			args[0], cmp.Or(read.Keyring, "the keyring"))
	}
	return backup
}
