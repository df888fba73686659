package lifecycle_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Two scenarios together set every field, so a field that is not carried over is found.
func TestTheWholeStateIsCarriedOver(t *testing.T) {
	t.Parallel()
	living := newWorld(t, workflows.ActivationOptions{CheckApprovalQueue: "pages-agent"})
	living.State.Version = 1 // the workflow sets it
	apply(living, noon, activated(0, "key"), activated(1, "other"), paused(2, "user_paused"), paused(2, "user_paused"), resumed(3))
	r := requestDue("checked", 10)
	r.RunID, r.Notify = "r1", []string{"finance"}
	register(t, living, noon, r, requestDue("answered", 10), request("unclear"), requestOfRun("voided", "r2"))
	open(t, living, "r1", 0)
	open(t, living, "r2", 0)
	unclear := response(4, "what", "unclear", true)
	unclear.Approved = nil
	apply(living, at(5), response(4, "yes", "answered", true), unclear, forceFailed(5, "r2"), response(5, "early", "not registered", true), response(5, "to", "", true), resumed(1))
	apply(living, at(5), response(4, "no", "answered", false))
	h := lifecycle.Next(living.Activation, at(5)).HandOff
	require.NotNil(t, h)
	living.Activation = lifecycle.HandOffFailed(lifecycle.HandOffStarted(living.Activation, *h), *h, rules.Failure{Type: workflows.ErrTypeNoticeInvalid}, at(5))
	living.Tick(at(14))
	living.Reconciled("checked", workflows.CheckApprovalResult{}, at(14))
	h = lifecycle.Next(living.Activation, at(14)).HandOff
	require.NotNil(t, h)
	living.Activation = lifecycle.HandOffFailed(living.Activation, *h, rules.Failure{Message: "no Temporal"}, at(14))
	living.Tick(at(19))

	ended := activeState(t)
	register(t, ended, noon, requestDue("late", 10))
	ended.Tick(at(20))
	apply(ended, at(21), deactivated(21))

	old := activeState(t)
	apply(old, noon, forceFailed(0, "r1"))
	old.handOffAll(noon)
	old.Tick(noon.Add(31 * 24 * time.Hour))
	apply(old, noon.Add(31*24*time.Hour), forceFailed(0, "r2"))
	for i := range 500 { // more than there is room for
		apply(old, noon.Add(31*24*time.Hour), response(1, "x", fmt.Sprint("early ", i), true))
	}
	old.Tick(noon.Add(31 * 24 * time.Hour))

	filled := map[string]bool{}
	for _, s := range []*world{living, ended, old} {
		require.Equal(t, s.Activation, carried(t, s).Activation)
		mark(reflect.ValueOf(s.State), "", filled)
	}
	for field, ok := range filled {
		require.True(t, ok, "the story leaves %s empty, and so proves nothing of it", field)
	}
}

// mark records which fields, at any depth, are set.
func mark(v reflect.Value, path string, filled map[string]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			mark(v.Elem(), path, filled)
		}
	case reflect.Slice:
		for i := range v.Len() {
			mark(v.Index(i), path, filled)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			name := path + "." + field.Name
			if notCarried[name] || !field.IsExported() {
				continue
			}
			filled[name] = filled[name] || !v.Field(i).IsZero()
			mark(v.Field(i), name, filled)
		}
	default: // it holds nothing that has fields
	}
}

// notCarried are fields that only a view or a hand-off sets, or that belong to another package.
var notCarried = map[string]bool{
	".Ended.Cancelled":              true,
	".Outbox.Waiting.Notice.Source": true, ".Outbox.Waiting.Notice.Reference": true, ".Outbox.Waiting.Notice.Agent": true,
	".Outbox.Waiting.Notice.ActivationID": true, ".Outbox.Waiting.ReplyTo": true, ".Outbox.Waiting.Notify": true,
	".Outbox.Waiting.Notice.Data.Question": true, ".Outbox.Waiting.Notice.Data.Outcome": true, ".Outbox.Waiting.Notice.Data.Attention": true,
	".Outbox.Waiting.Notice.Data.Files": true, ".Outbox.Waiting.Notice.Data.Approval": true, ".Outbox.Waiting.Notice.Data.Run": true,
	".Outbox.Waiting.Notice.Data.Activation.User": true, ".Outbox.Waiting.Notice.Data.Activation.HasAPIKey": true,
	".Approvals.Approval.DueAt": true,
}

// News may lift other refusals, and then the update enters the history. So nothing invalid may come as far as they.
func TestAnInvalidArgumentIsRefusedFirstAlsoAfterTheEnd(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", workflows.MaxShortTextBytes+1)
	living, ended := activeState(t), activeState(t)
	ended.CancelWorkflow(at(1))
	for name, s := range map[string]*world{"living": living, "ended": ended} {
		for update, err := range map[string]error{
			"request-approvals": lifecycle.CheckRequestApprovals(s.Activation, []workflows.ApprovalRequest{{MessageID: long}}),
			"cancel-approval":   lifecycle.CheckCancelApproval(s.Activation, workflows.CancelApproval{MessageID: long}),
			"open-run":          lifecycle.CheckOpenRun(s.Activation, workflows.OpenRun{RunID: long}),
			"close-run":         lifecycle.CheckCloseRun(s.Activation, workflows.CloseRun{RunID: long}),
			"reseal-api-key":    lifecycle.CheckResealAPIKey(s.Activation, workflows.ResealAPIKey{}),
		} {
			var refusal *rules.Refusal
			require.ErrorAs(t, err, &refusal, "%s, %s", name, update)
			require.Equal(t, workflows.ErrTypeInvalidArgument, refusal.Type, "%s, %s", name, update)
		}
	}
}
