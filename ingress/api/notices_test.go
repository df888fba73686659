package api_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/signalbox/signalboxtest"
)

func TestNoticesAreSelectedByIDOrSinceATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tokens())
	w.temporal.become("notify/offload-case/told", workflows.NotifyState{Source: "offload-case/told"})
	w.temporal.become("offload-case/told", workflows.CaseState{Reference: "told", Account: "emea"})
	for _, body := range []string{"", `{"ids":["ntc_1"]}`, `{"since":"2026-05-01T12:00:00Z"}`} {
		for _, action := range []string{"resend", "dismiss"} {
			got := w.post(t, emeaSecret, "/v1/notices/offload-case%2Ftold/"+action, body)
			require.Equal(t, 200, got.status, got.body)
		}
	}
	want := []any{
		workflows.SelectNotices{By: "emea"}, workflows.SelectNotices{IDs: []string{"ntc_1"}, By: "emea"}, workflows.SelectNotices{Since: clock, By: "emea"},
	}
	require.Equal(t, map[string][]any{workflows.UpdateResend: want, workflows.UpdateDismiss: want}, w.temporal.updates)
}

func TestARefusalOfAChoiceOfNoticesNamesItsOwnCause(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typ    string
		status int
		name   string
		detail string
	}{
		{workflows.ErrTypeNotGivenUp, 409, "conflict", "a chosen notice is not given up, none was given up since then, or its data is gone: list the notices"},
		{workflows.ErrTypeNoNoticeData, 409, "conflict", "a chosen notice is not given up, none was given up since then, or its data is gone: list the notices"},
		{workflows.ErrTypeCaseEnded, 409, "ended", "no notice of the source waits or was given up"},
		{workflows.ErrTypeTooMany, 429, "too-many", "too much waits: resend fewer, or later"},
		{workflows.ErrTypeUnknownNotice, 404, "not-found", "ids: the source has no such notice: list its notices"},
	} {
		w := newWorld(t, nil)
		w.temporal.become("notify/offload-case/told", workflows.NotifyState{Source: "offload-case/told"})
		w.temporal.refuse = refusal(c.typ)
		for _, action := range []string{"resend", "dismiss"} {
			got := w.post(t, "", "/v1/notices/offload-case%2Ftold/"+action, "")
			require.Equal(t, c.status, got.status, got.body)
			p := got.problem(t)
			require.Equal(t, "urn:signalbox:problem:"+c.name, string(p.Type))
			require.Equal(t, c.detail, p.Detail)
		}
	}
}

func TestAStartNamesTheCallbacksOfItsNotices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	got := w.post(t, "", "/v1/cases", `{"reference":"tells","caseId":"c1","notify":["finance","audit"]}`)
	require.Equal(t, 201, got.status, got.body)
	require.Equal(t, []string{"finance", "audit"}, w.temporal.starts["offload-case/tells"].Notify)
}

func TestAStartNamesOnlyWhatIsConfigured(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tokens())
	require.Equal(t, 201, w.post(t, adminSecret, "/v1/cases", `{"reference":"r","caseId":"c0","account":"us","notify":["finnance"]}`).status,
		"a process without workers does not know the names")
	start := func(secret, names string) answer {
		return w.post(t, secret, "/v1/cases", `{"reference":"new","caseId":"c1",`+names+`}`)
	}

	w.deps.Accounts, w.deps.Callbacks = []string{"apac", "default", "emea"}, []string{"finance"}
	var err error
	w.server, err = api.New(w.deps)
	require.NoError(t, err)
	got := start(adminSecret, `"account":"emae","notify":["finance","finnance"]`)
	require.Equal(t, 400, got.status, got.body)
	require.Equal(t, []api.FieldError{
		{Field: "account", Detail: "it is not configured (configured: apac, default, emea)"},
		{Field: "notify[1]", Detail: "it is not configured (configured: finance)"},
	}, got.problem(t).Errors)
	require.Equal(t, 201, w.post(t, adminSecret, "/v1/cases", `{"reference":"s","caseId":"c2","notify":["finance"]}`).status)

	w.deps.Accounts = []string{"apac", "default"}
	w.server, err = api.New(w.deps)
	require.NoError(t, err)
	require.Equal(t, "account: it is not configured (configured: none)", start(emeaSecret, `"account":"emea"`).problem(t).Detail, "a token learns of no other account")
}

