package api_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	sdktemporal "go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

// marker stands in every wrong value, and in no answer.
const marker = "tulip"

func TestBadInputIsRefusedByTheNameOfItsField(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.temporal.become("offload-case/x", workflows.CaseState{Reference: "x"})
	long := func(n int) string { return marker + strings.Repeat("x", n) }
	nested := strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70)
	request := func(more string) string {
		return `{"reference":"r","request":{"channel":"EMAIL","goal":{"objective":"o"},"counterparty":{"address":"a","name":"n"},"senderPersona":{"name":"s"}` + more + `}}`
	}
	customData := func(name, value string) string {
		return strings.Replace(request(""), `"address":"a"`, `"address":"a","customData":{"`+name+`":"`+value+`"}`, 1)
	}
	const activation = "/v1/activations/crm/a1"
	for _, c := range []struct {
		method, path, body, says string
	}{
		{"POST", "/v1/cases", "", "body: it is missing"},
		{"POST", "/v1/cases", "  ", "body: it is missing"},
		{"POST", "/v1/cases", `{"reference":"` + marker, "body: it is not JSON from byte"},
		{"POST", "/v1/cases", `[]`, "body: want object"},
		{"POST", "/v1/cases", `null`, "body: want object"},
		{"POST", "/v1/cases", `{} {}`, "body: something follows"},
		{"POST", "/v1/cases", nested, "more than 64 levels"},
		{"POST", "/v1/cases", request(`,"maxAttempts":1e9999999999`), "a number has more than 40 characters"},
		{"POST", "/v1/cases", `{"reference":"r"}`, "request or caseId: set request"},
		{"POST", "/v1/cases", `{"reference":"r","caseId":"c","request":` + request("")[len(`{"reference":"r","request":`):len(request(""))-1] + `}`, "set only one"},
		{"POST", "/v1/cases", `{"reference":"a b/` + marker + `"}`, "reference: want 1 to 200 characters of A-Z"},
		{"POST", "/v1/cases", `{"reference":".."}`, "reference: want 1 to 200"},
		{"POST", "/v1/cases", `{"reference":7}`, "reference: want string"},
		{"POST", "/v1/cases", `{"Reference":"x"}`, "Reference: there is no such field"},
		{"POST", "/v1/cases", `{"refernce":"` + marker + `"}`, "refernce: there is no such field: remove it"},
		{"POST", "/v1/cases", `{"account":"` + marker + `\u0000"}`, "account: want 1 to 100 bytes"},
		{"POST", "/v1/cases", `{"account":"` + long(100) + `"}`, "account: 105 characters, at most 100 bytes"},
		{"POST", "/v1/cases", `{"caseId":" "}`, "caseId: want 1 to 250 bytes"},
		{"POST", "/v1/cases", `{"caseId":"` + long(250) + `"}`, "caseId: 255 characters, at most 250"},
		{"POST", "/v1/cases", `{"caseId":"c","replyTo":{"workflowId":"` + marker + `"}}`, "replyTo.signal: it is missing"},
		{"POST", "/v1/cases", `{"caseId":"c","replyTo":{"workflowId":"` + marker + `ü","signal":"s"}}`, "replyTo.workflowId: want 1 to 255 printable"},
		{"POST", "/v1/cases", `{"caseId":"c","replyTo":{"workflowId":"w","signal":""}}`, "replyTo.signal: want 1 to 255 printable"},
		{"POST", "/v1/cases", `{"caseId":"c","replyTo":{"workflowId":"artmail-activation/a/b","signal":"activation-options"}}`, "replyTo.workflowId:"},
		{"POST", "/v1/cases", `{"caseId":"c","replyTo":{"workflowId":"temporal-sys-scheduler:nightly","signal":"update"}}`, "replyTo.workflowId:"},
		{"POST", "/v1/cases", `{"caseId":"c","options":{"pollFloor":"` + marker + `"}}`, "options.pollFloor: want numbers with units, the largest first, such as 90s"},
		{"POST", "/v1/cases", `{"caseId":"c","options":{"pollFloor":"-5m"}}`, "options.pollFloor: want numbers with units, the largest first, such as 90s"},
		{"POST", "/v1/cases", `{"caseId":"c","options":{"reconcileAfter":"99999h"}}`, "options.reconcileAfter:"},
		{"POST", "/v1/cases", `{"caseId":"c","options":{"reconcileAfter":"30m1h"}}`, "options.reconcileAfter: want numbers with units, the largest first"},
		{"POST", "/v1/cases", `{"caseId":"c","options":{"reconcileAfter":"99999.9h9999999m999999999s999999999999ms999999999999999us999999999999999999ns"}}`, "options.reconcileAfter:"},
		{"POST", "/v1/cases", `{"caseId":"c","options":{"reconcileAfter":"9999999h"}}`, "options.reconcileAfter: want numbers"},
		{"POST", "/v1/cases", `{"caseId":"c","options":{"remindAfter":5}}`, "options.remindAfter: want string"},
		{"POST", "/v1/cases", `{"caseId":"c","options":{"questionExpiresAfter":""}}`, "options.questionExpiresAfter: want numbers"},
		{"POST", "/v1/cases", `{"caseId":"c","options":{"pollFloor":"2h","pollCeiling":"1h"}}`, "options.pollCeiling:"},
		{"POST", "/v1/cases", `{"caseId":"c","options":{"deadline":"` + marker + `"}}`, "options.deadline: want a time such as"},
		{"POST", "/v1/cases", `{"caseId":"c","options":{"deadline":"1999-01-01T00:00:00Z"}}`, "options.deadline: want a time such as 2026-05-01T12:00:00Z, from 2000 to 2199"},
		{"POST", "/v1/cases", `{"caseId":"c","options":{"deadline":"2026-06-01T00:00:00+24:00"}}`, "options.deadline: want a time such as"},
		{"POST", "/v1/catch-up", `{"since":"2026-06-01T00:00:00-24:00"}`, "since: want a time such as"},
		{"GET", "/v1/cases?startedSince=2026-06-01T00:00:00%2B24:00", "", "startedSince: want a time such as"},
		{"GET", "/v1/cases?startedBefore=9999-12-31T23:59:59-05:00", "", "startedBefore: want a time such as"},
		{"POST", activation + "/runs/touch", `{"runIds":["r"],"at":"2026-06-01T00:00:00+24:00"}`, "at: want a time such as"},
		{"POST", activation + "/approvals", `{"requests":[{"messageId":"m","deadline":"2026-06-01T00:00:00+24:00"}]}`, "requests[0].deadline: want a time such as"},
		{"POST", "/v1/cases", `{"caseId":"c","options":{"confirmEnd":"` + marker + `"}}`, "options.confirmEnd: want boolean"},
		{"POST", "/v1/cases", `{"caseId":"c","options":{"awaitCorrection":1}}`, "options.awaitCorrection: want boolean"},
		{"POST", "/v1/cases", `{"reference":"r","request":{}}`, "request.channel: it is missing: set it; request.goal: it is missing"},
		{"POST", "/v1/cases", strings.Replace(request(""), "EMAIL", marker, 1), "request.channel: want one of EMAIL, SMS"},
		{"POST", "/v1/cases", strings.Replace(request(""), `"objective":"o"`, `"objective":" "`, 1), "request.goal.objective: want text that is not blank"},
		{"POST", "/v1/cases", strings.Replace(request(""), `"objective":"o"`, `"objective":"o","knowledge":7`, 1), "request.goal.knowledge: want string or object"},
		{"POST", "/v1/cases", strings.Replace(request(""), `"address":"a"`, `"address":""`, 1), "request.counterparty.address: want text"},
		{"POST", "/v1/cases", strings.Replace(request(""), `"address":"a"`, `"address":"a","customData":{"k":1}`, 1), "request.counterparty.customData.k: want string"},
		{"POST", "/v1/cases", strings.Replace(request(""), `"address":"a"`, `"address":"a","company":"`+long(500)+`"`, 1), "request.counterparty.company: 505 characters, at most 500"},
		{"POST", "/v1/cases", strings.Replace(request(""), `"address":"a"`, `"address":"a","timezone":[]`, 1), "request.counterparty.timezone: want string"},
		{"POST", "/v1/cases", strings.Replace(request(""), `"name":"s"`, `"name":"s","role":"`+strings.Repeat("<", 400)+marker+`"`, 1), "request.senderPersona.role:"},
		{"POST", "/v1/cases", request(`,"clientReferenceId":"` + marker + `\n"`), "request.clientReferenceId: want 1 to 1000"},
		{"POST", "/v1/cases", request(`,"constraints":["` + long(40000) + `"]`), "request.constraints[0]: 40005 characters"},
		{"POST", "/v1/cases", request(`,"constraints":[` + strings.TrimSuffix(strings.Repeat(`"a",`, 101), ",") + `]`), "request.constraints: 101, at most 100"},
		{"POST", "/v1/cases", request(`,"maxAttempts":-1`), "request.maxAttempts: want at least 0"},
		{"POST", "/v1/cases", request(`,"maxAttempts":1.5`), "request.maxAttempts: want integer"},
		{"POST", "/v1/cases", request(`,"maxAttempts":1.0`), "request.maxAttempts: it does not fit its type"},
		{"POST", "/v1/cases", request(`,"followUpDelayHours":8785`), "request.followUpDelayHours: want at most 8784"},
		{"POST", "/v1/cases", request(`,"resultSchema":"` + marker + `"`), "request.resultSchema: want object"},
		{"POST", "/v1/cases", request(`,"metadata":[1]`), "request.metadata: want object"},
		{"POST", "/v1/cases", request(`,"metadata":{"a":"` + long(300000) + `"}`), "request.metadata:"},
		{"POST", "/v1/cases", request(`,"metadata":{"a":"` + long(200000) + `"},"resultSchema":{"a":"` + long(250000) + `"}`), "request: about 4"},
		{"POST", "/v1/cases", customData("po-number", strings.Repeat("<", 6000)+marker), "request.counterparty.customData.po-number: 36005 bytes in JSON, at most 32768"},
		{"POST", "/v1/cases", customData("größe: a; b", strings.Repeat("<", 6000)+marker), "request.counterparty.customData.größe__a__b: 36005 bytes in JSON"},
		{"POST", "/v1/cases", customData(strings.Repeat("x", 501), "v"), "request.counterparty.customData." + strings.Repeat("x", 60) + "…: the name: 501 bytes, at most 500"},
		{"POST", "/v1/cases", request(`,"clientWebhookUrl":"` + marker + `"`), "request.clientWebhookUrl: there is no such field"},
		{"POST", "/v1/cases", `{"caseId":"c","notify":["` + marker + `!"]}`, "notify[0]: want the name of a callback"},
		{"POST", "/v1/cases", `{"caseId":"c","notify":["` + marker + `","` + marker + `"]}`, "notify: two are the same: leave one out"},
		{"POST", "/v1/cases", `{"caseId":"c","notify":[` + strings.TrimSuffix(strings.Repeat(`"a",`, 21), ",") + `]}`, "notify: 21, at most 20: send fewer"},
		{"POST", "/v1/cases", `{"caseId":"c","notify":[]}`, "notify: want at least 1"},
		{"POST", "/v1/notices/offload-case%2Fx/resend", `{"since":"` + marker + `"}`, "since: want a time"},
		{"POST", "/v1/notices/offload-case%2Fx/resend", `{"ids":[]}`, "ids: want at least 1"},
		{"POST", "/v1/notices/offload-case%2Fx/dismiss", `{"ids":[]}`, "ids: want at least 1"},
		{"POST", "/v1/cases?dryRun=" + marker, `{"caseId":"c"}`, "dryRun: there is no such parameter"},

		{"GET", "/v1/cases/a%20" + marker, "", "reference: want 1 to 200"},
		{"GET", "/v1/cases/%2e%2e", "", "reference: want 1 to 200"},
		{"GET", "/v1/cases/x?wait=" + marker, "", "wait: want whole seconds up to 60"},
		{"GET", "/v1/cases/x?wait=61s", "", "wait: want whole seconds up to 60"},
		{"GET", "/v1/cases/x?wait=", "", "wait: want whole seconds up to 60"},
		{"GET", "/v1/cases/x?wait=1s&wait=2s", "", "wait: it is given more than once"},
		{"GET", "/v1/cases/x?" + marker + "=1", "", ": there is no such parameter"},
		{"GET", "/v1/cases/x?a=%zz", "", "query: it is not percent-encoded"},
		{"POST", "/v1/cases/x/input", `{"questionId":"q","text":" \n"}`, "text: want text that is not blank"},
		{"POST", "/v1/cases/x/input", `{"text":"` + long(32768) + `"}`, "questionId: it is missing: set it; text: 32773 characters"},
		{"POST", "/v1/cases/x/input", `{"questionId":"q","text":"t","by":"` + marker + `"}`, "by: the name of the token is recorded: remove it"},
		{"POST", "/v1/cases/x/input", `{"questionId":"","text":"t"}`, "questionId: want 1 to 250 bytes"},
		{"POST", "/v1/cases/x/cancel", `{"by":"` + marker + `"}`, "by: the name of the token is recorded"},
		{"POST", "/v1/cases/x/cancel", `{"reason":"` + long(500) + `"}`, "reason: 505 characters"},
		{"POST", "/v1/cases/x/adopt", `{"caseId":""}`, "caseId: want 1 to 250"},
		{"POST", "/v1/cases/x/adopt", `{}`, "caseId: it is missing"},
		{"POST", "/v1/cases/x/retry-create", `{"request":null}`, "request: want object"},
		{"POST", "/v1/cases/x/retry-create", `{"by":"` + marker + `"}`, "by: the name of the token"},

		{"GET", "/v1/activations/crm/a1?user=" + marker, "", "user: want boolean"},
		{"GET", "/v1/activations/c%20" + marker + "/a1", "", "agent: want 1 to 100 characters"},
		{"GET", "/v1/activations/crm/%00" + marker, "", "activationId: want 1 to 250 bytes"},
		{"POST", activation + "/approvals", `{"requests":[]}`, "requests: want at least 1"},
		{"POST", activation + "/approvals", `{"requests":[{"messageId":"m"},{"messageId":"","runId":7}]}`, "requests[1].messageId: want 1 to 250"},
		{"POST", activation + "/approvals", `{"requests":[{"messageId":"m","deadline":"` + marker + `","subject":"` + long(500) + `"}]}`, "requests[0].deadline: want a time"},
		{"POST", activation + "/approvals", `{"requests":[` + strings.TrimSuffix(strings.Repeat(`{"messageId":"m"},`, 501), ",") + `]}`, "requests: 501, at most 500"},
		{"POST", activation + "/approvals/m1/cancel", `{"messageId":"` + marker + `"}`, "messageId: there is no such field"},
		{"POST", activation + "/runs", `{}`, "runId: it is missing"},
		{"POST", activation + "/runs/touch", `{"runIds":["` + marker + `\t"]}`, "runIds[0]: want 1 to 250"},
		{"POST", activation + "/runs/touch", `{"runIds":[0` + strings.Repeat(",0", 400_000) + `]}`, "runIds: 400001, at most 500: send fewer at once"},
		{"POST", activation + "/runs/touch", `{"runIds":["r"],"at":"2300-01-01T00:00:00Z"}`, "at: want a time such as"},
		{"POST", activation + "/runs/r1/close", `{"reason":7}`, "reason: want string"},
		{"POST", activation + "/api-key", `{"a":1}`, "body: this call takes none"},

		{"GET", "/v1/deliveries?state=" + marker, "", "state[0]: want one of pending, delivered"},
		{"GET", "/v1/deliveries?provider=" + marker, "", "provider: want one of offload, artmail"},
		{"GET", "/v1/deliveries?limit=0", "", "limit: want at least 1"},
		{"GET", "/v1/deliveries?limit=101", "", "limit: want at most 100"},
		{"GET", "/v1/deliveries?limit=" + marker, "", "limit: want integer"},
		{"GET", "/v1/deliveries?limit=1e1", "", "limit: want integer"},
		{"GET", "/v1/deliveries?cursor=" + marker, "", "cursor: what was sent is not a cursor of this list: begin without one"},
		{"GET", "/v1/cases?cursor=" + marker, "", "cursor: it is not the cursor of a list: begin without one"},
		{"GET", "/v1/todo?cursor=" + marker, "", "cursor: it is not the cursor of a list: begin without one"},
		{"GET", "/v1/activations?cursor=e30", "", "cursor: it belongs to another filter: use the same filter as for the page before"},
		{"GET", "/v1/cases?startedSince=1999-01-01T00:00:00Z", "", "startedSince: want a time such as"},
		{"GET", "/v1/activations?startedBefore=2300-01-01T00:00:00Z", "", "startedBefore: want a time such as"},
		{"POST", "/v1/catch-up", `{"since":"1999-01-01T00:00:00Z"}`, "since: want a time such as"},
		{"GET", "/v1/deliveries?cursor=%2F" + marker, "", "cursor: want next of the page before"},
		{"GET", "/v1/deliveries?since=" + marker, "", "since: want a time such as"},
		{"GET", "/v1/deliveries?until=2026-05-01", "", "until: want a time such as"},
		{"GET", "/v1/deliveries?since=1999-12-31T23:59:59Z", "", "since: want a time such as"},
		{"GET", "/v1/deliveries?until=0001-01-01T00:00:00Z", "", "until: want a time such as"},
		{"POST", "/v1/deliveries/replay", `{"until":"0001-01-01T00:00:00Z"}`, "until: want a time such as"},
		{"GET", "/v1/deliveries?lane=a&reference=b", "", "lane: give lane or reference"},
		{"GET", "/v1/deliveries/" + marker, "", "id: want the ID of a delivery"},
		{"POST", "/v1/deliveries/" + marker + "/replay", "", "id: want the ID of a delivery"},
		{"POST", "/v1/deliveries/" + marker + "/dismiss", "", "id: want the ID of a delivery"},
		{"POST", "/v1/deliveries/replay", `{"state":["dead"]}`, "state: there is no such field"},
		{"POST", "/v1/deliveries/replay", `{"states":[]}`, "states: want at least 1"},
		{"POST", "/v1/deliveries/release", `{"agent":"` + marker + `"}`, "agent: there is none of that name"},
		{"POST", "/v1/deliveries/purge", `{}`, "body: want at least 1 field"},
		{"POST", "/v1/deliveries/purge", `{"rowsBefore":"` + marker + `"}`, "rowsBefore: want a time"},
		{"POST", "/v1/deliveries/purge", `{"rowsBefore":"1026-05-01T12:00:00Z"}`, "rowsBefore: want a time"},
		{"POST", "/v1/deliveries/purge", `{"bodiesBefore":"2262-05-01T12:00:00Z"}`, "bodiesBefore: want a time"},
		{"GET", "/v1/audit?cursor=" + marker, "", "cursor: it is not a cursor of this list"},
	} {
		got := w.call(t, c.method, c.path, c.body, map[string]string{"Content-Type": "application/json"})
		at := fmt.Sprintf("%s %s %.200s: %s", c.method, c.path, c.body, got.body)
		require.Equal(t, 400, got.status, at)
		p := got.problem(t)
		require.Equal(t, "urn:signalbox:problem:invalid-request", string(p.Type), at)
		require.Contains(t, p.Detail, c.says, at)
		require.NotEmpty(t, p.Errors, at)
		for _, one := range p.Errors {
			require.Equal(t, 1, strings.Count(p.Detail, one.Field+": "+one.Detail), at)
		}
		if !strings.Contains(c.path, marker+"=1") { // there it is the name
			require.NotContains(t, got.body, marker, at)
		}
	}
	require.Empty(t, w.temporal.updates)
}

