package offloadfiles

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/offloadfiles/lifecycle"
)

// Input is a workflows.FilesStart, which is all that a client sends. Carried is set when the workflow continues as new.
type Input struct {
	workflows.FilesStart
	Carried *lifecycle.State `json:"carried,omitempty"`
}

// Workflow is to be registered as workflows.OffloadFilesWorkflow. A file that can't be stored is a result and no error; an error of type
// workflows.ErrTypeInvalidArgument says that the start can't be carried out, workflows.ErrTypeWorkflowID that it has the wrong workflow ID.
func Workflow(ctx workflow.Context, in Input) (workflows.CaseFiles, error) {
	return start(ctx, in, 0)
}

// ContinuingAfter is Workflow, except that it continues as new whenever it has taken in that many things: results of calls, updates, the
// passing of a due time. Tests use it to find what is not carried.
func ContinuingAfter(steps int) func(workflow.Context, Input) (workflows.CaseFiles, error) {
	return func(ctx workflow.Context, in Input) (workflows.CaseFiles, error) {
		return start(ctx, in, steps)
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

func start(ctx workflow.Context, in Input, continueAfter int) (workflows.CaseFiles, error) {
	r := &run{Run: entity.Start(ctx, continueAfter)}
	if in.Carried == nil {
		if err := r.begin(in.FilesStart); err != nil {
			return workflows.CaseFiles{}, err
		}
	} else {
		entity.CheckVersion(in.Carried.Version, versionNewest)
		r.f = lifecycle.Files{Start: in.FilesStart, State: *in.Carried}
	}
	if err := errors.Join(r.handleState(), r.handleCancel()); err != nil {
		return workflows.CaseFiles{}, err
	}
	return r.live()
}

func (r *run) begin(start workflows.FilesStart) error {
	if err := start.Validate(); err != nil {
		return temporal.NewNonRetryableApplicationError(err.Error(), workflows.ErrTypeInvalidArgument, err)
	}
	if err := r.CheckID(workflows.OffloadFilesWorkflowID(start.Reference)); err != nil {
		return err
	}
	r.f = lifecycle.Begin(start, r.Now())
	r.f.State.Version = versionNewest
	return nil
}
