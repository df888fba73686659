package signalbox

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// CaseFilter chooses cases. An empty field chooses all; what is set must all fit.
type CaseFilter struct {
	// States are those of the cases. One that was broken off in Temporal keeps its last state.
	States []workflows.CaseStatus `json:"states,omitempty"`
	// Attention chooses cases with one of these reasons, NeedsAttention those with any.
	Attention      []string `json:"attention,omitempty"`
	NeedsAttention bool     `json:"needsAttention,omitempty"`
	// Reference is the whole reference, ReferencePrefix its beginning.
	Reference       string `json:"reference,omitempty"`
	ReferencePrefix string `json:"referencePrefix,omitempty"`
	CaseID          string `json:"caseId,omitempty"`
	// Accounts are names of Offload accounts. An account whose name has a quote, a backslash or a character that is not printable ASCII can't
	// be searched for.
	Accounts []string `json:"accounts,omitempty"`
	Open     Openness `json:"open,omitempty"`
	// StartedSince is inclusive, StartedBefore is exclusive; both are about the current run.
	StartedSince  time.Time `json:"startedSince,omitzero"`
	StartedBefore time.Time `json:"startedBefore,omitzero"`

	// Cursor is the Next of a page, given with the same filter. Limit is the size of the page: at most MaxPage; 0 is DefaultPage.
	Cursor string `json:"-"`
	Limit  int    `json:"-"`
}

// CaseRow is a case in a list.
type CaseRow struct {
	Listed
	Reference string `json:"reference"`
	// Account is empty until the case's worker has told it, where a client of another kind started the case.
	Account string               `json:"account,omitempty"`
	CaseID  string               `json:"caseId,omitempty"`
	Status  workflows.CaseStatus `json:"status"`
}

// CasePage is one part of a list; Next is the cursor of the following one, empty on the last.
type CasePage struct {
	Cases []CaseRow `json:"cases"`
	Next  string    `json:"next,omitempty"`
}

// ListCases lists cases, for as long as Temporal keeps them: first those that were open when the first page was read, the newest first, then
// those that had ended, the last one to end first. A case that exists while all pages are read, and fits the filter meanwhile, is listed once,
// even if it ends in between. Cases that start after the first page was read are not listed. A run that was replaced by a reset in Temporal is
// listed beside the one that replaced it, as terminated.
func (c *Client) ListCases(ctx context.Context, filter CaseFilter) (CasePage, error) {
	const op = "list cases"
	page := CasePage{Cases: []CaseRow{}}
	where, err := filter.conditions()
	if err != nil {
		return page, fmt.Errorf("%s: %w", op, err)
	}
	rows, next, err := c.executions(ctx, op, where, filter.Open, filter.Limit, filter.Cursor, filterHash(filter))
	if err != nil {
		return page, err
	}
	for _, f := range rows {
		page.Cases = append(page.Cases, caseRow(f))
	}
	page.Next = next
	return page, nil
}

func caseRow(f found) CaseRow {
	reference, _ := workflows.ParseOffloadCaseWorkflowID(f.WorkflowID)
	return CaseRow{Listed: f.Listed, Reference: reference, Account: f.account, CaseID: f.caseID, Status: workflows.CaseStatus(f.state)}
}

func (f CaseFilter) conditions() (conditions, error) {
	where := conditions{typeIs(workflows.OffloadCaseWorkflow)}
	if f.Reference != "" && f.ReferencePrefix != "" {
		return nil, fmt.Errorf("%w: reference and its prefix: give one of them", ErrInvalid)
	}
	var err error
	add := func(next conditions, problem error) {
		if err == nil {
			where, err = next, problem
		}
	}
	if f.Reference != "" {
		add(where.in("reference", "WorkflowId", workflows.OffloadCaseWorkflowID(f.Reference)))
	}
	if f.ReferencePrefix != "" {
		add(where.startsWith("reference prefix", "WorkflowId", workflows.OffloadCaseWorkflowID(f.ReferencePrefix)))
	}
	if f.CaseID != "" {
		add(where.in("caseId", workflows.SearchAttributeCaseID, f.CaseID))
	}
	add(where.in("accounts", workflows.SearchAttributeAccount, f.Accounts...))
	add(where.state(texts(f.States), f.Attention, f.NeedsAttention))
	add(where.started(f.Open, f.StartedSince, f.StartedBefore))
	return where, err
}

// ActivationFilter chooses activations. An empty field chooses all; what is set must all fit.
type ActivationFilter struct {
	States []workflows.ActivationStatus `json:"states,omitempty"`
	// Attention chooses activations with one of these reasons, NeedsAttention those with any.
	Attention      []string `json:"attention,omitempty"`
	NeedsAttention bool     `json:"needsAttention,omitempty"`
	// Agents are names of agents. ActivationID is the whole activationId, and needs one agent.
	Agents       []string `json:"agents,omitempty"`
	ActivationID string   `json:"activationId,omitempty"`
	Open         Openness `json:"open,omitempty"`
	// StartedSince is inclusive, StartedBefore is exclusive; both are about the current run.
	StartedSince  time.Time `json:"startedSince,omitzero"`
	StartedBefore time.Time `json:"startedBefore,omitzero"`

	// Cursor is the Next of a page, given with the same filter. Limit is the size of the page: at most MaxPage; 0 is DefaultPage.
	Cursor string `json:"-"`
	Limit  int    `json:"-"`
}

