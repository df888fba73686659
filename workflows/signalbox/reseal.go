package signalbox

import (
	"context"
	"errors"
	"fmt"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Resealed is the result of ResealAPIKeys: numbers of running activations.
type Resealed struct {
	// Resealed were sealed with an older key; a dry run counts them and leaves them so. Current are sealed with the newest key. Keyless hold
	// no API key.
	Resealed, Current, Keyless int
	// Failed are still sealed with an older key, because of an error.
	Failed int
}

// ResealOptions configure ResealAPIKeys.
type ResealOptions struct {
	// DryRun counts activations and changes nothing.
	DryRun bool
	// Failed, if not nil, is called for each activation that could not be resealed. The others go on.
	Failed func(workflowID string, err error)
}

const activationsPerPage = 500

// ResealAPIKeys reseals the API keys of all running activations with the newest key of the keyring, so that older keys of the keyring can
// be retired. It may be interrupted and repeated at any time. Give every process the new keyring first: an ingress with the old one would
// seal the keys of new activations with an old key. ResealAPIKeys fails when Temporal or its workers are unavailable; what it has done
// until then stays.
func (c *Client) ResealAPIKeys(ctx context.Context, options ResealOptions) (Resealed, error) {
	var done Resealed
	if c.keyring == nil {
		return done, fmt.Errorf("reseal API keys: %w", ErrNoKeyring)
	}
	running := conditions{typeIs(workflows.ArtmailActivationWorkflow), "ExecutionStatus = 'Running'"}
	var token []byte
	for {
		page, next, err := c.list(ctx, "list running activations", running, activationsPerPage, token)
		if err != nil {
			return done, err
		}
		for _, e := range page {
			err := c.reseal(ctx, e.WorkflowID, options.DryRun, &done)
			switch {
			case err == nil, errors.Is(err, ErrEnded), errors.Is(err, ErrNotFound): // the activation has ended since it was listed, and dropped its key
			case errors.Is(err, ErrUnavailable) && !concernsOneWorkflow(err), ctx.Err() != nil:
				return done, err
			default:
				done.Failed++
				if options.Failed != nil {
					options.Failed(e.WorkflowID, err)
				}
			}
		}
		if token = next; len(token) == 0 {
			return done, nil
		}
	}
}

// reseal reseals and counts one activation. The key is bound to the activationId, which the state always has, but the workflow ID does
// not.
func (c *Client) reseal(ctx context.Context, workflowID string, dryRun bool, done *Resealed) error {
	op := "reseal API key of " + workflowID
	state, err := queryState[workflows.ActivationState](ctx, c, op, workflowID)
	if err != nil {
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
		_, err = sendUpdate[workflows.APIKeyReceipt](ctx, c, op, workflowID, workflows.UpdateResealAPIKey,
			workflows.ResealAPIKey{SealedAPIKey: again, Replaces: state.SealedAPIKey})
		if err != nil {
			return err
		}
	}
	done.Resealed++
	return nil
}
