package signalbox

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Account is the Offload account of the case. It needs a running worker only where a client of another kind has just started the case.
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

// FilesNow says where the files of the case are now, without waiting for those that are still to be stored. It fails with ErrNoFiles where
// nothing stores any, and needs a running worker.
func (c *Case) FilesNow(ctx context.Context) (workflows.CaseFiles, error) {
	var files workflows.CaseFiles
	err := c.client.state(ctx, c.op("read the files of"), workflows.OffloadFilesWorkflowID(c.reference), &files)
	var never *serviceerror.NotFound
	if errors.As(err, &never) {
		return files, fmt.Errorf("%s: %w: %w", c.op("read the files of"), ErrNoFiles, never)
	}
	return files, err
}
