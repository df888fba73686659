package offloadfiles

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/offloadfiles/lifecycle"
)

// Input is the workflow's input. Clients send the FilesStart only; Carried is set when the workflow continues as new.
type Input struct {
	workflows.FilesStart
	Carried *lifecycle.State `json:"carried,omitempty"`
}

// Workflow is the workflow; register it as workflows.OffloadFilesWorkflow. A file that can't be stored is part of the result, not an
// error. An invalid start is an error of type workflows.ErrTypeInvalidArgument or workflows.ErrTypeWorkflowID.
func Workflow(ctx workflow.Context, in Input) (workflows.CaseFiles, error) {
	return execute(ctx, in, 0)
}

// ContinuingAfter returns a Workflow that continues as new after the given number of steps (results of calls, updates, due times). Tests use it to
// find state that is not carried over.
func ContinuingAfter(steps int) func(workflow.Context, Input) (workflows.CaseFiles, error) {
	return func(ctx workflow.Context, in Input) (workflows.CaseFiles, error) {
		return execute(ctx, in, steps)
	}
}

// run is one run of the workflow.
type run struct {
	*entity.Run
	f lifecycle.Files

	attachments []storeAttachment
	result      storeResult
	handOff     entity.HandOff
}

// execute runs the whole workflow and returns its result.
func execute(ctx workflow.Context, in Input, continueAfter int) (workflows.CaseFiles, error) {
	r := &run{Run: entity.Start(ctx, continueAfter)}
	r.ApplyWaiting = r.applyResults // a file that is stored by now is not given up by a cancellation
	if in.Carried == nil {
		if err := r.begin(in.FilesStart); err != nil {
			return workflows.CaseFiles{}, err
		}
	} else {
		entity.CheckVersion(in.Carried.Version, versionCurrent)
		r.f = lifecycle.Files{Start: in.FilesStart, State: *in.Carried}
	}
	r.f.State.Version = r.BeginVersion(versionCurrent)
	if err := r.registerHandlers(); err != nil {
		return workflows.CaseFiles{}, err
	}
	return r.loop()
}

// begin checks the start and begins the storing. Only the first run checks its start: a running workflow goes on, even if newer code has
// stricter limits.
func (r *run) begin(start workflows.FilesStart) error {
	if err := start.Validate(); err != nil {
		return temporal.NewNonRetryableApplicationError(err.Error(), workflows.ErrTypeInvalidArgument, nil)
	}
	if err := r.CheckID(workflows.OffloadFilesWorkflowID(start.Reference)); err != nil {
		return err
	}
	r.f = lifecycle.Begin(start, r.Now())
	return nil
}