func TestAProblemNamesTheFirstOfManyUnknownFieldsAndCountsTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	unknown := make([]string, 100_000)
	for i := range unknown {
		unknown[i] = fmt.Sprintf(`"%d":0`, i)
	}
	got := w.call(t, "POST", "/v1/cases/x/cancel", "{"+strings.Join(unknown, ",")+"}", map[string]string{"Content-Type": "application/json"})
	require.Equal(t, 400, got.status, got.body)
	p := got.problem(t)
	require.Len(t, p.Errors, 21)
	require.Contains(t, p.Detail, "0: there is no such field: remove it; 1: there")
	require.Equal(t, "99980 more fields can't be used", p.Errors[20].Detail)
}

func TestADurationIsTakenInEachUnit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for i, text := range []string{
		"90s", "15m", "72h", "1h30m", "1.5h", "0.5m", "1.25s", "2592000000ms", "100ms", "60000000us", "60000000µs", "60000000000ns", "1h0m0.000001s", "87839h", workflows.MaxDuration.String(),
	} {
		want, err := time.ParseDuration(text)
		require.NoError(t, err)
		got := w.post(t, "", "/v1/cases", fmt.Sprintf(`{"reference":"d%d","caseId":"c","options":{"reconcileAfter":%q}}`, i, text))
		require.Equal(t, 201, got.status, "%s: %s", text, got.body)
		require.Equal(t, want, w.temporal.starts[fmt.Sprint("offload-case/d", i)].Options.ReconcileAfter.Std(), text)
	}
}

func TestWhatIsNoCallIsAProblemToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.temporal.become("offload-case/x", workflows.CaseState{Reference: "x"})
	plain := map[string]string{"Content-Type": "application/json"}
	for _, c := range []struct {
		method, path, body string
		header             map[string]string
		status             int
		typ                string
	}{
		{"GET", "/v1/nothing", "", plain, 404, "no-such-route"},
		{"DELETE", "/v1/cases/x", "", plain, 405, "method-not-allowed"},
		{"PUT", "/v1/cases", "{}", plain, 405, "method-not-allowed"},
		{"POST", "/v1/cases", start("r", ""), nil, 415, "unsupported-media-type"},
		{"POST", "/v1/cases", start("r", ""), map[string]string{"Content-Type": "application/xml"}, 415, "unsupported-media-type"},
		{"POST", "/v1/cases", start("r", ""), map[string]string{"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415, "unsupported-media-type"},
		{"POST", "/v1/cases", "{\"reference\":\"\xff\"}", plain, 415, "unsupported-media-type"},
		{"POST", "/v1/cases", `{"reference":"` + strings.Repeat("x", 1<<20) + `"}`, plain, 413, "too-large"},
		{"GET", "/v1/cases/none", "", plain, 404, "not-found"},
		{"GET", "/v1/cases/none/files", "", plain, 404, "not-found"},
		{"GET", "/v1/cases/x/files", "", plain, 404, "no-files"},
		{"POST", "/v1/cases/none/cancel", "", plain, 404, "not-found"},
		{"GET", "/v1/activations/crm/none", "", plain, 404, "not-found"},
		{"POST", "/v1/activations/crm/none/runs/touch", `{"runIds":["r"]}`, plain, 404, "not-found"},
	} {
		got := w.call(t, c.method, c.path, c.body, c.header)
		require.Equal(t, c.status, got.status, "%s %s: %s", c.method, c.path, got.body)
		require.Equal(t, "urn:signalbox:problem:"+c.typ, string(got.problem(t).Type))
	}
}

func TestEachRefusalOfAWorkflowHasItsProblem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		status int
		typ    string
	}{
		{refusal(workflows.ErrTypeInvalidArgument), 400, "invalid-request"},
		{refusal(workflows.ErrTypeNoOpenQuestion), 409, "no-open-question"},
		{refusal(workflows.ErrTypeOtherQuestion), 409, "other-question"},
		{refusal(workflows.ErrTypeAlreadyAnswered), 409, "already-answered"},
		{refusal(workflows.ErrTypeCaseEnded), 409, "ended"},
		{refusal(workflows.ErrTypeNotUncertain), 409, "not-uncertain"},
		{refusal(workflows.ErrTypeOtherCase), 409, "conflict"},
		{refusal(workflows.ErrTypeActivationPaused), 409, "paused"},
		{refusal(workflows.ErrTypeUnknownRun), 404, "not-found"},
		{refusal(workflows.ErrTypeTooMany), 429, "too-many"},
		{serviceerror.NewUnavailable(marker), 503, "unavailable"},
		{serviceerror.NewDeadlineExceeded(marker), 503, "unavailable"},
		{serviceerror.NewWorkflowNotReady(marker), 503, "unavailable"},
		{serviceerror.NewFailedPrecondition(marker), 503, "unavailable"},
		{serviceerror.NewNamespaceNotFound(marker), 503, "unavailable"},
		{serviceerror.NewNamespaceUnavailable(marker), 503, "unavailable"},
		{serviceerror.NewNamespaceNotActive(marker, "here", "there"), 503, "unavailable"},
		{serviceerror.NewNamespaceInvalidState(marker, enumspb.NAMESPACE_STATE_DELETED, nil), 503, "unavailable"},
		{serviceerror.NewPermissionDenied(marker, ""), 503, "unavailable"},
		{context.DeadlineExceeded, 503, "unavailable"},
		{serviceerror.NewInternal(marker), 500, "internal"},
	} {
		w := newWorld(t, nil)
		w.temporal.become("offload-case/x", workflows.CaseState{Reference: "x"})
		w.temporal.refuse = c.err
		got := w.post(t, "", "/v1/cases/x/cancel", "")
		require.Equal(t, c.status, got.status, got.body)
		require.Equal(t, "urn:signalbox:problem:"+c.typ, string(got.problem(t).Type))
		require.NotContains(t, got.body, marker)
		require.Equal(t, c.status == 429 || c.status == 503, got.header.Get("Retry-After") != "")
	}
}