// ActivationRow is an activation in a list.
type ActivationRow struct {
	Listed
	Agent string `json:"agent"`
	// ActivationID is empty for one so long that the workflow ID has only its hash, where no worker answers.
	ActivationID string                     `json:"activationId,omitempty"`
	Status       workflows.ActivationStatus `json:"status"`
}

// ActivationPage is one part of a list; Next is the cursor of the following one, empty on the last.
type ActivationPage struct {
	Activations []ActivationRow `json:"activations"`
	Next        string          `json:"next,omitempty"`
}

// ListActivations lists activations as ListCases lists cases.
func (c *Client) ListActivations(ctx context.Context, filter ActivationFilter) (ActivationPage, error) {
	const op = "list activations"
	page := ActivationPage{Activations: []ActivationRow{}}
	where, err := filter.conditions()
	if err != nil {
		return page, fmt.Errorf("%s: %w", op, err)
	}
	rows, next, err := c.executions(ctx, op, where, filter.Open, filter.Limit, filter.Cursor, filterHash(filter))
	if err != nil {
		return page, err
	}
	detailed, cancel := context.WithTimeout(ctx, detailsWithin)
	defer cancel()
	for _, f := range rows {
		row := c.activationRow(detailed, f)
		// Temporal on SQLite finds what begins with the name in capitals, too.
		if len(filter.Agents) == 0 || slices.Contains(filter.Agents, row.Agent) {
			page.Activations = append(page.Activations, row)
		}
	}
	page.Next = next
	return page, nil
}

// activationRow asks the activation itself for an ID of which its workflow ID has only the hash: Artmail's own are far shorter.
func (c *Client) activationRow(ctx context.Context, f found) ActivationRow {
	agent, activationID, _ := workflows.ParseArtmailActivationWorkflowID(f.WorkflowID)
	if activationID == "" {
		var state workflows.ActivationState
		if err := c.state(ctx, "read", f.WorkflowID, &state); err == nil {
			activationID = state.ActivationID
		}
	}
	return ActivationRow{Listed: f.Listed, Agent: agent, ActivationID: activationID, Status: workflows.ActivationStatus(f.state)}
}

func (f ActivationFilter) conditions() (conditions, error) {
	where := conditions{typeIs(workflows.ArtmailActivationWorkflow)}
	var err error
	add := func(next conditions, problem error) {
		if err == nil {
			where, err = next, problem
		}
	}
	switch {
	case f.ActivationID != "" && len(f.Agents) != 1:
		return nil, fmt.Errorf("%w: activationId: give one agent with it", ErrInvalid)
	case f.ActivationID != "":
		add(where.in("activationId", "WorkflowId", workflows.ArtmailActivationWorkflowID(f.Agents[0], f.ActivationID)))
	case len(f.Agents) > 0:
		add(where.agents(f.Agents))
	}
	add(where.state(texts(f.States), f.Attention, f.NeedsAttention))
	add(where.started(f.Open, f.StartedSince, f.StartedBefore))
	return where, err
}

// agents chooses the activations of agents.
func (c conditions) agents(agents []string) (conditions, error) {
	var any string
	for _, agent := range agents {
		if err := workflows.ValidateAgent(agent); err != nil {
			return nil, fmt.Errorf("%w: agents: %w", ErrInvalid, err)
		}
		one, err := conditions(nil).startsWith("agents", "WorkflowId", workflows.ArtmailActivationWorkflow+"/"+agent+"/")
		if err != nil {
			return nil, err
		}
		if any != "" {
			any += " OR "
		}
		any += one[0]
	}
	return c.and("(%s)", any), nil
}

// state chooses by what workflows publish of themselves.
func (c conditions) state(states, attention []string, needsAttention bool) (conditions, error) {
	where, err := c.in("states", workflows.SearchAttributeState, states...)
	if err == nil {
		where, err = where.in("attention", workflows.SearchAttributeAttention, attention...)
	}
	if err == nil && needsAttention {
		where = where.and("%s IS NOT NULL", workflows.SearchAttributeAttention)
	}
	return where, err
}

func (c conditions) started(open Openness, since, before time.Time) (conditions, error) {
	for _, at := range []time.Time{since, before} {
		if !at.IsZero() && !workflows.SaneTime(at) {
			return nil, fmt.Errorf("%w: started since or before: the year %d", ErrInvalid, at.Year())
		}
	}
	where := c
	if !since.IsZero() {
		where = where.time("StartTime", ">=", since)
	}
	if !before.IsZero() {
		where = where.time("StartTime", "<", before)
	}
	return where, open.validate()
}

func (c *Client) executions(ctx context.Context, op string, where conditions, open Openness, limit int, at, filter string) ([]found, string, error) {
	size, err := pageSize(limit)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", op, err)
	}
	return listing{client: c, op: op, where: where, open: open, size: size}.page(ctx, at, filter)
}

func typeIs(workflowType string) string { return "WorkflowType = '" + workflowType + "'" }

func texts[T ~string](values []T) []string {
	all := make([]string, len(values))
	for i, value := range values {
		all[i] = string(value)
	}
	slices.Sort(all)
	return all
}
