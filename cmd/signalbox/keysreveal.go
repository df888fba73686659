package main

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

func (p process) keysReveal() *cobra.Command {
	reveal := &cobra.Command{
		Use:   "reveal AGENT ACTIVATION_ID",
		Short: "Print the API key of an Artmail activation; the inbox records the person",
		Long: `Print the API key of an Artmail activation. First the inbox of --inbox (SIGNALBOX_INBOX) records the person ("signalbox inbox audit" lists the
record); if it can't, no key is printed. The API key itself is in Temporal. If no inbox is named and the default file does not exist, a line on
standard error, which says so, is the only record.`,
		Args: cobra.ExactArgs(2),
	}
	settings := p.settingsFlags(reveal, "keyring", "inbox")
	var by string
	byFlag(reveal, &by)
	reveal.RunE = func(cmd *cobra.Command, args []string) error {
		read, err := settings()
		if err != nil {
			return err
		}
		ring, err := readKeyring(read.Keyring)
		if err != nil {
			return err
		}
		log, err := logging.New(cmd.ErrOrStderr(), "info", "json")
		if err != nil {
			return err
		}
		apps, end, err := p.client(cmd, signalbox.Options{Keyring: ring})
		if err != nil {
			return err
		}
		defer end()
		key, err := apps.Activation(args[0], args[1]).RevealAPIKey(cmd.Context())
		if err != nil {
			return fmt.Errorf("reveal: %w", err)
		}
		// The record comes first, so that no key is printed without one.
		who := cmp.Or(by, p.who())
		recorded, err := p.recordRevealedKey(cmd, read, who, workflows.ArtmailActivationWorkflowID(args[0], args[1]))
		if err != nil {
			return err
		}
		log = log.With(zap.String("agent", args[0]), zap.String("activation", args[1]), zap.String("by", who))
		if recorded {
			log.Info("API key revealed")
		} else {
			log.Warn("API key revealed; no inbox is named by --inbox (SIGNALBOX_INBOX), so this line is the only record")
		}
		return p.say(cmd, "%s\n", key)
	}
	return reveal
}

// recordRevealedKey returns false if the settings name no inbox and the default file does not exist.
func (p process) recordRevealedKey(cmd *cobra.Command, settings config.Config, who, workflowID string) (recorded bool, err error) {
	admin, err := p.openInboxAdmin(cmd.Context(), settings)
	switch {
	case errors.Is(err, storage.ErrNone) && !settings.InboxNamed:
		return false, nil
	case err != nil:
		return false, fmt.Errorf("reveal: no key is printed without an audit record: %w", err)
	}
	admin.Who = who
	err = admin.RecordReveal(cmd.Context(), "API key of "+workflowID)
	return err == nil, errors.Join(err, admin.Inbox.Close())
}