func TestWhatTemporalCanTakeLaterIsUnavailable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		path string
		body string
		says string
	}{
		{serviceerror.NewInvalidArgument("Namespace default has no mapping defined for search attribute SignalboxState"), "POST /v1/cases", start("r", ""), "/readyz"},
		{serviceerror.NewInvalidArgument("invalid query: invalid search attribute: SignalboxAttention"), "GET /v1/todo", "", "/readyz"},
		{serviceerror.NewInvalidArgument("invalid query: invalid search attribute: SignalboxAccount"), "GET /v1/cases", "", "/readyz"},
		{serviceerror.NewInvalidArgument("exceeded workflow execution limit for signal events"), "POST /v1/cases/x/reconcile", "", "/readyz"},
		{serviceerror.NewPermissionDenied(marker, ""), "GET /v1/cases/x", "", "Temporal refuses this process"},
	} {
		w := newWorld(t, nil)
		w.temporal.become("offload-case/x", workflows.CaseState{Reference: "x"})
		w.temporal.fails = c.err
		method, path, _ := strings.Cut(c.path, " ")
		got := w.call(t, method, path, c.body, map[string]string{"Content-Type": "application/json"})
		require.Equal(t, 503, got.status, "%s: %s", c.path, got.body)
		require.Equal(t, "urn:signalbox:problem:unavailable", string(got.problem(t).Type))
		require.Contains(t, got.problem(t).Detail, c.says)
		require.NotContains(t, got.body, marker)
		require.NotEmpty(t, got.header.Get("Retry-After"))
	}
}

