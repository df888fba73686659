package signalbox

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Deliveries is the part of the inbox that ToDo and CatchUp need. Package ingress/deliveries implements it.
type Deliveries interface {
	// ToDo returns the deliveries that a person may have to act on, newest first, at most limit. more reports whether there are others.
	ToDo(ctx context.Context, limit int) (items []ToDoItem, more bool, err error)
	// Replay hands out again the deliveries that did not reach a workflow.
	Replay(ctx context.Context, replay ReplayDeliveries) (ReplayedDeliveries, error)
}

// ToDoItem is one item of the to-do list: a workflow, or a delivery in the inbox.
type ToDoItem struct {
	Kind ToDoKind `json:"kind"`

	// WorkflowID is the workflow's ID. For a delivery it is the workflow that the delivery is for, or empty if that is not known. RunID is
	// empty for a delivery.
	WorkflowID string `json:"workflowId,omitempty"`
	RunID      string `json:"runId,omitempty"`
	// Reference and Account identify the case, Agent and ActivationID the activation. ActivationID is empty if the workflow ID has only its
	// hash and no worker answers.
	Reference    string `json:"reference,omitempty"`
	Account      string `json:"account,omitempty"`
	Agent        string `json:"agent,omitempty"`
	ActivationID string `json:"activationId,omitempty"`
	// DeliveryID is the delivery's ID in the inbox.
	DeliveryID string `json:"deliveryId,omitempty"`

	// Attention has all reasons that the workflow publishes. Kind stands for the most urgent one.
	Attention []string `json:"attention,omitempty"`
	// Since is when the workflow or the delivery entered its present state.
	Since time.Time `json:"since,omitzero"`
	// DueAt is when the item becomes urgent: a question expires, a deadline passes, or Artmail ends a run. If nothing will happen without a
	// person, it is when the item arose.
	DueAt time.Time `json:"dueAt,omitzero"`
	// QuestionID is the ID of the open question.
	QuestionID string `json:"questionId,omitempty"`
	// Says is the text of the workflow or the delivery: the question, the last error, or what it waits for. It may contain text from
	// outside: don't trust it.
	Says string `json:"says,omitempty"`
	// Help says in sentences what a person can do. Actions are the actions that Signalbox offers.
	Help    []string `json:"help,omitempty"`
	Actions []Action `json:"actions,omitempty"`
	// Note says why details are missing, for example because no worker answered.
	Note string `json:"note,omitempty"`

	// closed: the workflow has completed, so its attention stays until Temporal removes it.
	closed bool
}

// key orders items that are due at the same time.
func (i ToDoItem) key() string {
	if i.DeliveryID != "" {
		return "delivery/" + i.DeliveryID
	}
	return i.WorkflowID
}

// comesLast reports whether the item comes after all others: no running workflow waits for it.
func (i ToDoItem) comesLast() bool {
	return i.closed || i.Kind == ToDoDeliveryNoMatch || i.Kind == ToDoDeliveryLate
}

// ToDoOptions choose items of the to-do list.
type ToDoOptions struct {
	// Accounts and Agents, if not nil, limit the list to cases of these accounts and to activations of these agents; an empty, non-nil slice
	// chooses none. A limited list leaves out items that name no case and no activation.
	Accounts []string `json:"accounts"`
	Agents   []string `json:"agents"`
	// Kinds chooses kinds; empty means all.
	Kinds []ToDoKind `json:"kinds,omitempty"`
	// NoDeliveries leaves out the deliveries in the inbox.
	NoDeliveries bool `json:"noDeliveries,omitempty"`
	// NoActivations leaves out the activations, and the deliveries for an agent.
	NoActivations bool `json:"noActivations,omitempty"`
	// NoCaseDeliveries leaves out the deliveries that are for no agent.
	NoCaseDeliveries bool `json:"noCaseDeliveries,omitempty"`

	// Cursor is the Next of the page before, which had the same options. Limit is the size of the page: at most MaxPage; 0 means
	// DefaultPage.
	Cursor string `json:"-"`
	Limit  int    `json:"-"`
}

