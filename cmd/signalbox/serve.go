package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/buildinfo"
	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/cmd/internal/service"
)

func (p process) serve() *cobra.Command {
	return p.service("serve", "Run everything in one process: ingress, relay and workers", config.Ingress|config.Worker)
}

func (p process) ingress() *cobra.Command {
	return p.service("ingress", "Run the ingress and the relay: receive webhooks, store them, signal workflows", config.Ingress)
}

func (p process) worker() *cobra.Command {
	command := p.service("worker", "Run the workers: workflows and the activities that call providers", config.Worker)
	command.AddCommand(p.workerVersions())
	return command
}

// service returns a command that runs parts of Signalbox until a signal stops it.
func (p process) service(name, short string, parts config.Part) *cobra.Command {
	command := &cobra.Command{
		Use:   name,
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := config.Load(cmd.Flags(), p.settings)
			if err != nil {
				return usage(err)
			}
			if err := settings.Validate(parts); err != nil {
				// A misspelt variable may be the cause of a missing setting.
				return usage(errors.Join(err, warnings(settings)))
			}
			ring, err := readKeyring(settings.Keyring)
			if err != nil {
				return err
			}
			payloads, err := readPayloadKeys(settings.PayloadKeys)
			if err != nil {
				return err
			}
			temporal, err := p.temporal.Options()
			if err != nil {
				return usage(err)
			}
			log, err := logging.New(cmd.ErrOrStderr(), settings.LogLevel, settings.LogFormat)
			if err != nil {
				return usage(err)
			}
			log.Info("starts", zap.String("command", name), zap.String("version", buildinfo.Version()))
			for _, warning := range settings.Unknown {
				log.Warn(warning)
			}
			return service.Run(cmd.Context(), service.Settings{
				Config:   settings,
				Parts:    parts,
				Keyring:  ring,
				Payloads: payloads,
				Temporal: temporal,
				Log:      log,
			})
		},
	}
	config.Flags(command.Flags(), parts)
	return command
}

// warnings returns an error with the warnings about the settings; nil if there are none.
func warnings(settings config.Config) error {
	if len(settings.Unknown) == 0 {
		return nil
	}
	return errors.New(strings.Join(settings.Unknown, "\n"))
}

// usage marks an error as errUsage.
func usage(err error) error { return fmt.Errorf("%w:\n%w", errUsage, err) }
