package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
)

// settingsFlags adds some flags of the processes to a command, and returns a function that reads the settings from flags and variables, as a
// process does.
func (p process) settingsFlags(command *cobra.Command, names ...string) func() (config.Config, error) {
	all := pflag.NewFlagSet(command.Name(), pflag.ContinueOnError)
	config.Flags(all, config.Ingress|config.Worker)
	for _, name := range names {
		command.Flags().AddFlag(all.Lookup(name))
	}
	return func() (config.Config, error) {
		settings, err := config.Load(all, p.settings)
		if err != nil {
			return settings, usage(err)
		}
		for _, warning := range settings.Unknown {
			p.hint(command, "%s", printable(warning))
		}
		return settings, nil
	}
}