func TestARefusalOfAFieldByAWorkflowNamesTheFieldAlone(t *testing.T) {
	t.Parallel()
	for message, want := range map[string][]api.FieldError{
		"invalid argument: text: 40000 bytes, at most 32768: shorten it; questionId: it is blank: set it": {
			{Field: "text", Detail: "40000 bytes, at most 32768: shorten it"}, {Field: "questionId", Detail: "it is blank: set it"},
		},
		`caseId: "` + marker + `" is not an ID: use the ID of the case at Offload`: {{Field: "caseId", Detail: "what was sent is not an ID: use the ID of the case at Offload"}},
		"invalid argument: request: about 460000 bytes of JSON as a whole, at most 409600: shorten its largest field": {
			{Field: "request", Detail: "about 460000 bytes of JSON as a whole, at most 409600: shorten its largest field"},
		},
		"ids and since: set only one of them": {{Field: "ids and since", Detail: "set only one of them"}},
		marker:                                nil,
	} {
		w := newWorld(t, nil)
		w.temporal.become("offload-case/x", workflows.CaseState{Reference: "x"})
		w.temporal.refuse = sdktemporal.NewApplicationError(message, workflows.ErrTypeInvalidArgument)
		got := w.post(t, "", "/v1/cases/x/cancel", "")
		require.Equal(t, 400, got.status, got.body)
		require.Equal(t, want, got.problem(t).Errors)
		require.NotContains(t, got.body, "retryable")
		require.NotContains(t, got.body, marker)
	}
}

