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

// CaseFilter chooses cases. A case must match every field that is set; an empty field matches all cases.
type CaseFilter struct {
	// States are the statuses of the cases. A case whose workflow was terminated, timed out or failed in Temporal keeps its last status.
	States []workflows.CaseStatus `json:"states,omitempty"`
	// Attention chooses cases with one of these reasons; NeedsAttention chooses cases with any reason.
	Attention      []string `json:"attention,omitempty"`
	NeedsAttention bool     `json:"needsAttention,omitempty"`
	// Reference is the whole reference, ReferencePrefix its beginning.
	Reference       string `json:"reference,omitempty"`
	ReferencePrefix string `json:"referencePrefix,omitempty"`
	CaseID          string `json:"caseId,omitempty"`
	// Accounts are names of Offload accounts. A name with a quote, a backslash or a character that is not printable ASCII is refused: it
	// can't be searched for.
	Accounts []string   `json:"accounts,omitempty"`
	Open     OpenFilter `json:"open,omitempty"`
	// StartedSince is inclusive, StartedBefore exclusive. Both compare the start of the workflow's current run.
	StartedSince  time.Time `json:"startedSince,omitzero"`
	StartedBefore time.Time `json:"startedBefore,omitzero"`

	// Cursor is the Next of the page before, which had the same filter. Limit is the size of the page: at most MaxPage; 0 means DefaultPage.
	Cursor string `json:"-"`
	Limit  int    `json:"-"`
}

// CaseRow is a case in a list.
type CaseRow struct {
	Listed
	Reference string `json:"reference"`
	// Account is empty for a case that another kind of client has just started, until a worker publishes it.
	Account string `json:"account,omitempty"`
	CaseID  string `json:"caseId,omitempty"`
	// Status is CREATING until a status is published.
	Status workflows.CaseStatus `json:"status"`
}

// CasePage is one page of a list. Next is the cursor of the following page, empty on the last.
type CasePage struct {
	Cases []CaseRow `json:"cases"`
	Next  string    `json:"next,omitempty"`
}

// ListCases lists the cases that Temporal still keeps. First come those that were open when the first page was read, newest start first;
// then those that had ended, latest end first.
//
// A case that exists and matches the filter while all pages are read is listed once, even if it ends in the meantime. Cases that start
// after the first page was read are not listed. Canaries are listed only if the filter asks for their references. If a reset in Temporal
// replaced a run, the list has the replaced run too, as terminated.
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
	for _, e := range rows {
		// Temporal on SQLite ignores case in STARTS_WITH.
		if row := caseRow(e); strings.HasPrefix(row.Reference, filter.ReferencePrefix) {
			page.Cases = append(page.Cases, row)
		}
	}
	page.Next = next
	return page, nil
}

func caseRow(e execution) CaseRow {
	reference, _ := workflows.ParseOffloadCaseWorkflowID(e.WorkflowID)
	return CaseRow{Listed: e.Listed, Reference: reference, Account: e.account, CaseID: e.caseID, Status: cmp.Or(workflows.CaseStatus(e.state), workflows.CaseCreating)}
}

func (f CaseFilter) conditions() (conditions, error) {
	where := conditions{typeIs(workflows.OffloadCaseWorkflow)}
	if !workflows.IsCanaryReference(f.Reference + f.ReferencePrefix) {
		where = append(where, noCanary)
	}
	if f.Reference != "" && f.ReferencePrefix != "" {
		return nil, fmt.Errorf("%w: reference and reference prefix: set only one of them", ErrInvalid)
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
		add(where.idStartsWith("reference prefix", workflows.OffloadCaseWorkflowID(f.ReferencePrefix)))
	}
	if f.CaseID != "" {
		add(where.in("caseId", workflows.SearchAttributeCaseID, f.CaseID))
	}
	add(where.in("account", workflows.SearchAttributeAccount, f.Accounts...))
	add(where, known("state", f.States, workflows.CaseStatuses()))
	add(where, known("attention", f.Attention, workflows.Attentions()))
	add(where.state(sortedStrings(f.States), f.Attention, f.NeedsAttention))
	add(where.started(f.Open, f.StartedSince, f.StartedBefore))
	return where, err
}

// ActivationFilter chooses activations. An activation must match every field that is set; an empty field matches all.
type ActivationFilter struct {
	States []workflows.ActivationStatus `json:"states,omitempty"`
	// Attention chooses activations with one of these reasons; NeedsAttention chooses activations with any reason.
	Attention      []string `json:"attention,omitempty"`
	NeedsAttention bool     `json:"needsAttention,omitempty"`
	// Agents are names of agents. ActivationID is a whole activationId; it needs exactly one agent.
	Agents       []string   `json:"agents,omitempty"`
	ActivationID string     `json:"activationId,omitempty"`
	Open         OpenFilter `json:"open,omitempty"`
	// StartedSince is inclusive, StartedBefore exclusive. Both compare the start of the workflow's current run.
	StartedSince  time.Time `json:"startedSince,omitzero"`
	StartedBefore time.Time `json:"startedBefore,omitzero"`

	// Cursor is the Next of the page before, which had the same filter. Limit is the size of the page: at most MaxPage; 0 means DefaultPage.
	Cursor string `json:"-"`
	Limit  int    `json:"-"`
}