// ToDoList is one page of the to-do list, most urgent item first. Completed workflows, and unmatched and late deliveries, come last: no running
// workflow waits for them. A delivery leaves the list when it is replayed or dismissed, a completed workflow when its retention ends. Of the late
// deliveries the list has only the ends of cases, and the API keys and answers of activations whose workflow was closed in Temporal.
type ToDoList struct {
	Items []ToDoItem `json:"items"`
	// Next is the cursor of the following page, empty on the last.
	Next string `json:"next,omitempty"`
	// Total is the number of items on all pages.
	Total int `json:"total"`
	// Truncated says that there are more workflows or more deliveries than ToDo reads, so the most urgent ones may be missing. Workflows is
	// the number of all workflows with attention or a failure, read or not. If Accounts, Agents, NoActivations or NoCaseDeliveries limit the
	// list, it is the number of those that ToDo has read and the limits allow.
	Truncated bool  `json:"truncated,omitempty"`
	Workflows int64 `json:"workflows"`
	// DeliveriesMissing says why the list has no deliveries: the inbox could not be read.
	DeliveriesMissing string `json:"deliveriesMissing,omitempty"`
	// LeftOut is what the caller's token may not see: "activations", "deliveries". Only the HTTP API sets it.
	LeftOut []string `json:"leftOut,omitempty"`
}

const (
	// MaxToDoWorkflows is how many workflows ToDo reads.
	MaxToDoWorkflows = 2000
	// maxToDoDeliveries is how many deliveries ToDo reads.
	maxToDoDeliveries = 500
)

// toDoCursor is the last item of a page.
type toDoCursor struct {
	Filter string    `json:"f"`
	Last   bool      `json:"l,omitempty"`
	DueAt  time.Time `json:"d"`
	Key    string    `json:"k"`
}

// ToDo lists what needs a person, most urgent first: workflows with attention, workflows that failed or timed out in Temporal, and, if
// Options.Deliveries is set, deliveries that did not reach a workflow. A workflow is one item, even with several reasons.
// Workflows that a person has terminated are left out, and so are canaries.
//
// ToDo reads up to 2,000 workflows and 500 deliveries, and says if there are more. Without workers or without the inbox, it returns what
// it can and says what is missing. Without Temporal it fails with ErrUnavailable.
func (c *Client) ToDo(ctx context.Context, options ToDoOptions) (ToDoList, error) {
	const op = "read the to-do list"
	list := ToDoList{Items: []ToDoItem{}}
	size, err := pageSize(options.Limit)
	if err == nil {
		err = known("kind", options.Kinds, ToDoKinds())
	}
	if err != nil {
		return list, fmt.Errorf("%s: %w", op, err)
	}
	after, err := options.after()
	if err != nil {
		return list, fmt.Errorf("%s: %w", op, err)
	}
	all, err := c.workflowsToDo(ctx, op, &list)
	if err != nil {
		return list, err
	}
	if !options.NoDeliveries {
		all = append(all, c.deliveriesToDo(ctx, &list)...)
	}
	if options.Accounts != nil { // the filter needs them
		if err := c.findAccounts(ctx, all); err != nil {
			return list, err
		}
	}
	if options.limited() {
		all = slices.DeleteFunc(all, func(i ToDoItem) bool { return !options.allows(i) })
		list.Workflows = 0
		for _, item := range all {
			if item.DeliveryID == "" {
				list.Workflows++
			}
		}
	}
	if len(options.Kinds) > 0 {
		all = slices.DeleteFunc(all, func(i ToDoItem) bool { return !slices.Contains(options.Kinds, i.Kind) })
	}
	slices.SortFunc(all, byUrgency)
	list.Total = len(all)
	all, list.Next = options.cut(all, after, size)
	if options.Accounts == nil {
		if err := c.findAccounts(ctx, all); err != nil {
			return list, err
		}
	}
	c.addDetails(ctx, all)
	list.Items = append(list.Items, all...)
	return list, nil
}

func byUrgency(a, b ToDoItem) int {
	if a.comesLast() != b.comesLast() {
		if a.comesLast() {
			return 1
		}
		return -1
	}
	return cmp.Or(a.DueAt.Compare(b.DueAt), strings.Compare(a.key(), b.key()))
}

func (o ToDoOptions) after() (toDoCursor, error) {
	var after toDoCursor
	if o.Cursor == "" {
		return after, nil
	}
	if err := decodeCursor(o.Cursor, &after); err != nil {
		return after, err
	}
	if after.Filter != filterHash(o) {
		return after, errOtherCursor
	}
	return after, nil
}

// cut returns those of the sorted items that are on the page after the cursor, and the cursor of the following page.
func (o ToDoOptions) cut(items []ToDoItem, after toDoCursor, size int) (page []ToDoItem, next string) {
	if after.Key != "" {
		last := ToDoItem{WorkflowID: after.Key, DueAt: after.DueAt, closed: after.Last}
		from, found := slices.BinarySearchFunc(items, last, byUrgency)
		if found {
			from++
		}
		items = items[from:]
	}
	if len(items) <= size {
		return items, ""
	}
	last := items[size-1]
	return items[:size], encodeCursor(toDoCursor{Filter: filterHash(o), Last: last.comesLast(), DueAt: last.DueAt, Key: last.key()})
}

