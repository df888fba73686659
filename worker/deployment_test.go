package worker_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/worker"
)

// The client of a Temporal with one version of one deployment.
type (
	versionClient struct {
		client.Client
		info client.WorkerDeploymentVersionInfo
	}
	versionDeployments struct {
		client.WorkerDeploymentClient
		info client.WorkerDeploymentVersionInfo
	}
	versionHandle struct {
		client.WorkerDeploymentHandle
		info client.WorkerDeploymentVersionInfo
	}
)

func (c versionClient) WorkerDeploymentClient() client.WorkerDeploymentClient {
	return versionDeployments{info: c.info}
}

func (d versionDeployments) GetHandle(string) client.WorkerDeploymentHandle {
	return versionHandle{info: d.info}
}

func (h versionHandle) DescribeVersion(context.Context, client.WorkerDeploymentDescribeVersionOptions) (client.WorkerDeploymentVersionDescription, error) {
	return client.WorkerDeploymentVersionDescription{Info: h.info}, nil
}

func TestOnlyACurrentARampingOrADrainingVersionGetsTasks(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)
	drainage := func(status client.WorkerDeploymentVersionDrainageStatus) client.WorkerDeploymentVersionInfo {
		return client.WorkerDeploymentVersionInfo{DrainageInfo: &client.WorkerDeploymentVersionDrainageInfo{DrainageStatus: status}}
	}
	for name, c := range map[string]struct {
		info client.WorkerDeploymentVersionInfo
		want error
	}{
		"current":                   {client.WorkerDeploymentVersionInfo{CurrentSinceTime: since}, nil},
		"ramping":                   {client.WorkerDeploymentVersionInfo{RampingSinceTime: since}, nil},
		"draining":                  {drainage(client.WorkerDeploymentVersionDrainageStatusDraining), nil},
		"drained":                   {drainage(client.WorkerDeploymentVersionDrainageStatusDrained), worker.ErrNoTasks},
		"never current":             {client.WorkerDeploymentVersionInfo{}, worker.ErrNoTasks},
		"drainage without a status": {drainage(client.WorkerDeploymentVersionDrainageStatusUnspecified), worker.ErrNoTasks},
	} {
		require.ErrorIs(t, worker.CheckGetsTasks(t.Context(), versionClient{info: c.info}, "signalbox", "build-2"), c.want, name)
	}
}
