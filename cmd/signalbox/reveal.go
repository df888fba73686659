package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/cmd/internal/operator"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

func (p process) keysReveal() *cobra.Command {
	reveal := &cobra.Command{
		Use:   "reveal AGENT ACTIVATION_ID",
		Short: "Print the API key of an Artmail activation; standard error says who revealed what",
		Args:  cobra.ExactArgs(2),
	}
	settings := p.settingsFlags(reveal, "keyring")
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
		temporal, _, err := p.dial(cmd.Context())
		if err != nil {
			return err
		}
		defer temporal.Close()
		apps, err := signalbox.New(temporal, signalbox.Options{Keyring: ring})
		if err != nil {
			return err
		}
		key, err := apps.Activation(args[0], args[1]).RevealAPIKey(cmd.Context())
		if err != nil {
			return fmt.Errorf("reveal: %w", err)
		}
		// First the record, then the key: never one that nobody knows of.
		log.Info("revealed an API key", zap.String("agent", args[0]), zap.String("activation", args[1]), zap.String("by", operator.ThisUser()))
		return p.say(cmd, "%s\n", key)
	}
	return reveal
}
