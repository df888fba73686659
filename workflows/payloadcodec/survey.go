package payloadcodec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
)

// Survey is what Temporal still holds that only an older key opens.
type Survey struct {
	// Workflows is how many runs were read.
	Workflows int
	// Open are workflow IDs of running workflows that need an older key, sorted.
	Open []string
	// Closed is how many closed runs need one.
	Closed int
}

// SurveyOptions choose what is read.
type SurveyOptions struct {
	// OpenOnly leaves closed runs out.
	OpenOnly bool
}

const (
	surveyPage = 500
	// surveyAtOnce bounds the load on the server.
	surveyAtOnce = 8
)

// Survey reads the histories of all workflows in the client's namespace, also those of apps, and finds the payloads that a key older than the one
// in use has encrypted. It decrypts nothing. It needs about two calls for each run, of which it makes up to eight at a time.
//
// A process that has not been restarted since the newest key came into use still encrypts by an older one, so a survey before that proves nothing.
func (c *Codec) Survey(ctx context.Context, temporal client.Client, options SurveyOptions) (Survey, error) {
	older := c.older()
	if len(older) == 0 {
		return Survey{}, nil
	}
	s := &surveyor{temporal: temporal, older: older}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(surveyAtOnce)
	request := &workflowservice.ListWorkflowExecutionsRequest{PageSize: surveyPage}
	if options.OpenOnly {
		request.Query = "ExecutionStatus = 'Running'"
	}
	var failed error
	for {
		page, err := temporal.ListWorkflow(ctx, request)
		if err != nil {
			failed = fmt.Errorf("list workflows: %w", err)
			break
		}
		for _, execution := range page.GetExecutions() {
			group.Go(func() error { return s.readRun(ctx, execution) })
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			break
		}
	}
	if err := group.Wait(); err != nil {
		failed = err // the list fails since this did
	}
	slices.Sort(s.found.Open)
	return s.found, failed
}

// older are the keys that come before the one in use.
func (c *Codec) older() []uint32 {
	if c.ring == nil {
		return nil
	}
	return c.keyIDs[:slices.Index(c.keyIDs, c.ring.SealingKeyID())]
}

type surveyor struct {
	temporal client.Client
	older    []uint32

	mu    sync.Mutex
	found Survey
}

func (s *surveyor) readRun(ctx context.Context, execution *workflowpb.WorkflowExecutionInfo) error {
	needs, err := s.needsOlder(ctx, execution)
	if errors.As(err, new(*serviceerror.NotFound)) { // its retention has ended since the list
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", execution.GetExecution().GetWorkflowId(), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found.Workflows++
	switch {
	case !needs:
	case execution.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
		s.found.Open = append(s.found.Open, execution.GetExecution().GetWorkflowId())
	default:
		s.found.Closed++
	}
	return nil
}

// needsOlder reports whether the run needs an older key. It reads the memo, the activities under way, and the history up to the first payload that
// needs one.
func (s *surveyor) needsOlder(ctx context.Context, execution *workflowpb.WorkflowExecutionInfo) (bool, error) {
	id, run := execution.GetExecution().GetWorkflowId(), execution.GetExecution().GetRunId()
	if needs, err := s.holdsOlder(ctx, execution); needs || err != nil {
		return needs, err
	}
	if execution.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		described, err := s.temporal.DescribeWorkflowExecution(ctx, id, run)
		if err != nil {
			return false, err //nolint:wrapcheck // readRun says what was read
		}
		if needs, err := s.holdsOlder(ctx, described); needs || err != nil {
			return needs, err
		}
	}
	history := s.temporal.GetWorkflowHistory(ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			return false, err //nolint:wrapcheck // readRun says what was read
		}
		if needs, err := s.holdsOlder(ctx, event); needs || err != nil {
			return needs, err
		}
	}
	return false, nil
}

func (s *surveyor) holdsOlder(ctx context.Context, message proto.Message) (found bool, err error) {
	err = proxy.VisitPayloads(ctx, message, proxy.VisitPayloadsOptions{
		SkipSearchAttributes: true,
		Visitor: func(_ *proxy.VisitPayloadsContext, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
			for _, payload := range payloads {
				id, encrypted := KeyID(payload)
				found = found || encrypted && slices.Contains(s.older, id)
			}
			return payloads, nil
		},
	})
	return found, err //nolint:wrapcheck // readRun says what was read
}
