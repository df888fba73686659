package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/cmd/internal/operator"
	"github.com/signalbox-dev/signalbox/ingress/inbox/sqlite"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

func (p process) inbox() *cobra.Command {
	command := &cobra.Command{
		Use:   "inbox",
		Short: "Look at the inbox and mend it: list, show, replay, release, purge, counts",
		Long: `Look at the inbox and mend it. While "signalbox serve" or "signalbox ingress" runs, it is asked by the socket beside the inbox file
(its settings count then, the keyring and the agents' secrets among them); otherwise the file is opened here.`,
		Args: cobra.NoArgs,
	}
	command.AddCommand(p.inboxList(), p.inboxShow(), p.inboxReplay(), p.inboxRelease(), p.inboxPurge(), p.inboxCounts())
	return command
}

// operation is what an inbox command does once it has somebody to do it.
type operation func(cmd *cobra.Command, args []string, desk operator.Operations) error

// operate gives the command its settings and makes it run do on the inbox.
func (p process) operate(command *cobra.Command, do operation) *cobra.Command {
	settings := p.settingsFlags(command, "inbox", "keyring", "config")
	command.RunE = func(cmd *cobra.Command, args []string) (err error) {
		read, err := settings()
		if err != nil {
			return err
		}
		desk, end, err := p.desk(cmd, read)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, end()) }()
		cmd.SetContext(operator.WithCaller(cmd.Context(), operator.ThisUser()))
		return do(cmd, args, desk)
	}
	return command
}

// desk is the process that has the inbox open, or one made here on the file.
func (p process) desk(cmd *cobra.Command, settings config.Config) (operator.Operations, func() error, error) {
	path := settings.Inbox
	if strings.Contains(path, "://") {
		return nil, nil, fmt.Errorf("%w: --inbox (SIGNALBOX_INBOX): only a path of a SQLite file is supported", errUsage)
	}
	if client := operator.Dial(cmd.Context(), operator.SocketPath(path)); client != nil {
		return client, func() error { return nil }, nil
	}
	var ring *keyring.Ring
	if settings.Keyring != "" {
		var err error
		if ring, err = readKeyring(settings.Keyring); err != nil {
			return nil, nil, err
		}
	}
	agents := make(map[string][]string, len(settings.Agents))
	for name, agent := range settings.Agents {
		agents[name] = agent.Secrets
	}
	log, err := logging.New(cmd.ErrOrStderr(), "info", "console")
	if err != nil {
		return nil, nil, err
	}
	store, err := openInbox(cmd.Context(), path)
	if err != nil {
		return nil, nil, err
	}
	return operator.NewDesk(operator.Parts{Inbox: store, Keys: ring, Agents: agents, Log: log, Now: p.now}), store.Close, nil
}

// openInbox never makes a file: a command for people looks at the inbox that there is.
func openInbox(ctx context.Context, path string) (*sqlite.Store, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: --inbox (SIGNALBOX_INBOX): there is no inbox at %s", errUsage, path)
	}
	store, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		return nil, fmt.Errorf("inbox: %w", err)
	}
	return store, nil
}