func TestARefusedListSaysWhichRequestIsAtFault(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typ, message string
		status       int
		want         []api.FieldError
	}{
		{
			workflows.ErrTypeApprovalConflict, `requests[7]: approval "` + marker + `" is registered with other content`, 409,
			[]api.FieldError{{Field: "requests[7].messageId", Detail: "an approval with other values has it: use another one, or send the same request"}},
		},
		{workflows.ErrTypeRunClosed, `requests[0]: approval "m": its run "` + marker + `" was closed`, 409, []api.FieldError{{Field: "requests[0]", Detail: "the run is closed already"}}},
		{workflows.ErrTypeTooMany, "requests[12]: " + marker, 429, []api.FieldError{{Field: "requests[12]", Detail: "close some approvals or runs of the activation first"}}},
		{workflows.ErrTypeInvalidArgument, "invalid argument: requests[1].subject: 600 bytes, at most 500: shorten it", 400, []api.FieldError{{Field: "requests[1].subject", Detail: "600 bytes, at most 500: shorten it"}}},
		{workflows.ErrTypeRunClosed, marker, 409, nil},
	} {
		w := newWorld(t, nil)
		w.temporal.become("artmail-activation/crm/a1", workflows.ActivationState{Agent: "crm", ActivationID: "a1"})
		w.temporal.refuse = sdktemporal.NewApplicationError(c.message, c.typ)
		got := w.post(t, "", "/v1/activations/crm/a1/approvals", `{"requests":[{"messageId":"m"}]}`)
		require.Equal(t, c.status, got.status, got.body)
		require.Equal(t, c.want, got.problem(t).Errors)
		for _, one := range c.want {
			require.Equal(t, one.Field+": "+one.Detail, got.problem(t).Detail)
		}
		require.NotContains(t, got.body, marker)
	}
}

