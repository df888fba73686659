package main

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/worker"
)

// promoteTimeout bounds the wait for workers that have just been started.
const promoteTimeout = 2 * time.Minute

func (p process) workerVersions() *cobra.Command {
	var asJSON bool
	var deployment string
	versions := &cobra.Command{
		Use:   "versions",
		Short: "Show the versions of the workers, and choose which of them get tasks",
		Long: `Show the versions of the workers, and choose which of them get tasks.

A version is a build, TEMPORAL_WORKER_BUILD_ID, of a deployment, TEMPORAL_DEPLOYMENT_NAME. Its state is one of: current (new and running
workflows go to it), ramping (a share of them does), draining (it was one of the two), drained (its workers can be stopped), never current
(its workers get no tasks). The number beside a queue is how many pollers Temporal knows; it forgets a poller five minutes after its last poll.`,
		Args: cobra.NoArgs,
	}
	load := p.settingsFlags(versions)
	// with calls f with the deployment.
	with := func(cmd *cobra.Command, timeout time.Duration, f func(context.Context, worker.Deployment) error) error {
		settings, err := load()
		if err != nil {
			return err
		}
		deployment = cmp.Or(deployment, settings.DeploymentName, config.DefaultDeployment)
		ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
		defer cancel()
		var temporal client.Client
		var options client.Options
		if temporal, options, err = p.dial(ctx); err != nil {
			return err
		}
		defer temporal.Close()
		return f(ctx, worker.NewDeployment(temporal, options.Namespace, deployment))
	}
	versions.RunE = func(cmd *cobra.Command, _ []string) error {
		return with(cmd, checkTimeout, func(ctx context.Context, d worker.Deployment) error {
			all, err := d.Versions(ctx)
			if err != nil {
				return err
			}
			if asJSON {
				return p.showJSON(cmd, all)
			}
			return p.list(cmd, []string{"BUILD", "STATE", "SINCE", "POLLERS"}, versionRows(all))
		})
	}
	jsonFlag(versions, &asJSON)

	var timeout time.Duration
	setCurrent := &cobra.Command{
		Use:   "set-current BUILD",
		Short: "Give all workflows to a build, once its workers poll every queue of the current one",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return with(cmd, timeout, func(ctx context.Context, d worker.Deployment) error {
				if err := d.SetCurrent(ctx, args[0]); err != nil {
					return err
				}
				return p.say(cmd, "build %s of deployment %s is current\n", args[0], deployment)
			})
		},
	}
	setRamping := &cobra.Command{
		Use:   "set-ramping BUILD PERCENT",
		Short: "Give a share of the workflows to a build, 0 to 100 percent; 0 ends the ramp",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			percent, err := strconv.ParseFloat(args[1], 32)
			if err != nil || !(percent >= 0 && percent <= 100) {
				return &commandLineError{cmd, fmt.Errorf("PERCENT: %q: want a number from 0 to 100", args[1])}
			}
			return with(cmd, timeout, func(ctx context.Context, d worker.Deployment) error {
				if err := d.SetRamping(ctx, args[0], float32(percent)); err != nil {
					return err
				}
				return p.say(cmd, "build %s of deployment %s gets %g %% of the workflows\n", args[0], deployment, percent)
			})
		},
	}
	for _, change := range []*cobra.Command{setCurrent, setRamping} {
		change.Flags().DurationVar(&timeout, "timeout", promoteTimeout, "how long to wait for the build's workers")
	}
	for _, command := range []*cobra.Command{versions, setCurrent, setRamping} {
		command.Flags().StringVar(&deployment, "deployment", "", "the deployment; TEMPORAL_DEPLOYMENT_NAME by default, or "+config.DefaultDeployment)
	}
	versions.AddCommand(setCurrent, setRamping)
	return versions
}

func versionRows(all []worker.Version) [][]string {
	rows := make([][]string, 0, len(all))
	for _, v := range all {
		state := string(v.State)
		if v.State == worker.VersionRamping {
			state = fmt.Sprintf("%s %g %%", state, v.RampPercent)
		}
		queues := make([]string, 0, len(v.Queues))
		for _, q := range v.Queues {
			queues = append(queues, fmt.Sprintf("%s %d", q, q.Pollers))
		}
		rows = append(rows, []string{v.BuildID, state, v.Since.UTC().Format(time.RFC3339), strings.Join(queues, ", ")})
	}
	return rows
}
