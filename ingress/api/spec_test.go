package api

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/signalbox-dev/signalbox/ingress/desk"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

func schemas(t *testing.T) map[string]struct {
	Properties map[string]any
	Enum       []string
} {
	t.Helper()
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any
				Enum       []string
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(document, &doc))
	return doc.Components.Schemas
}

// A field that a Go type gets, the document must get too: it is the API's whole promise.
func TestEachSchemaHasTheFieldsOfItsGoType(t *testing.T) {
	t.Parallel()
	all := schemas(t)
	for name, c := range map[string]struct {
		value any
		// hidden are fields that the API does not have: it fills them in itself, or keeps them secret.
		hidden []string
	}{
		"CaseStart": {value: workflows.CaseStart{}}, "CaseRequest": {value: workflows.CaseRequest{}}, "CaseGoal": {value: workflows.CaseGoal{}},
		"Counterparty": {value: workflows.Counterparty{}}, "SenderPersona": {value: workflows.SenderPersona{}}, "CaseOptions": {value: workflows.CaseOptions{}},
		"ReplyTo": {value: workflows.ReplyTo{}}, "CaseState": {value: workflows.CaseState{}}, "CaseOutcome": {value: workflows.CaseOutcome{}},
		"CaseFacts": {value: workflows.CaseFacts{}}, "Attachment": {value: workflows.Attachment{}}, "Question": {value: workflows.Question{}},
		"Answer": {value: workflows.Answer{}}, "Check": {value: workflows.Check{}}, "InputReceipt": {value: workflows.InputReceipt{}},
		"CaseReceipt": {value: workflows.CaseReceipt{}}, "CaseFiles": {value: workflows.CaseFiles{}}, "StoredFile": {value: workflows.StoredFile{}},
		"UnstoredFile": {value: workflows.UnstoredFile{}}, "ResultCheck": {value: workflows.ResultCheck{}}, "SchemaViolation": {value: workflows.SchemaViolation{}},
		"CaseTranscript": {value: workflows.CaseTranscript{}}, "ActivationChange": {value: workflows.ActivationChange{}}, "Target": {value: workflows.Target{}},
		"NoticeAttempt": {value: workflows.NoticeAttempt{}}, "AppliedEvent": {value: workflows.AppliedEvent{}},
		"ProvideInput": {workflows.ProvideInput{}, []string{"by"}}, "CancelCase": {workflows.CancelCase{}, []string{"by"}},
		"AdoptCase": {workflows.AdoptCase{}, []string{"by"}}, "RetryCreate": {workflows.RetryCreate{}, []string{"by"}},
		"Activation": {shownActivation{}, []string{"sealedApiKey"}}, "ActivationUser": {value: workflows.ActivationUser{}},
		"ActivationOptions": {value: workflows.ActivationOptions{}}, "ApprovalRequest": {value: workflows.ApprovalRequest{}}, "Approval": {value: workflows.Approval{}},
		"CancelApproval": {workflows.CancelApproval{}, []string{"by", "messageId"}}, "OpenRun": {value: workflows.OpenRun{}}, "TouchRuns": {value: workflows.TouchRuns{}},
		"CloseRun": {workflows.CloseRun{}, []string{"runId"}}, "Run": {value: workflows.Run{}},
		"Notice": {value: workflows.Notice{}}, "NoticeData": {value: workflows.NoticeData{}}, "NotifyState": {value: workflows.NotifyState{}}, "NoticeRecord": {value: workflows.NoticeRecord{}},
		"SelectNotices": {workflows.SelectNotices{}, []string{"by"}}, "NoticesSelected": {value: workflows.NoticesSelected{}},
		"Delivery": {value: inbox.Delivery{}}, "DeliveryPage": {value: inbox.Page{}}, "DeliveryWithBody": {value: desk.Shown{}}, "DeliveryCounts": {value: desk.Counts{}},
		"Purged": {value: inbox.Purged{}}, "Replayed": {value: desk.Replayed{}}, "AuditPage": {value: desk.AuditPage{}}, "AuditEntry": {value: inbox.AuditEntry{}},
		"CasePage": {value: signalbox.CasePage{}}, "CaseRow": {value: signalbox.CaseRow{}}, "ActivationPage": {value: signalbox.ActivationPage{}},
		"ActivationRow": {value: signalbox.ActivationRow{}}, "ToDoList": {value: signalbox.ToDoList{}}, "ToDoItem": {value: signalbox.ToDoItem{}},
		"CatchUpReport": {value: signalbox.CatchUpReport{}}, "CatchUpCount": {value: signalbox.CatchUpCount{}}, "CatchUpFailure": {value: signalbox.CatchUpFailure{}},
		"ReplayedDeliveries": {value: signalbox.ReplayedDeliveries{}}, "NoticePage": {value: signalbox.NoticePage{}}, "NoticeSource": {value: signalbox.NoticeSource{}},
	} {
		want := slices.DeleteFunc(jsonFields(reflect.TypeOf(c.value)), func(field string) bool { return slices.Contains(c.hidden, field) })
		slices.Sort(want)
		require.Equal(t, want, slices.Sorted(maps.Keys(all[name].Properties)), name)
	}
}

func jsonFields(of reflect.Type) []string {
	var fields []string
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			fields = append(fields, jsonFields(f.Type)...)
		case name != "-":
			fields = append(fields, name)
		}
	}
	return fields
}

func TestTheDocumentListsEachProblemAndScope(t *testing.T) {
	t.Parallel()
	kinds := []problemKind{
		problemInvalid, problemUnauthorized, problemMissingScope, problemOtherAccount, problemOtherAgent, problemForeignOrigin, problemNoRoute, problemMethod,
		problemNotFound, problemNoFiles, problemNoAccount, problemNotCreated, problemNoAPIKeyYet, problemAPIKeyLost, problemConflict, problemEnded, problemNoQuestion, problemOtherQuestion,
		problemAnswered, problemNotUncertain, problemPaused, problemNotReplayable, problemTerminated, problemTimedOut, problemFailed, problemTooLarge,
		problemUnsupportedType, problemTooMany, problemInternal, problemProvider, problemUnavailable,
	}
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = problemPrefix + k.name
		require.Contains(t, string(document), "| `"+k.name+"` | "+json.Number(statusText(k.status)).String()+" |")
	}
	require.ElementsMatch(t, names, schemas(t)["ProblemType"].Enum)

	spec, err := readSpecification()
	require.NoError(t, err)
	require.Greater(t, len(spec.operations), 30)
	for route, op := range spec.operations {
		require.NotEmpty(t, op.scopes, route)
		for _, scope := range op.scopes {
			require.Contains(t, Scopes(), scope, route)
		}
	}
}

func statusText(status int) string {
	raw, _ := json.Marshal(status)
	return string(raw)
}
