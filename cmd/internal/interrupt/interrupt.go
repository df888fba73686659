// Package interrupt ends a process in order at its first signal, and at once at the second.
package interrupt

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Context returns a context that ends at SIGINT or SIGTERM. A signal for which ignore is true is left out; ignore may be nil. Once the context
// has ended, the next signal ends the process at once.
func Context(parent context.Context, ignore func(os.Signal) bool) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		defer cancel()
		// Before cancel: a signal between the two would have no effect.
		defer signal.Stop(signals)
		for {
			select {
			case <-ctx.Done():
				return
			case received := <-signals:
				if ignore == nil || !ignore(received) {
					return
				}
			}
		}
	}()
	return ctx, cancel
}
