package signalbox

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/workflowservice/v1"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Resealed counts the running activations by what ResealAPIKeys found.
type Resealed struct {
	// Resealed were sealed by an older key; in a dry run they still are. Current are sealed by the newest, Keyless hold no API key.
	Resealed, Current, Keyless int
	// Failed are still sealed as they were.
	Failed int
}

// ResealOptions say how ResealAPIKeys works.
type ResealOptions struct {
	// DryRun counts, and changes nothing.
	DryRun bool
	// Failed, where set, is called for each activation whose key could not be sealed anew. The others go on.
	Failed func(workflowID string, err error)
}

const activationsPerPage = 500

// ResealAPIKeys seals the API key of every running activation anew that was sealed by an older key of the keyring, so that this one can be
// retired. It may be repeated and broken off at any time. An activation that starts meanwhile is sealed by what its ingress runs with:
// first every process must have the new keys. It fails when Temporal or its workers are away; what was done until then stays.
func (c *Client) ResealAPIKeys(ctx context.Context, options ResealOptions) (Resealed, error) {
	var done Resealed
	if c.keyring == nil {
		return done, fmt.Errorf("reseal API keys: %w", ErrNoKeyring)
	}
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Query:    fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running'", workflows.ArtmailActivationWorkflow),
		PageSize: activationsPerPage,
	}
	for {
		page, err := c.temporal.ListWorkflow(ctx, request)
		if err != nil {
			return done, translate("list running activations", err)
		}
		for _, execution := range page.GetExecutions() {
			workflowID := execution.GetExecution().GetWorkflowId()
			err := c.reseal(ctx, workflowID, options.DryRun, &done)
			switch {
			case err == nil, errors.Is(err, ErrEnded), errors.Is(err, ErrNotFound): // it has ended since it was listed, with its key
			case errors.Is(err, ErrUnavailable), ctx.Err() != nil:
				return done, err
			default:
				done.Failed++
				if options.Failed != nil {
					options.Failed(workflowID, err)
				}
			}
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return done, nil
		}
	}
}

// reseal counts one activation. A workflow ID does not always hold the activationId, to which the key is bound; the state does.
func (c *Client) reseal(ctx context.Context, workflowID string, dryRun bool, done *Resealed) error {
	op := "reseal API key of " + workflowID
	var state workflows.ActivationState
	if err := c.state(ctx, op, workflowID, &state); err != nil {
		return err
	}
	switch sealed := state.SealedAPIKey; {
	case len(sealed) == 0:
		done.Keyless++
		return nil
	case c.keyring.SealedByCurrent(sealed):
		done.Current++
		return nil
	}
	key, err := c.openAPIKey(state.Agent, state.ActivationID, state.SealedAPIKey)
	if err != nil {
		return err
	}
	if !dryRun {
		again, err := c.keyring.Seal([]byte(key), workflows.APIKeyContext(state.Agent, state.ActivationID)...)
		if err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		var receipt workflows.APIKeyReceipt
		err = c.update(ctx, op, workflowID, workflows.UpdateResealAPIKey, &receipt,
			workflows.ResealAPIKey{SealedAPIKey: again, Replaces: state.SealedAPIKey})
		if err != nil {
			return err
		}
	}
	done.Resealed++
	return nil
}
