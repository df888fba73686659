package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

// rolling are tokens that change while the API runs.
type rolling struct{ now atomic.Pointer[api.TokenSet] }

func (r *rolling) Find(secret string) (api.Token, bool) { return r.now.Load().Find(secret) }

func (r *rolling) become(secrets ...string) {
	set := new(api.TokenSet)
	for _, secret := range secrets {
		set.Add(secret, api.Token{Name: "ann", Scopes: []api.Scope{api.ScopeAdmin}})
	}
	r.now.Store(set)
}

func TestATokenRollsOverWithoutARestart(t *testing.T) {
	t.Parallel()
	var r rolling
	r.become("the-old-token")
	w := newWorld(t, &r)
	status := func(secret string) int { return w.get(t, secret, "/v1/deliveries").status }
	require.Equal(t, []int{200, 401}, []int{status("the-old-token"), status("the-new-token")})
	r.become("the-old-token", "the-new-token")
	require.Equal(t, []int{200, 200}, []int{status("the-old-token"), status("the-new-token")})
	r.become("the-new-token")
	require.Equal(t, []int{401, 200}, []int{status("the-old-token"), status("the-new-token")})
}

func TestWhoMayNotIsRefusedAndLoggedWithoutTheToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tokens())
	w.temporal.become("offload-case/apac_1", workflows.CaseState{Reference: "apac_1", Account: "apac", Status: workflows.CaseInputNeeded})
	w.temporal.become("artmail-activation/sales/a1", workflows.ActivationState{Agent: "sales", ActivationID: "a1", Status: workflows.ActivationActive})
	id := storeDelivery(t, w, inbox.Delivery{Provider: "offload", Lane: "offload-case/apac_1", Kind: "case.completed"}, `{}`)
	for _, c := range []struct {
		method, path, body, authorization string
		status                            int
		typ                               string
	}{
		{"GET", "/v1/cases/apac_1", "", "", 401, "unauthorized"},
		{"GET", "/v1/cases/apac_1", "", "Bearer", 401, "unauthorized"},
		{"GET", "/v1/cases/apac_1", "", "Bearer ", 401, "unauthorized"},
		{"GET", "/v1/cases/apac_1", "", "Bearer " + adminSecret[1:], 401, "unauthorized"},
		{"GET", "/v1/cases/apac_1", "", "Basic " + adminSecret, 401, "unauthorized"},
		{"GET", "/v1/cases/apac_1", "", adminSecret, 401, "unauthorized"},
		{"GET", "/v1/cases/apac_1", "", "bearer " + adminSecret, 200, ""},
		{"POST", "/v1/cases", start("x", ""), "Bearer " + readSecret, 403, "missing-scope"},
		{"POST", "/v1/cases", start("x", "apac"), "Bearer " + emeaSecret, 403, "other-account"},
		{"POST", "/v1/cases", start("x", ""), "Bearer " + emeaSecret, 403, "other-account"},
		{"GET", "/v1/cases/apac_1", "", "Bearer " + emeaSecret, 403, "other-account"},
		{"GET", "/v1/cases/apac_1?wait=60s", "", "Bearer " + emeaSecret, 403, "other-account"},
		{"GET", "/v1/cases/apac_1/files", "", "Bearer " + emeaSecret, 403, "other-account"},
		{"POST", "/v1/cases/apac_1/input", `{"questionId":"q","text":"t"}`, "Bearer " + emeaSecret, 403, "other-account"},
		{"POST", "/v1/cases/apac_1/cancel", "", "Bearer " + emeaSecret, 403, "other-account"},
		{"POST", "/v1/cases/apac_1/adopt", `{"caseId":"c"}`, "Bearer " + emeaSecret, 403, "other-account"},
		{"POST", "/v1/cases/apac_1/retry-create", "", "Bearer " + emeaSecret, 403, "other-account"},
		{"POST", "/v1/cases/apac_1/reconcile", "", "Bearer " + emeaSecret, 403, "other-account"},
		{"GET", "/v1/cases/apac_1/transcript", "", "Bearer " + emeaSecret, 403, "other-account"},
		{"GET", "/v1/activations/sales/a1", "", "Bearer " + crmSecret, 403, "other-agent"},
		{"POST", "/v1/activations/sales/a1/approvals", "nothing", "Bearer " + crmSecret, 403, "other-agent"},
		{"POST", "/v1/activations/sales/a1/approvals/m1/cancel", "", "Bearer " + crmSecret, 403, "other-agent"},
		{"POST", "/v1/activations/sales/a1/runs", `{"runId":"r1"}`, "Bearer " + crmSecret, 403, "other-agent"},
		{"POST", "/v1/activations/sales/a1/runs/touch", `{"runIds":["r1"]}`, "Bearer " + crmSecret, 403, "other-agent"},
		{"POST", "/v1/activations/sales/a1/runs/r1/close", "", "Bearer " + crmSecret, 403, "other-agent"},
		{"POST", "/v1/activations/sales/a1/api-key", "", "Bearer " + crmSecret, 403, "other-agent"},
		{"POST", "/v1/activations/sales/a1/api-key", "", "Bearer " + readSecret, 403, "missing-scope"},
		{"GET", "/v1/deliveries", "", "Bearer " + emeaSecret, 403, "other-agent"},
		{"GET", "/v1/deliveries", "", "Bearer " + crmSecret, 403, "other-agent"},
		{"GET", "/v1/deliveries?agent=sales", "", "Bearer " + crmSecret, 403, "other-agent"},
		{"GET", "/v1/deliveries?agent=crm", "", "Bearer " + crmSecret, 200, ""},
		{"GET", "/v1/deliveries/" + id, "", "Bearer " + crmSecret, 403, "other-agent"},
		{"GET", "/v1/deliveries/" + id, "", "Bearer " + emeaSecret, 403, "other-agent"},
		{"POST", "/v1/deliveries/" + id + "/reveal", "", "Bearer " + readSecret, 403, "missing-scope"},
		{"POST", "/v1/deliveries/" + id + "/replay", "", "Bearer " + crmSecret, 403, "other-agent"},
		{"POST", "/v1/deliveries/" + id + "/dismiss", "", "Bearer " + readSecret, 403, "missing-scope"},
		{"POST", "/v1/deliveries/" + id + "/dismiss", "", "Bearer " + crmSecret, 403, "other-agent"},
		{"POST", "/v1/deliveries/replay", "{}", "Bearer " + crmSecret, 403, "other-agent"},
		{"POST", "/v1/catch-up", `{"since":"2026-01-01T00:00:00Z"}`, "Bearer " + emeaSecret, 403, "other-agent"},
		{"POST", "/v1/deliveries/release", "", "Bearer " + crmSecret, 403, "other-agent"},
		{"POST", "/v1/deliveries/purge", `{"bodiesBefore":"2026-01-01T00:00:00Z"}`, "Bearer " + crmSecret, 403, "other-agent"},
		{"GET", "/v1/deliveries/counts", "", "Bearer " + emeaSecret, 403, "other-agent"},
		{"GET", "/v1/notices?agent=sales", "", "Bearer " + crmSecret, 403, "other-agent"},
		{"GET", "/v1/notices?agent=crm", "", "Bearer " + crmSecret, 200, ""},
		{"GET", "/v1/notices/artmail-activation%2Fsales%2Fa1", "", "Bearer " + crmSecret, 403, "other-agent"},
		{"POST", "/v1/notices/artmail-activation%2Fsales%2Fa1/resend", "", "Bearer " + crmSecret, 403, "other-agent"},
		{"POST", "/v1/notices/artmail-activation%2Fsales%2Fa1/dismiss", "", "Bearer " + crmSecret, 403, "other-agent"},
		{"GET", "/v1/notices/offload-case%2Fapac_1", "", "Bearer " + emeaSecret, 403, "other-account"},
		{"POST", "/v1/notices/offload-case%2Fapac_1/resend", "", "Bearer " + emeaSecret, 403, "other-account"},
		{"POST", "/v1/notices/offload-case%2Fapac_1/dismiss", "", "Bearer " + emeaSecret, 403, "other-account"},
		{"GET", "/v1/audit", "", "Bearer " + crmSecret, 403, "other-agent"},
		{"GET", "/v1/audit", "", "Bearer " + readSecret, 403, "missing-scope"},
	} {
		w.log.TakeAll()
		got := w.call(t, c.method, c.path, c.body, map[string]string{"Authorization": c.authorization, "Content-Type": "application/json"})
		require.Equal(t, c.status, got.status, "%s %s as %s: %s", c.method, c.path, c.authorization, got.body)
		if c.typ == "" {
			continue
		}
		require.Equal(t, "urn:signalbox:problem:"+c.typ, string(got.problem(t).Type))
		lines := w.log.TakeAll()
		require.Len(t, lines, 1)
		require.Equal(t, zap.WarnLevel, lines[0].Level)
		require.NotContains(t, fmt.Sprint(lines[0].ContextMap()), "secret")
		if c.status == http.StatusUnauthorized {
			require.Equal(t, "Bearer", got.header.Get("WWW-Authenticate"))
		}
	}
	require.Empty(t, w.temporal.updates, "nothing was done")
	audited, err := w.store.AuditTrail(t.Context(), "", 10)
	require.NoError(t, err)
	require.Empty(t, audited)
}

func TestCallersWithoutATokenDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tokens())
	core, logs := observer.New(zap.DebugLevel)
	w.deps.Log = zap.New(core, zap.WithClock(stopped{}))
	var err error
	w.server, err = api.New(w.deps)
	require.NoError(t, err)
	for range 300 {
		require.Equal(t, 401, w.call(t, "GET", "/v1/cases/x", "", nil).status)
		require.Equal(t, 404, w.call(t, "POST", "/v1/nothing", "", nil).status)
		require.Equal(t, 403, w.call(t, "POST", "/v1/cases", "", map[string]string{"Origin": "https://evil.example.com"}).status)
	}
	require.Equal(t, 10, logs.FilterMessage("call refused").Len())
	require.Equal(t, 10, logs.FilterMessage("call answered").Len())
	logs.TakeAll()
	for range 20 { // a caller with a token is logged each time
		require.Equal(t, 403, w.call(t, "POST", "/v1/cases", "", map[string]string{"Authorization": "Bearer " + readSecret}).status)
	}
	require.Equal(t, 20, logs.FilterMessage("call refused").Len())
}

// stopped is a clock for logs.
type stopped struct{}

func (stopped) Now() time.Time                         { return clock }
func (stopped) NewTicker(d time.Duration) *time.Ticker { return time.NewTicker(d) }

