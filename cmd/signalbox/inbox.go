package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/cmd/internal/operator"
	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

func (p process) inbox() *cobra.Command {
	command := &cobra.Command{
		Use:   "inbox",
		Short: "Look at the inbox and mend it: list, show, replay, release, purge, counts",
		Long: `Look at the inbox and mend it. While "signalbox serve" or "signalbox ingress" runs, it is asked by the socket beside the inbox file
(its settings count then, the keyring and the agents' secrets among them); otherwise the file is opened here. An inbox in PostgreSQL is always
opened here, beside whatever else has it open.`,
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

// desk is the process that has the inbox open, or one made here on the inbox itself.
func (p process) desk(cmd *cobra.Command, settings config.Config) (operator.Operations, func() error, error) {
	if err := settings.CheckInbox(); err != nil {
		return nil, nil, usage(err)
	}
	if !storage.IsShared(settings.Inbox) {
		if client := operator.Dial(cmd.Context(), operator.SocketPath(settings.Inbox)); client != nil {
			return client, func() error { return nil }, nil
		}
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
	store, err := openInbox(cmd.Context(), settings.Inbox)
	if err != nil {
		return nil, nil, err
	}
	return operator.NewDesk(operator.Parts{Inbox: store, Keys: ring, Agents: agents, Log: log, Now: p.now}), store.Close, nil
}

// openInbox never makes an inbox: a command for people looks at the one that there is.
func openInbox(ctx context.Context, where string) (inbox.Store, error) {
	store, err := storage.OpenExisting(ctx, where)
	switch {
	case errors.Is(err, storage.ErrNone):
		return nil, fmt.Errorf("%w: --inbox (SIGNALBOX_INBOX): %w", errUsage, err)
	case err != nil:
		return nil, fmt.Errorf("inbox: %w", err)
	}
	return store, nil
}
