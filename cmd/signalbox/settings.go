package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
)

// settingsFlags gives a command those flags of the processes that it uses itself, and returns what reads the settings: variables count
// as they do for a process.
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
			// Nothing is left to do where even this can't be written.
			_, _ = fmt.Fprintf(command.ErrOrStderr(), "signalbox: %s\n", printable(warning))
		}
		return settings, nil
	}
}
