package main

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/worker"
)

// promoteTimeout bounds the wait for workers that have just been started.
const promoteTimeout = 2 * time.Minute

func (p process) workerVersions() *cobra.Command {
	var asJSON bool
	versions := &cobra.Command{
		Use:   "versions",
		Short: "Show the versions of the workers, and choose which of them get tasks",
		Long: `Show the versions of the workers, and choose which of them get tasks.

A version is a build, TEMPORAL_WORKER_BUILD_ID, of a deployment, TEMPORAL_DEPLOYMENT_NAME. Its state is one of: current (new and running
workflows go to it), ramping (a share of them does), draining (it was one of the two), drained (its workers can be stopped), never current
(its workers get no tasks). The number beside a queue is how many pollers Temporal knows; it forgets a poller five minutes after its last poll.`,
		Args: cobra.NoArgs,
	}
	with := p.withDeployment(versions)
	versions.RunE = func(cmd *cobra.Command, _ []string) error {
		return with(checkTimeout, func(ctx context.Context, d worker.Deployment, _ string) error {
			all, err := d.Versions(ctx)
			if err != nil {
				return err
			}
			return p.list(cmd, asJSON, all, []string{"BUILD", "STATE", "SINCE", "POLLERS"}, versionRows(all))
		})
	}
	jsonFlag(versions, &asJSON)
	versions.AddCommand(p.versionSetCurrent(), p.versionSetRamping())
	return versions
}

func (p process) versionSetCurrent() *cobra.Command {
	var timeout time.Duration
	setCurrent := &cobra.Command{
		Use:   "set-current BUILD",
		Short: "Give all workflows to a build, once its workers poll every queue of the current one",
		Args:  cobra.ExactArgs(1),
	}
	with := p.withDeployment(setCurrent)
	setCurrent.RunE = func(cmd *cobra.Command, args []string) error {
		return with(timeout, func(ctx context.Context, d worker.Deployment, name string) error {
			if err := d.SetCurrent(ctx, args[0]); err != nil {
				return err
			}
			return p.say(cmd, "build %s of deployment %s is current\n", args[0], name)
		})
	}
	promoteFlag(setCurrent, &timeout)
	return setCurrent
}

func (p process) versionSetRamping() *cobra.Command {
	var timeout time.Duration
	setRamping := &cobra.Command{
		Use:   "set-ramping BUILD PERCENT",
		Short: "Give a share of the workflows to a build, 0 to 100 percent; 0 ends the ramp",
		Args:  cobra.ExactArgs(2),
	}
	with := p.withDeployment(setRamping)
	setRamping.RunE = func(cmd *cobra.Command, args []string) error {
		percent, err := strconv.ParseFloat(args[1], 32)
		if err != nil || !(percent >= 0 && percent <= 100) {
			return &commandLineError{cmd, fmt.Errorf("PERCENT: %q: want a number from 0 to 100", args[1])}
		}
		return with(timeout, func(ctx context.Context, d worker.Deployment, name string) error {
			if err := d.SetRamping(ctx, args[0], float32(percent)); err != nil {
				return err
			}
			return p.say(cmd, "build %s of deployment %s gets %g %% of the workflows\n", args[0], name, percent)
		})
	}
	promoteFlag(setRamping, &timeout)
	return setRamping
}

// withDeployment adds the flag --deployment to a command. It returns a function that calls do with that deployment, or that of the settings, and
// its name.
func (p process) withDeployment(command *cobra.Command) func(timeout time.Duration, do func(ctx context.Context, d worker.Deployment, name string) error) error {
	var deployment string
	command.Flags().StringVar(&deployment, "deployment", "", "the deployment; TEMPORAL_DEPLOYMENT_NAME by default, or "+config.DefaultDeployment)
	load := p.settingsFlags(command)
	return func(timeout time.Duration, do func(context.Context, worker.Deployment, string) error) error {
		settings, err := load()
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(command.Context(), timeout)
		defer cancel()
		temporal, options, err := p.dial(ctx)
		if err != nil {
			return err
		}
		defer temporal.Close()
		name := cmp.Or(deployment, settings.DeploymentName, config.DefaultDeployment)
		return do(ctx, worker.NewDeployment(temporal, options.Namespace, name), name)
	}
}

// promoteFlag adds the flag --timeout to a command that waits for the workers of a build.
func promoteFlag(command *cobra.Command, timeout *time.Duration) {
	command.Flags().DurationVar(timeout, "timeout", promoteTimeout, "how long to wait for the build's workers")
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
