// Package setting reports settings that can't be used.
package setting

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/spf13/cobra"
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
