package signalbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// Options hold what some calls need beyond a Temporal client.
type Options struct {
	// Keyring makes capability URLs and opens API keys. Without it those calls fail with ErrNoKeyring.
	Keyring *keyring.Ring
	// PublicURL is where providers reach the ingress, such as https://hooks.example.com.
	PublicURL string
	// Deliveries is the inbox, for ToDo and CatchUp. If it is nil, they leave deliveries out.
	Deliveries Deliveries
	// Namespace is the Temporal client's, from which EraseCase and EraseActivation delete. Empty: client.DefaultNamespace.
	Namespace string
}

// Client starts and follows cases and activations. It is safe for concurrent use.
type Client struct {
	temporal      client.Client
	keyring       *keyring.Ring
	publicURL     string
	deliveries    Deliveries
	namespace     string
	updateTimeout time.Duration
}

// updateTimeout bounds an update whose caller sets no deadline: while no worker answers, Temporal's SDK asks again without end.
const updateTimeout = 30 * time.Second

// New makes a client. PublicURL may be empty; otherwise it must be an absolute http or https URL without query and fragment.
func New(temporal client.Client, options Options) (*Client, error) {
	if options.PublicURL != "" {
		u, err := url.Parse(options.PublicURL)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("%w: public URL %q: want an absolute http or https URL without query and fragment", ErrInvalid, options.PublicURL)
		}
	}
	return &Client{
		temporal: temporal, keyring: options.Keyring, publicURL: strings.TrimSuffix(options.PublicURL, "/"), deliveries: options.Deliveries,
		namespace: cmp.Or(options.Namespace, client.DefaultNamespace), updateTimeout: updateTimeout,
	}, nil
}

// WebhookURL returns the capability URL of a case. It is a secret: anyone who knows it can post events of this case. Apps that create
// cases at Offload themselves send it there as clientWebhookUrl.
func (c *Client) WebhookURL(reference string) (string, error) {
	if err := workflows.ValidateReference(reference); err != nil {
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if c.keyring == nil {
		return "", fmt.Errorf("webhook URL: %w", ErrNoKeyring)
	}
	if c.publicURL == "" {
		return "", fmt.Errorf("webhook URL: %w: set the public URL", ErrInvalid)
	}
	token := c.keyring.Token(workflows.OffloadTokenContext(reference)...)
	return c.publicURL + workflows.OffloadWebhookPath(reference, token), nil
}

// sendUpdate sends an update and waits for its answer. Workflows answer at once.
func sendUpdate[T any](ctx context.Context, c *Client, op, workflowID, name string, arg any) (answer T, err error) {
	unanswered := fmt.Errorf("%w: no worker answered within %s; it may still be carried out", ErrUnavailable, c.updateTimeout)
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.updateTimeout, unanswered)
		defer cancel()
	}
	handle, err := c.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID:   workflowID,
		UpdateName:   name,
		Args:         []any{arg},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, &answer)
	}
	err = c.endedOrNotFound(ctx, op, workflowID, err)
	if isTransient(err) && errors.Is(context.Cause(ctx), unanswered) {
		return answer, fmt.Errorf("%s: %w", op, unanswered)
	}
	return answer, err
}

// stateAgain is the pause before the next run is asked.
const stateAgain = 20 * time.Millisecond

// queryState reads a workflow's query "state". A worker would answer for a terminated workflow too, as if it were still running; so the
// server rejects the query then.
func queryState[T any](ctx context.Context, c *Client, op, workflowID string) (T, error) {
	var answer T
	for {
		response, err := c.temporal.QueryWorkflowWithOptions(ctx, &client.QueryWorkflowWithOptionsRequest{
			WorkflowID: workflowID, QueryType: workflows.QueryState,
			QueryRejectCondition: enumspb.QUERY_REJECT_CONDITION_NOT_COMPLETED_CLEANLY,
		})
		if err != nil {
			return answer, translate(ctx, op, missing(workflowID, err))
		}
		rejected := response.QueryRejected
		if rejected == nil {
			err = response.QueryResult.Get(&answer)
			return answer, translate(ctx, op, err)
		}
		switch status := rejected.GetStatus(); status {
		case enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
		case enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED:
			return answer, fmt.Errorf("%s: %w: %s %w", op, ErrUnavailable, workflowID, errPausedInTemporal)
		default:
			return answer, fmt.Errorf("%s: %w", op, cmp.Or(broken(workflowID, status), ErrEnded))
		}
		// The run has continued as new in the meantime: ask the next run. A server that lags behind shows the old one for a while.
		if !sleep(ctx, stateAgain) {
			return answer, translate(ctx, op, ctx.Err())
		}
	}
}

// endedOrNotFound translates the error of a call. The server answers NotFound for a workflow that has ended and for one that never
// existed; this tells the two apart.
func (c *Client) endedOrNotFound(ctx context.Context, op, workflowID string, err error) error {
	if !errors.As(err, new(*serviceerror.NotFound)) {
		return translate(ctx, op, err)
	}
	description, describeErr := c.temporal.DescribeWorkflow(ctx, workflowID, "")
	if describeErr != nil {
		return translate(ctx, op, missing(workflowID, describeErr))
	}
	if description.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return translate(ctx, op, err)
	}
	return fmt.Errorf("%s: %w: %w", op, cmp.Or(broken(workflowID, description.Status), ErrEnded), err)
}