func refusal(typ string) error { return sdktemporal.NewApplicationError(marker, typ) }

func TestAnInboxThatIsAwayIsUnavailable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	require.NoError(t, w.store.Close())
	w.store = closed{w.store}
	for _, path := range []string{"/v1/deliveries", "/v1/deliveries/counts", "/v1/audit", "/v1/deliveries/" + inbox.NewID(clock)} {
		got := w.get(t, "", path)
		require.Equal(t, 503, got.status, path+got.body)
		require.Equal(t, "urn:signalbox:problem:unavailable", string(got.problem(t).Type))
	}
}

// closed may be closed again.
type closed struct{ inbox.Store }

func (closed) Close() error { return nil }

// Every body gets an answer or a problem of the caller's, which repeats no value.
func FuzzBodiesGiveNoFault(f *testing.F) {
	w := newWorld(f, nil)
	w.temporal.become("offload-case/x", workflows.CaseState{Reference: "x"})
	w.temporal.become("artmail-activation/crm/a1", workflows.ActivationState{Agent: "crm", ActivationID: "a1"})
	w.temporal.become("notify/offload-case/x", workflows.NotifyState{Source: "offload-case/x"})
	one := "/v1/deliveries/" + storeDelivery(f, w, inbox.Delivery{Provider: "offload", Lane: "offload-case/x", Kind: "case.completed"}, `{}`)
	paths := []string{
		"/v1/cases", "/v1/cases/x/input", "/v1/cases/x/cancel", "/v1/cases/x/adopt", "/v1/cases/x/retry-create",
		"/v1/activations/crm/a1/approvals", "/v1/activations/crm/a1/approvals/m1/cancel", "/v1/activations/crm/a1/runs",
		"/v1/activations/crm/a1/runs/touch", "/v1/activations/crm/a1/runs/r1/close", "/v1/activations/crm/a1/api-key",
		"/v1/deliveries/replay", "/v1/deliveries/release", "/v1/deliveries/purge", "/v1/notices/offload-case%2Fx/resend", "/v1/catch-up",
		"/v1/notices/offload-case%2Fx/dismiss", "/v1/cases/x/reconcile", one + "/replay", one + "/reveal", one + "/dismiss",
	}
	for i, body := range []string{
		start("r", "emea"), `{"questionId":"q","text":"t"}`, `{"reason":"no"}`, `{"caseId":"c"}`, `{}`, `{"requests":[{"messageId":"m","deadline":"2026-06-01T00:00:00Z"}]}`,
		`{"reason":null}`, `{"runId":"r","replyTo":{"workflowId":"w","signal":"s"}}`, `{"runIds":["r"],"at":"2026-06-01T00:00:00.5+02:00"}`, `[[[]]]`, "\xff", `{"states":["dead"]}`,
		`{"agent":"crm"}`, `{"rowsBefore":"2020-01-01T00:00:00Z"}`, `{"since":"2020-01-01T00:00:00Z"}`, `{"since":"2020-01-01T00:00:00Z","dryRun":true}`,
		`{"caseId":"c","options":{"pollFloor":"1h","deadline":"2026-06-01T00:00:60Z","pollCeiling":"1.5s"}}`, `{"requests":[{"messageId":"\ud800"}]}`,
	} {
		f.Add(uint8(i%len(paths)), body)
	}
	for at := range paths {
		f.Add(uint8(at), "")
	}
	f.Fuzz(func(t *testing.T, at uint8, body string) {
		path := paths[int(at)%len(paths)]
		got := w.call(t, http.MethodPost, path, body, map[string]string{"Content-Type": "application/json"})
		require.Less(t, got.status, 500, "%s %s: %s", path, body, got.body)
		if got.status >= 400 {
			require.True(t, slices.Contains([]int{400, 404, 409, 413, 415, 429}, got.status), got.body)
			got.problem(t)
		}
	})
}

