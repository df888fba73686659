package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"

	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/ingress/api"
)

// argumentError names the argument that is missing or too much, by the names in the command's Use, or the unknown subcommand.
func argumentError(command *cobra.Command, args []string, err error) error {
	if command.HasSubCommands() && len(args) > 0 {
		return fmt.Errorf("unknown command %q%s", args[0], setting.DidYouMean("", setting.Similar(command, args[0])))
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

// mistake returns the text of an error, with the flags for the parameters that the API refuses, and what to do about a missing namespace.
func mistake(command *cobra.Command, err error) string {
	text := err.Error()
	if refused, ok := errors.AsType[*api.Refusal](err); ok {
		for _, one := range refused.Errors {
			parameter, _, _ := strings.Cut(one.Field, "[")
			flag := upper.ReplaceAllStringFunc(parameter, func(letter string) string { return "-" + strings.ToLower(letter) })
			if command.Flags().Changed(flag) {
				text = strings.Replace(text, one.Field+": ", "--"+flag+": ", 1)
			}
		}
	}
	if errors.As(err, new(*serviceerror.NamespaceNotFound)) {
		text += ": `signalbox setup --create-namespace` makes it"
	}
	return text
}

var upper = regexp.MustCompile(`[A-Z]`)
