package worker

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

// ErrNoTasks says that Temporal gives no tasks to the workers of a version: it is neither current nor ramping nor draining.
var ErrNoTasks = errors.New("workers of this version get no tasks")

// CheckVersion returns ErrNoTasks for a version that was never current or that is drained. Temporal does not report this to the workers, which
// wait for ever.
func CheckVersion(ctx context.Context, temporal client.Client, deploymentName, buildID string) error {
	version, err := temporal.WorkerDeploymentClient().GetHandle(deploymentName).
		DescribeVersion(ctx, client.WorkerDeploymentDescribeVersionOptions{BuildID: buildID})
	var missing *serviceerror.NotFound
	switch {
	case errors.As(err, &missing):
		return fmt.Errorf("%w: deployment %q has no version %q yet: none of its workers has polled", ErrNoTasks, deploymentName, buildID)
	case err != nil:
		return fmt.Errorf("describe version %q of deployment %q: %w", buildID, deploymentName, err)
	}
	info := version.Info
	draining := info.DrainageInfo != nil && info.DrainageInfo.DrainageStatus == client.WorkerDeploymentVersionDrainageStatusDraining
	if info.CurrentSinceTime.IsZero() && info.RampingSinceTime.IsZero() && !draining {
		return fmt.Errorf("%w: version %q of deployment %q is neither current nor ramping nor draining", ErrNoTasks, buildID, deploymentName)
	}
	return nil
}

// MakeCurrent returns the command that makes a version current. The command waits until the version's workers poll every queue.
func MakeCurrent(namespace, deploymentName, buildID string) string {
	return fmt.Sprintf("TEMPORAL_NAMESPACE=%q signalbox worker versions set-current --deployment %q %q", namespace, deploymentName, buildID)
}
