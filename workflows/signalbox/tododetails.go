package signalbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"golang.org/x/sync/errgroup"

	"github.com/signalbox-dev/signalbox/workflows"
)

const (
	// detailsTimeout is how long a list waits for the details of all its workflows.
	detailsTimeout = 5 * time.Second
	// maxDetailQueries limits the queries at the same time.
	maxDetailQueries = 16
	// maxIDsPerQuery limits the length of a visibility query.
	maxIDsPerQuery = 50
)

// withoutReplaced removes failed and timed-out workflows that a newer run has replaced, as after a reset. One that can't be read in time
// stays.
func (c *Client) withoutReplaced(ctx context.Context, items []ToDoItem) []ToDoItem {
	ctx, cancel := context.WithTimeout(ctx, detailsTimeout)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(maxDetailQueries)
	replaced := make([]bool, len(items))
	for i, item := range items {
		if item.Kind != ToDoWorkflowBroken {
			continue
		}
		group.Go(func() error {
			newest, err := c.temporal.DescribeWorkflow(ctx, item.WorkflowID, "")
			replaced[i] = err == nil && newest.WorkflowExecution.RunID != item.RunID
			return nil
		})
	}
	_ = group.Wait() // none fails
	kept := items[:0]
	for i, item := range items {
		if !replaced[i] {
			kept = append(kept, item)
		}
	}
	return kept
}

// addDetails adds the state of its workflow to each item. An item whose workflow does not answer stays, with a note.
func (c *Client) addDetails(ctx context.Context, items []ToDoItem) {
	ctx, cancel := context.WithTimeout(ctx, detailsTimeout)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(maxDetailQueries)
	for i := range items {
		if items[i].RunID == "" || items[i].Kind == ToDoWorkflowBroken {
			continue
		}
		group.Go(func() error {
			if err := c.addDetail(ctx, &items[i]); err != nil {
				items[i].Note = "No details: no worker answered in time."
				if ctx.Err() == nil {
					items[i].Note = "No details: " + err.Error()
				}
			}
			return nil
		})
	}
	_ = group.Wait() // none fails
}

func (c *Client) addDetail(ctx context.Context, item *ToDoItem) error {
	const op = "read"
	switch workflowType, _, _ := strings.Cut(item.WorkflowID, "/"); workflowType {
	case workflows.OffloadCaseWorkflow:
		state, err := queryState[workflows.CaseState](ctx, c, op, item.WorkflowID)
		if err != nil {
			return err
		}
		item.Account, item.Since = state.Account, state.Since
		item.Says = describeCase(item, state)
	case workflows.ArtmailActivationWorkflow:
		state, err := queryState[workflows.ActivationState](ctx, c, op, item.WorkflowID)
		if err != nil {
			return err
		}
		item.ActivationID, item.Since = state.ActivationID, state.Since
		item.Says = describeActivation(item, state)
	case workflows.NotifyWorkflow:
		state, err := queryState[workflows.NotifyState](ctx, c, op, item.WorkflowID)
		if err != nil {
			return err
		}
		item.Since = item.DueAt
		item.Says = describeNotices(state)
	case workflows.OffloadFilesWorkflow:
		files, err := queryState[workflows.CaseFiles](ctx, c, op, item.WorkflowID)
		if err != nil {
			return err
		}
		item.Since = files.Since
		item.Says = describeFiles(files)
	}
	item.Says = workflows.Clip(item.Says, workflows.MaxTextBytes)
	return nil
}

func describeCase(item *ToDoItem, state workflows.CaseState) string {
	switch {
	case state.Question != nil && (item.Kind == ToDoQuestion || item.Kind == ToDoQuestionExpired):
		item.QuestionID = state.Question.ID
		return state.Question.Text
	case state.LastError != "":
		return state.LastError
	case slices.Contains(item.Attention, workflows.AttentionSecondCase) && len(state.OtherCaseIDs) == 0:
		return fmt.Sprintf("caseId %s is followed; another creation was uncertain, and may have made a second case.", state.CaseID)
	case slices.Contains(item.Attention, workflows.AttentionSecondCase):
		return fmt.Sprintf("caseId %s is followed; %s appeared for the same reference.", state.CaseID, strings.Join(state.OtherCaseIDs, ", "))
	case state.Outcome != nil:
		return strings.TrimSpace(fmt.Sprintf("The case ended as %s. %s", state.Status, state.Outcome.Reason))
	}
	return state.WaitingFor
}

func describeActivation(item *ToDoItem, state workflows.ActivationState) string {
	switch item.Kind {
	case ToDoRunStale:
		var stale []string
		for _, run := range state.Runs {
			if run.Status == workflows.RunOpen && !run.WarnedAt.IsZero() {
				stale = append(stale, run.RunID)
			}
		}
		return "Inactive runs: " + strings.Join(stale, ", ")
	case ToDoActivationPaused:
		return strings.TrimSpace("Artmail paused it. " + state.StatusReason)
	default:
		return state.WaitingFor
	}
}

func describeNotices(state workflows.NotifyState) string {
	var last *workflows.NoticeRecord
	count := state.Forgotten
	for i := range state.Notices {
		if state.Notices[i].Status == workflows.NoticeGivenUp {
			last = &state.Notices[i]
			count++
		}
	}
	if last == nil {
		return fmt.Sprintf("%d not delivered.", count)
	}
	return fmt.Sprintf("%d not delivered. The newest is %s %s: %s", count, last.Kind, last.ID, last.LastError)
}

func describeFiles(files workflows.CaseFiles) string {
	var says []string
	for _, unstored := range files.Unstored {
		says = append(says, fmt.Sprintf("%s is not stored: %s", unstored.Name, unstored.Reason))
	}
	for _, stored := range files.Stored {
		if stored.Differs() {
			says = append(says, stored.Key+" has another size or type than Offload reported")
		}
	}
	if len(says) == 0 {
		return files.WaitingFor
	}
	return strings.Join(says, "; ")
}

// findAccounts fills in the accounts of items that only name a case: those of notices, files and deliveries. An account that is not found
// stays empty.
func (c *Client) findAccounts(ctx context.Context, items []ToDoItem) error {
	accounts := map[string]string{}
	for i := range items {
		if items[i].Reference != "" && items[i].Account == "" {
			accounts[items[i].Reference] = ""
		}
	}
	references := make([]string, 0, len(accounts))
	for reference := range accounts {
		references = append(references, workflows.OffloadCaseWorkflowID(reference))
	}
	for batch := range slices.Chunk(references, maxIDsPerQuery) {
		where, err := conditions{typeIs(workflows.OffloadCaseWorkflow), "ExecutionStatus != 'ContinuedAsNew'"}.in("reference", "WorkflowId", batch...)
		if err != nil {
			continue // no case can have such a reference
		}
		cases, _, err := c.listAll(ctx, "find accounts", where, MaxToDoWorkflows)
		if err != nil {
			return err
		}
		for _, e := range cases {
			if reference, ok := workflows.ParseOffloadCaseWorkflowID(e.WorkflowID); ok && e.account != "" {
				accounts[reference] = e.account
			}
		}
	}
	for i := range items {
		if items[i].Account == "" {
			items[i].Account = accounts[items[i].Reference]
		}
	}
	return nil
}

func (c *Client) count(ctx context.Context, op string, where conditions) (int64, error) {
	response, err := c.temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: where.query()})
	return response.GetCount(), translate(ctx, op, err)
}