func TestARefusalNamesWhatIsNotThereOrIsOver(t *testing.T) {
	t.Parallel()
	const delivery = "/v1/deliveries/00000000-0000-7000-8000-000000000000"
	for _, c := range []struct {
		path, body, refuse, says string
	}{
		{"GET /v1/cases/nosuch", "", "", "there is no case with this reference: check it, or list the cases"},
		{"POST /v1/cases/nosuch/input", `{"questionId":"q","text":"t"}`, "", "there is no case with this reference: check it, or list the cases"},
		{"POST /v1/cases/nosuch/reconcile", "", "", "there is no case with this reference: check it, or list the cases"},
		{"GET /v1/activations/crm/nosuch", "", "", "the agent has no activation with this ID: check both, or list the activations"},
		{"GET /v1/notices/offload-case%2Fnosuch", "", "", "the source has no notices: it does not exist, none arose yet, or no callback and no replyTo was named"},
		{"GET " + delivery, "", "", "there is no delivery with this ID: check it, or list the deliveries"},
		{"POST /v1/cases/x/input", `{"questionId":"q","text":"t"}`, workflows.ErrTypeCaseEnded, "the case has ended and takes nothing more"},
		{
			"POST /v1/cases/x/input", `{"questionId":"q","text":"t"}`, workflows.ErrTypeAlreadyAnswered,
			"questionId: the question has been answered already, here or at Offload: read the case",
		},
		{"POST /v1/cases/x/adopt", `{"caseId":"c"}`, workflows.ErrTypeOtherCase, "caseId: the case is another one at Offload: read the case"},
		{
			"POST /v1/cases/x/adopt", `{"caseId":"c"}`, workflows.ErrTypeNotUncertain,
			"the case exists at Offload, its creation is under way, or its deadline has passed: read the case to see what it waits for",
		},
		{"POST /v1/activations/crm/a1/approvals/m1/cancel", "", workflows.ErrTypeUnknownApproval, "messageId: the activation has no such approval: read the activation"},
		{"POST /v1/activations/crm/a1/approvals/m1/cancel", "", workflows.ErrTypeApprovalClosed, "the approval is closed already"},
		{"POST /v1/activations/crm/a1/runs/r1/close", "", workflows.ErrTypeUnknownRun, "runId: the activation has no such run: read the activation"},
		{"POST /v1/activations/crm/a1/runs/r1/close", "", workflows.ErrTypeRunClosed, "the run is closed already"},
		{"POST /v1/activations/crm/a1/runs", `{"runId":"r"}`, workflows.ErrTypeActivationEnded, "the activation has ended and takes nothing more"},
		{
			"POST /v1/activations/crm/a1/approvals", `{"requests":[{"messageId":"m"}]}`, workflows.ErrTypeApprovalConflict,
			"messageId: an approval with other values has it: use another one, or send the same request",
		},
	} {
		w := newWorld(t, nil)
		w.temporal.become("offload-case/x", workflows.CaseState{Reference: "x"})
		w.temporal.become("artmail-activation/crm/a1", workflows.ActivationState{Agent: "crm", ActivationID: "a1"})
		if c.refuse != "" {
			w.temporal.refuse = refusal(c.refuse)
		}
		method, path, _ := strings.Cut(c.path, " ")
		got := w.call(t, method, path, c.body, map[string]string{"Content-Type": "application/json"})
		require.Equal(t, c.says, got.problem(t).Detail, "%s: %s", c.path, got.body)
	}
}