func TestARepeatedStartFindsItsCaseWhereItsNamesAreNotConfiguredAnyMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.deps.Client, _ = signalboxtest.New(t, signalbox.Options{})
	for _, c := range []struct {
		accounts, callbacks []string
		reference           string
		status              int
	}{
		{[]string{"emea"}, []string{"finance"}, "vendor_2048", 201},
		{[]string{"emea"}, []string{"sales"}, "vendor_2048", 200},
		{[]string{"apac"}, []string{"finance"}, "vendor_2048", 200},
		{[]string{"apac"}, []string{"sales"}, "vendor_2049", 400},
	} {
		w.deps.Accounts, w.deps.Callbacks = c.accounts, c.callbacks
		var err error
		w.server, err = api.New(w.deps)
		require.NoError(t, err)
		got := w.post(t, "", "/v1/cases", strings.Replace(start(c.reference, "emea"), `{`, `{"notify":["finance"],`, 1))
		require.Equal(t, c.status, got.status, got.body)
	}
}

func TestTheNoticesOfASourceNeedItsOwnScope(t *testing.T) {
	t.Parallel()
	set := new(api.TokenSet)
	for _, scope := range api.Scopes() {
		set.Add("secret-of-"+string(scope), api.Token{Name: "one", Scopes: []api.Scope{scope}})
	}
	w := newWorld(t, set)
	for source, kind := range map[string]string{"offload-case/told": "cases", "artmail-activation/crm/a1": "activations"} {
		w.temporal.become("notify/"+source, workflows.NotifyState{Source: source})
		at := "/v1/notices/" + url.PathEscape(source)
		for _, scope := range api.Scopes() {
			read, write := 403, 403
			if scope == api.ScopeAdmin || string(scope) == kind+":read" {
				read = 200
			}
			if scope == api.ScopeAdmin || string(scope) == kind+":write" {
				write = 200
			}
			secret := "secret-of-" + string(scope)
			require.Equal(t, read, w.get(t, secret, at).status, "%s: %s", source, scope)
			require.Equal(t, write, w.post(t, secret, at+"/resend", "").status, "%s: %s", source, scope)
			require.Equal(t, write, w.post(t, secret, at+"/dismiss", "").status, "%s: %s", source, scope)
		}
	}
	w.temporal.become("offload-case/told", workflows.CaseState{Reference: "told"})
	require.Equal(t, "the token lacks the scope cases:read: add it to the token's scopes, or use another token",
		w.get(t, "secret-of-activations:read", "/v1/notices/offload-case%2Ftold").problem(t).Detail)
	require.Equal(t, "the token lacks the scope cases:read or activations:read: add it to the token's scopes, or use another token",
		w.get(t, "secret-of-keys:reveal", "/v1/notices/offload-case%2Ftold").problem(t).Detail)
}

// A source names its account or its agent, which is what tokens are limited to.
func TestALimitedTokenListsTheNoticesOfItsAccountsAndAgents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tokens())
	add := func(workflowType, id, account string) {
		info := &workflowpb.WorkflowExecutionInfo{
			Execution: &commonpb.WorkflowExecution{WorkflowId: id, RunId: "run-" + id}, Type: &commonpb.WorkflowType{Name: workflowType},
			Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, StartTime: timestamppb.New(time.Now().Add(-time.Hour)),
		}
		if account != "" {
			payload, err := converter.GetDefaultDataConverter().ToPayload(account)
			require.NoError(t, err)
			info.SearchAttributes = &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{workflows.SearchAttributeAccount: payload}}
		}
		w.temporal.running = append(w.temporal.running, info)
	}
	for reference, account := range map[string]string{"mine": "emea", "theirs": "apac"} {
		add(workflows.OffloadCaseWorkflow, "offload-case/"+reference, account)
		add(workflows.NotifyWorkflow, "notify/offload-case/"+reference, "")
	}
	add(workflows.NotifyWorkflow, "notify/offload-case/forgotten", "")
	add(workflows.NotifyWorkflow, "notify/artmail-activation/crm/a1", "")
	add(workflows.NotifyWorkflow, "notify/artmail-activation/sales/a1", "")
	for secret, want := range map[string][]string{
		adminSecret: {"offload-case/mine", "offload-case/theirs", "offload-case/forgotten", "artmail-activation/crm/a1", "artmail-activation/sales/a1"},
		emeaSecret:  {"offload-case/mine", "artmail-activation/crm/a1", "artmail-activation/sales/a1"},
		crmSecret:   {"offload-case/mine", "offload-case/theirs", "offload-case/forgotten", "artmail-activation/crm/a1"},
	} {
		var page struct{ Sources []struct{ Source string } }
		got := w.get(t, secret, "/v1/notices")
		require.Equal(t, 200, got.status, got.body)
		require.NoError(t, json.Unmarshal([]byte(got.body), &page))
		var sources []string
		for _, one := range page.Sources {
			sources = append(sources, one.Source)
		}
		require.ElementsMatch(t, want, sources, secret)
	}
}
