package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/signalbox-dev/signalbox/worker"
)

// minRetention is how long Temporal must keep a closed case, so that its reference is refused a second time.
const minRetention = 30 * 24 * time.Hour

func (p process) setup() *cobra.Command {
	var (
		createNamespace bool
		timeout         time.Duration
	)
	setup := &cobra.Command{
		Use:   "setup",
		Short: "Register the search attributes in the Temporal namespace and wait until they are usable",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			temporal, options, err := p.dial(ctx)
			if err != nil {
				return err
			}
			defer temporal.Close()
			if createNamespace {
				if err := ensureNamespace(ctx, temporal, options.Namespace); err != nil {
					return err
				}
			}
			var added []string
			// A new namespace is usable after some seconds only.
			if err := retry(ctx, createNamespace, func() (err error) {
				added, err = worker.Setup(ctx, temporal, options.Namespace)
				return err
			}); err != nil {
				return err
			}
			if err := retry(ctx, createNamespace, func() error { return worker.Usable(ctx, temporal, options.Namespace) }); err != nil {
				return err
			}
			if len(added) == 0 {
				return p.say(cmd, "namespace %s has everything already\n", options.Namespace)
			}
			return p.say(cmd, "namespace %s now has %s\n", options.Namespace, strings.Join(added, ", "))
		},
	}
	setup.Flags().BoolVar(&createNamespace, "create-namespace", false, "create the namespace if it is missing, with a retention of 30 days")
	setup.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long the setup may take")
	return setup
}

func ensureNamespace(ctx context.Context, temporal client.Client, namespace string) error {
	_, err := temporal.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace:                        namespace,
		WorkflowExecutionRetentionPeriod: durationpb.New(minRetention),
	})
	if err != nil && !errors.As(err, new(*serviceerror.NamespaceAlreadyExists)) {
		return fmt.Errorf("create namespace %q: %w", namespace, err)
	}
	return nil
}

// retry calls a function until it succeeds or ctx ends, and then returns the last error. A refused key is final, and so is a missing namespace unless this
// command created it.
func retry(ctx context.Context, created bool, try func() error) error {
	pause := time.NewTicker(250 * time.Millisecond)
	defer pause.Stop()
	for {
		err := try()
		if err == nil || errors.Is(err, worker.ErrNotReady) || accessDenied(err) || !created && errors.As(err, new(*serviceerror.NamespaceNotFound)) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-pause.C:
		}
	}
}
