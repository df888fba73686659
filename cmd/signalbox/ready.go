package main

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// errNotReady says that a process answers that it is not ready, or does not answer.
var errNotReady = errors.New("not ready")

const (
	// readyTimeout bounds the request.
	readyTimeout    = 5 * time.Second
	defaultReadyURL = "http://127.0.0.1:8080/readyz"
)

// ready returns a command for health checks of containers, whose image has no other program.
func (p process) ready() *cobra.Command {
	return &cobra.Command{
		Use:   "ready [URL]",
		Short: "Check whether a process is ready, by the URL of its /readyz; exit status 0 or 6",
		Long: `Check whether a process is ready, by the URL of its /readyz; exit status 0 or 6. Without a URL it asks ` + defaultReadyURL + `, the public
listener of an ingress. A worker has only the internal listener: name that, such as http://127.0.0.1:8082/readyz.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			url := defaultReadyURL
			if len(args) > 0 {
				url = args[0]
			}
			request, err := http.NewRequestWithContext(cmd.Context(), http.MethodGet, url, nil)
			if err != nil {
				return usage(err)
			}
			client := http.Client{Timeout: readyTimeout}
			response, err := client.Do(request)
			if err != nil {
				return fmt.Errorf("%w: %w", errNotReady, err)
			}
			defer func() { _ = response.Body.Close() }() // only its status counts
			if response.StatusCode != http.StatusOK {
				return fmt.Errorf("%w: %s answers %s", errNotReady, url, response.Status)
			}
			return p.say(cmd, "ready\n")
		},
	}
}
