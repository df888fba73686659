package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// argumentError names the argument that is missing or too much, by the names in the command's Use, or the unknown subcommand.
func argumentError(command *cobra.Command, args []string, err error) error {
	if command.HasSubCommands() && len(args) > 0 {
		return fmt.Errorf("unknown command %q%s", args[0], didYouMean("", similar(command, args[0])))
	}
	use, _, _ := strings.Cut(command.Use, " -") // without flags
	names := strings.Fields(use)[1:]
	switch {
	case len(args) < len(names) && !strings.HasPrefix(names[len(args)], "["):
		return fmt.Errorf("%s is missing", names[len(args)])
	case len(args) > len(names):
		return fmt.Errorf("unexpected argument %q", args[len(names)])
	}
	return err
}

// flagError adds the flags with names like that of an unknown one.
func flagError(command *cobra.Command, err error) error {
	unknown := (*pflag.NotExistError)(nil)
	if !errors.As(err, &unknown) {
		return err
	}
	flags := &cobra.Command{}
	command.Flags().VisitAll(func(flag *pflag.Flag) {
		flags.AddCommand(&cobra.Command{Use: flag.Name, Run: func(*cobra.Command, []string) {}})
	})
	return fmt.Errorf("%w%s", err, didYouMean("--", similar(flags, unknown.GetSpecifiedName())))
}

// similar returns the names of subcommands that begin with a name or are two typing mistakes from it.
func similar(command *cobra.Command, name string) []string {
	command.SuggestionsMinimumDistance = 2
	return command.SuggestionsFor(name)
}

func didYouMean(before string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return ": did you mean " + before + strings.Join(names, " or "+before) + "?"
}