// ActivationRow is an activation in a list.
type ActivationRow struct {
	Listed
	Agent string `json:"agent"`
	// ActivationID is empty if it is so long that the workflow ID has only its hash, and no worker answers.
	ActivationID string `json:"activationId,omitempty"`
	// Status is UNKNOWN until a status is published.
	Status workflows.ActivationStatus `json:"status"`
}

// ActivationPage is one page of a list. Next is the cursor of the following page, empty on the last.
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
	detailed, cancel := context.WithTimeout(ctx, detailsTimeout)
	defer cancel()
	for _, e := range rows {
		row := c.activationRow(detailed, e)
		// Temporal on SQLite ignores case in STARTS_WITH.
		if len(filter.Agents) == 0 || slices.Contains(filter.Agents, row.Agent) {
			page.Activations = append(page.Activations, row)
		}
	}
	page.Next = next
	return page, nil
}

// activationRow makes the row of an activation. If the workflow ID has only a hash of the activationId, it asks the workflow. Artmail's
// own IDs are far too short for that.
func (c *Client) activationRow(ctx context.Context, e execution) ActivationRow {
	agent, activationID, _ := workflows.ParseArtmailActivationWorkflowID(e.WorkflowID)
	if activationID == "" {
		if state, err := queryState[workflows.ActivationState](ctx, c, "read", e.WorkflowID); err == nil {
			activationID = state.ActivationID
		}
	}
	return ActivationRow{Listed: e.Listed, Agent: agent, ActivationID: activationID, Status: cmp.Or(workflows.ActivationStatus(e.state), workflows.ActivationUnknown)}
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
		return nil, fmt.Errorf("%w: activationId: set exactly one agent too", ErrInvalid)
	case f.ActivationID != "":
		add(where.in("activationId", "WorkflowId", workflows.ArtmailActivationWorkflowID(f.Agents[0], f.ActivationID)))
	case len(f.Agents) > 0:
		add(where.agents(f.Agents))
	}
	add(where, known("state", f.States, workflows.ActivationStatuses()))
	add(where, known("attention", f.Attention, workflows.Attentions()))
	add(where.state(sortedStrings(f.States), f.Attention, f.NeedsAttention))
	add(where.started(f.Open, f.StartedSince, f.StartedBefore))
	return where, err
}

// known refuses a value that is not allowed: it would choose nothing, as if nothing were there.
func known[T ~string](field string, values, allowed []T) error {
	for _, value := range values {
		if !slices.Contains(allowed, value) {
			return fmt.Errorf("%w: %s: %q is unknown: want one of %s", ErrInvalid, field, value, strings.ReplaceAll(strings.Trim(fmt.Sprint(allowed), "[]"), " ", ", "))
		}
	}
	return nil
}

// agents adds that the workflow is an activation of one of the agents.
func (c conditions) agents(agents []string) (conditions, error) {
	var anyOf string
	for _, agent := range agents {
		if err := workflows.ValidateAgent(agent); err != nil {
			return nil, fmt.Errorf("%w: agent: %w", ErrInvalid, err)
		}
		one, err := conditions(nil).idStartsWith("agent", workflows.ArtmailActivationWorkflow+"/"+agent+"/")
		if err != nil {
			return nil, err
		}
		if anyOf != "" {
			anyOf += " OR "
		}
		anyOf += one[0]
	}
	return c.and("(%s)", anyOf), nil
}

// state adds conditions on the status and attention that workflows publish.
func (c conditions) state(states, attention []string, needsAttention bool) (conditions, error) {
	where, err := c.in("state", workflows.SearchAttributeState, states...)
	if err == nil {
		where, err = where.in("attention", workflows.SearchAttributeAttention, attention...)
	}
	if err == nil && needsAttention {
		where = where.and("%s IS NOT NULL", workflows.SearchAttributeAttention)
	}
	return where, err
}

func (c conditions) started(open OpenFilter, since, before time.Time) (conditions, error) {
	where := c
	for _, limit := range []struct {
		field, operator string
		at              time.Time
	}{{"startedSince", ">=", since}, {"startedBefore", "<", before}} {
		if limit.at.IsZero() {
			continue
		}
		if !workflows.SaneTime(limit.at) {
			return nil, fmt.Errorf("%w: %s: the year is out of range: use a time from 2000 to 2199", ErrInvalid, limit.field)
		}
		where = where.time("StartTime", limit.operator, limit.at)
	}
	return where, open.validate()
}

func (c *Client) executions(ctx context.Context, op string, where conditions, open OpenFilter, limit int, at, filter string) ([]execution, string, error) {
	size, err := pageSize(limit)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", op, err)
	}
	return listing{client: c, op: op, where: where, open: open, size: size}.page(ctx, at, filter)
}

func typeIs(workflowType string) string { return "WorkflowType = '" + workflowType + "'" }

func sortedStrings[T ~string](values []T) []string {
	all := make([]string, len(values))
	for i, value := range values {
		all[i] = string(value)
	}
	slices.Sort(all)
	return all
}
