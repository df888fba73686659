package signalbox

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Account returns the Offload account of the case. It needs a running worker only for a case that another kind of client has just
// started.
func (c *Case) Account(ctx context.Context) (string, error) {
	description, err := c.client.temporal.DescribeWorkflow(ctx, c.WorkflowID(), "")
	if err != nil {
		return "", translate(c.op("read"), err)
	}
	account, published := description.TypedSearchAttributes.GetKeyword(temporal.NewSearchAttributeKeyKeyword(workflows.SearchAttributeAccount))
	if published {
		return account, nil
	}
	state, err := c.State(ctx)
	return state.Account, err
}

// FilesNow returns where the files of the case are now, without waiting for files that are not stored yet. It fails with ErrNoFiles if no
// workflow stores files of the case. It needs a running worker.
func (c *Case) FilesNow(ctx context.Context) (workflows.CaseFiles, error) {
	var files workflows.CaseFiles
	err := c.client.state(ctx, c.op("read the files of"), workflows.OffloadFilesWorkflowID(c.reference), &files)
	var never *serviceerror.NotFound
	if errors.As(err, &never) {
		return files, fmt.Errorf("%s: %w: %w", c.op("read the files of"), ErrNoFiles, never)
	}
	return files, err
}