func (o ToDoOptions) limited() bool {
	return o.Accounts != nil || o.Agents != nil || o.NoActivations || o.NoCaseDeliveries
}

// allows reports whether a limited list may have the item.
func (o ToDoOptions) allows(i ToDoItem) bool {
	switch {
	case i.Agent != "":
		return !o.NoActivations && (o.Agents == nil || slices.Contains(o.Agents, i.Agent))
	case i.DeliveryID != "" && o.NoCaseDeliveries:
		return false
	case i.Account != "":
		return o.Accounts == nil || slices.Contains(o.Accounts, i.Account)
	case i.Reference != "":
		return o.Accounts == nil
	}
	return o.Accounts == nil && o.Agents == nil
}

// workflowsToDo reads the workflows with attention, and those that failed or timed out in Temporal.
func (c *Client) workflowsToDo(ctx context.Context, op string, list *ToDoList) ([]ToDoItem, error) {
	where := conditions{
		fmt.Sprintf("WorkflowType IN ('%s', '%s', '%s', '%s')",
			workflows.OffloadCaseWorkflow, workflows.ArtmailActivationWorkflow, workflows.NotifyWorkflow, workflows.OffloadFilesWorkflow),
		noCanary,
		fmt.Sprintf("(ExecutionStatus IN ('Failed', 'TimedOut') OR %s IS NOT NULL AND ExecutionStatus IN ('Running', 'Completed'))", workflows.SearchAttributeAttention),
	}
	all, more, err := c.listAll(ctx, op, where, MaxToDoWorkflows)
	if err != nil {
		return nil, err
	}
	list.Workflows = int64(len(all))
	if more {
		list.Truncated = true
		if list.Workflows, err = c.count(ctx, op, where); err != nil {
			return nil, err
		}
	}
	// A workflow that continues as new while the list is read can be in it twice.
	seen := map[string]bool{}
	var items []ToDoItem
	for _, e := range all {
		if !seen[e.WorkflowID] {
			seen[e.WorkflowID] = true
			items = append(items, toDoItem(e))
		}
	}
	return c.withoutReplaced(ctx, items), nil
}

func toDoItem(e execution) ToDoItem {
	item := ToDoItem{
		WorkflowID: e.WorkflowID, RunID: e.RunID, Account: e.account,
		Attention: e.Attention, DueAt: e.DueAt.UTC(), closed: e.Execution == ExecutionCompleted,
	}
	item.Kind, item.Actions = classify(e)
	if item.Kind == ToDoWorkflowBroken {
		item.Since, item.DueAt = e.ClosedAt, e.ClosedAt
		item.Says = fmt.Sprintf("The workflow %s.", map[bool]string{true: "timed out", false: "failed"}[e.Execution == ExecutionTimedOut])
		item.Help = []string{"Temporal's Web UI shows why. Reset the workflow there to its last workflow task to make it go on."}
	}
	if item.DueAt.IsZero() {
		item.DueAt = e.StartedAt
	}
	for _, attention := range e.Attention {
		if sentence, known := workflows.AttentionHelp(attention); known {
			item.Help = append(item.Help, sentence)
		}
	}
	item.Reference, item.Agent, item.ActivationID = subjectOf(e.WorkflowID)
	return item
}

// subjectOf returns the case or activation of a workflow, also of one that handles its notices or files.
func subjectOf(workflowID string) (reference, agent, activationID string) {
	source := strings.TrimPrefix(workflowID, workflows.NotifyWorkflowID(""))
	if files, ok := strings.CutPrefix(source, workflows.OffloadFilesWorkflowID("")); ok {
		return files, "", ""
	}
	if reference, ok := workflows.ParseOffloadCaseWorkflowID(source); ok {
		return reference, "", ""
	}
	agent, activationID, _ = workflows.ParseArtmailActivationWorkflowID(source)
	return "", agent, activationID
}

func (c *Client) deliveriesToDo(ctx context.Context, list *ToDoList) []ToDoItem {
	if c.deliveries == nil {
		return nil
	}
	items, more, err := c.deliveries.ToDo(ctx, maxToDoDeliveries)
	if err != nil {
		list.DeliveriesMissing = "the inbox could not be read: " + err.Error()
		return nil
	}
	list.Truncated = list.Truncated || more
	for i := range items {
		if reference, agent, activationID := subjectOf(items[i].WorkflowID); reference != "" || agent != "" {
			items[i].Reference, items[i].Agent, items[i].ActivationID = reference, agent, activationID
		}
	}
	return items
}
