package signalbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/signalbox-dev/signalbox/workflows"
)

// NoticeSourceFilter selects sources of notices: cases and activations whose notices have targets. An empty field matches all.
type NoticeSourceFilter struct {
	// GivenUp selects sources with notices that were given up.
	GivenUp bool `json:"givenUp,omitempty"`
	// SourcePrefix is the beginning of the source's workflow ID, such as "artmail-activation/pages/".
	SourcePrefix string `json:"sourcePrefix,omitempty"`
	// Open selects by the source's workflow "notify". That is open while notices wait or are given up, then for workflows.NotifyLinger after the
	// last delivery, or for workflows.NotifyGoneLinger if a target answered 410.
	Open OpenFilter `json:"open,omitempty"`

	// Cursor is the Next of the page before, which had the same filter. Limit is the size of the page: at most MaxPage; 0 means DefaultPage.
	Cursor string `json:"-"`
	Limit  int    `json:"-"`
}

// NoticeSource is a case or an activation in a list of sources. Listed describes the workflow "notify" that delivers its notices.
type NoticeSource struct {
	Listed
	// Source is the workflow ID of the case or activation.
	Source string `json:"source"`
	// Reference and Account identify a case, Agent and ActivationID an activation. ActivationID is empty if the workflow ID has only its
	// hash.
	Reference    string `json:"reference,omitempty"`
	Account      string `json:"account,omitempty"`
	Agent        string `json:"agent,omitempty"`
	ActivationID string `json:"activationId,omitempty"`
}

// NoticeSourcePage is one page of a list. Next is the cursor of the following page, empty on the last.
type NoticeSourcePage struct {
	Sources []NoticeSource `json:"sources"`
	Next    string         `json:"next,omitempty"`
}

// ListNoticeSources lists the sources of notices, in the order of ListCases. Notices lists the notices of one source. The workflow "notify" of
// a source ends some time after its last delivery (see Open) and starts again with the next notice, so a source can be listed several times
// as closed.
func (c *Client) ListNoticeSources(ctx context.Context, filter NoticeSourceFilter) (NoticeSourcePage, error) {
	const op = "list sources of notices"
	page := NoticeSourcePage{Sources: []NoticeSource{}}
	where := conditions{typeIs(workflows.NotifyWorkflow)}
	err := filter.Open.validate()
	if err == nil && filter.SourcePrefix != "" {
		where, err = where.idStartsWith("source prefix", workflows.NotifyWorkflowID(filter.SourcePrefix))
	}
	if err == nil && filter.GivenUp {
		where, err = where.in("given up", workflows.SearchAttributeAttention, workflows.AttentionNoticeGivenUp)
	}
	if err != nil {
		return page, fmt.Errorf("%s: %w", op, err)
	}
	rows, next, err := c.executions(ctx, op, where, filter.Open, filter.Limit, filter.Cursor, filterHash(filter))
	if err != nil {
		return page, err
	}
	// Temporal on SQLite ignores case in STARTS_WITH.
	rows = slices.DeleteFunc(rows, func(e execution) bool {
		return !strings.HasPrefix(e.WorkflowID, workflows.NotifyWorkflowID(filter.SourcePrefix))
	})
	subjects := make([]ToDoItem, len(rows))
	for i, e := range rows {
		subjects[i].Reference, subjects[i].Agent, subjects[i].ActivationID = subjectOf(e.WorkflowID)
	}
	if err := c.findAccounts(ctx, subjects); err != nil {
		return page, err
	}
	for i, e := range rows {
		page.Sources = append(page.Sources, NoticeSource{
			Listed: e.Listed, Source: strings.TrimPrefix(e.WorkflowID, workflows.NotifyWorkflowID("")),
			Reference: subjects[i].Reference, Account: subjects[i].Account, Agent: subjects[i].Agent, ActivationID: subjects[i].ActivationID,
		})
	}
	page.Next = next
	return page, nil
}

// Notices returns the notices of a source and the state of their delivery. The source is the workflow ID of a case or activation. The list is
// empty if no notice of the source had a target. It fails with ErrNotFound if there is no such source, or Temporal no longer keeps it.
func (c *Client) Notices(ctx context.Context, source string) (workflows.NotifyState, error) {
	state, err := c.notices(ctx, source)
	if errors.Is(err, ErrNotFound) {
		if _, err := c.temporal.DescribeWorkflow(ctx, source, ""); err == nil {
			return workflows.NotifyState{Source: source}, nil
		}
	}
	return state, err
}

func (c *Client) notices(ctx context.Context, source string) (workflows.NotifyState, error) {
	return queryState[workflows.NotifyState](ctx, c, "read notices of "+source, workflows.NotifyWorkflowID(source))
}

// ResendNotices sends given-up notices again: those that which.IDs names, or all of the source. Delivery is then tried for
// workflows.NoticeDeliveryTime.
func (c *Client) ResendNotices(ctx context.Context, source string, which workflows.SelectNotices) (workflows.NoticesSelected, error) {
	return sendUpdate[workflows.NoticesSelected](ctx, c, "resend notices of "+source, workflows.NotifyWorkflowID(source), workflows.UpdateResend, which)
}

// DismissNotices closes given-up notices: those that which.IDs names, or all of the source.
func (c *Client) DismissNotices(ctx context.Context, source string, which workflows.SelectNotices) (workflows.NoticesSelected, error) {
	return sendUpdate[workflows.NoticesSelected](ctx, c, "dismiss notices of "+source, workflows.NotifyWorkflowID(source), workflows.UpdateDismiss, which)
}
