// Package setting runs commands, and reports settings and command lines that can't be used. FreeAddress finds a free port for a process.
package setting

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// ErrWrong says that a setting is wrong. The commands then end with status 2.
var ErrWrong = errors.New("wrong setting")

// NoArgs refuses arguments of a command that has flags only.
func NoArgs(command *cobra.Command, args []string) error {
	if err := cobra.NoArgs(command, args); err != nil {
		return fmt.Errorf("%w: %w", ErrWrong, err)
	}
	return nil
}

// Run runs a command, writes its error to errOut, and returns the exit status: 2 for a wrong setting, 1 for another error.
func Run(ctx context.Context, command *cobra.Command, args []string, out, errOut io.Writer) int {
	command.SilenceUsage, command.SilenceErrors = true, true
	command.SetArgs(args)
	command.SetOut(out)
	command.SetErr(errOut)
	command.SetFlagErrorFunc(FlagError)
	err := command.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	// A failed write to standard error can't be reported.
	_, _ = fmt.Fprintf(errOut, "%s: %v\n", command.Name(), err)
	if errors.Is(err, ErrWrong) {
		return 2
	}
	return 1
}

// FlagError refuses the flags of a command line, and names the command's help.
func FlagError(command *cobra.Command, err error) error {
	return fmt.Errorf("%w: %w\nsee `%s --help`", ErrWrong, WithSimilarFlags(command, err), command.CommandPath())
}

// WithSimilarFlags adds the flags with names like that of an unknown one.
func WithSimilarFlags(command *cobra.Command, err error) error {
	unknown, ok := errors.AsType[*pflag.NotExistError](err)
	if !ok {
		return err
	}
	var names []string
	command.Flags().VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
	return fmt.Errorf("%w%s", err, DidYouMean("--", SimilarNames(names, unknown.GetSpecifiedName())))
}

// Similar returns the names of subcommands that begin with a name or are two typing mistakes from it.
func Similar(command *cobra.Command, name string) []string {
	command.SuggestionsMinimumDistance = 2
	return command.SuggestionsFor(name)
}

// SimilarNames returns those of the names that begin with a name or are two typing mistakes from it.
func SimilarNames(names []string, name string) []string {
	commands := &cobra.Command{}
	for _, one := range names {
		commands.AddCommand(&cobra.Command{Use: one, Run: func(*cobra.Command, []string) {}})
	}
	return Similar(commands, name)
}

// DidYouMean asks whether one of the names was meant; it is empty without names.
func DidYouMean(before string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return ": did you mean " + before + strings.Join(names, " or "+before) + "?"
}

// Listen opens a listener. Its error names the setting and what to do.
func Listen(setting, address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%w: %s: another process listens on %s: stop it, or give another address (127.0.0.1:0 picks a free port)", ErrWrong, setting, address)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w: want an address of this machine, such as 127.0.0.1:8080", ErrWrong, setting, err)
	}
	return listener, nil
}
