package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

func (p process) webhook() *cobra.Command {
	webhook := &cobra.Command{Use: "webhook", Short: "Print webhook URLs and send test webhooks", Args: cobra.NoArgs}
	webhook.AddCommand(p.webhookURL(), p.webhookSend())
	return webhook
}

func (p process) webhookURL() *cobra.Command {
	command := &cobra.Command{
		Use:   "url REFERENCE",
		Short: "Print the capability URL of a case, which lets its holder post the case's events",
		Args:  cobra.ExactArgs(1),
	}
	settings := p.settingsFlags(command, "config", "keyring", "public-url")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		read, err := settings()
		if err != nil {
			return err
		}
		url, err := capabilityURL(read, args[0])
		if err != nil {
			return err
		}
		return p.say(cmd, "%s\n", url)
	}
	return command
}

// capabilityURL returns the URL that posts the events of a case.
func capabilityURL(settings config.Config, reference string) (string, error) {
	ring, err := readKeyring(settings.Keyring)
	if err != nil {
		return "", err
	}
	if settings.PublicURL == "" {
		return "", fmt.Errorf("%w: --public-url (SIGNALBOX_PUBLIC_URL): set it to where providers reach the ingress", errUsage)
	}
	apps, err := signalbox.New(nil, signalbox.Options{Keyring: ring, PublicURL: settings.PublicURL})
	if err != nil {
		return "", err
	}
	return apps.WebhookURL(reference)
}