func TestATokenDoesWhatItsLimitsAllow(t *testing.T) {
	t.Parallel()
	set := tokens()
	set.Add("secret-of-w9~helper", api.Token{Name: "w9", Scopes: []api.Scope{api.ScopeAdmin}, Agents: []string{"w9~helper"}})
	w := newWorld(t, set)
	for _, agent := range []string{"crm", "w9~helper"} {
		w.temporal.become("artmail-activation/"+agent+"/a1", workflows.ActivationState{Agent: agent, ActivationID: "a1", Status: workflows.ActivationActive})
	}
	require.Equal(t, 201, w.post(t, emeaSecret, "/v1/cases", start("mine", "emea")).status)
	require.Equal(t, 200, w.get(t, emeaSecret, "/v1/cases/mine").status)
	require.Equal(t, 200, w.get(t, crmSecret, "/v1/activations/crm/a1").status)
	require.Equal(t, 200, w.get(t, "secret-of-w9~helper", "/v1/activations/w9%7Ehelper/a1").status)
	require.Equal(t, 403, w.get(t, "secret-of-w9~helper", "/v1/activations/%63rm/a1").status)
	require.Equal(t, 404, w.get(t, emeaSecret, "/v1/cases/none").status)
}

func TestAForeignOriginIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.temporal.become("offload-case/x", workflows.CaseState{Reference: "x"})
	for _, header := range []map[string]string{
		{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"},
	} {
		got := w.call(t, http.MethodPost, "/v1/cases/x/cancel", "", header)
		require.Equal(t, 403, got.status, "%v", header)
		require.Equal(t, "urn:signalbox:problem:foreign-origin", string(got.problem(t).Type))
		logged := w.log.TakeAll()
		require.Len(t, logged, 1)
		require.Equal(t, got.header.Get("X-Request-Id"), logged[0].ContextMap()["request_id"])
	}
	require.Empty(t, w.temporal.updates)
	require.Equal(t, 200, w.call(t, http.MethodPost, "/v1/cases/x/cancel", "", map[string]string{"Sec-Fetch-Site": "same-origin"}).status)
	// Without tokens a page may read nothing either. It may link to the document.
	for site, status := range map[string]int{"cross-site": 403, "same-site": 403, "same-origin": 200, "none": 200} {
		require.Equal(t, status, w.call(t, http.MethodGet, "/v1/cases/x", "", map[string]string{"Sec-Fetch-Site": site}).status, site)
		require.Equal(t, 200, w.call(t, http.MethodGet, "/v1", "", map[string]string{"Sec-Fetch-Site": site}).status, site)
	}
	require.Equal(t, 401, newWorld(t, tokens()).call(t, http.MethodGet, "/v1/cases/x", "", map[string]string{"Sec-Fetch-Site": "cross-site"}).status)
	// A simple form is no JSON, even where a browser sends no origin.
	got := w.call(t, http.MethodPost, "/v1/cases/x/cancel", `{}`, map[string]string{"Content-Type": "text/plain"})
	require.Equal(t, 415, got.status)
}

func TestWithoutTokensTheCallerIsLocal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.temporal.become("offload-case/x", workflows.CaseState{Reference: "x"})
	require.Equal(t, 200, w.post(t, "", "/v1/cases/x/cancel", "").status)
	require.Equal(t, []any{workflows.CancelCase{By: "local"}}, w.temporal.updates[workflows.UpdateCancel])
	require.True(t, strings.HasPrefix(w.get(t, "", "/v1").body, "<!doctype html>"))
}
