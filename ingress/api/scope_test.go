package api_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/ingress/deliveries"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/signalbox/signalboxtest"
)

// Each call of the document refuses a caller without a token, and a token that lacks one of the scopes that the document names for the call, even
// if it has all others. A token with those scopes alone is admitted. So a call that is added is tried, too.
func TestEachCallNeedsATokenWithItsScopes(t *testing.T) {
	t.Parallel()
	set := new(api.TokenSet)
	set.Add("secret-of-no-scope", api.Token{Name: "nothing"})
	for _, lacks := range api.Scopes() {
		others := slices.DeleteFunc(api.Scopes(), func(s api.Scope) bool { return s == lacks || s == api.ScopeAdmin })
		set.Add("secret-of-all-but-"+string(lacks), api.Token{Name: "other", Scopes: others})
	}
	exact := new(api.TokenSet)
	w, admitted := newWorld(t, set), newWorld(t, exact)
	admitted.transcript = func(context.Context, string) (workflows.CaseTranscript, error) {
		return workflows.CaseTranscript{}, nil
	}
	document := readDocument(t, w, "secret-of-no-scope")
	refused := func(verb, route, authorization string, status int, typ string) {
		t.Helper()
		w.log.TakeAll()
		got := w.call(t, verb, pathOf(route, ""), "", map[string]string{"Authorization": authorization, "Content-Type": "application/json"})
		require.Equal(t, status, got.status, "%s %s as %q: %s", verb, route, authorization, got.body)
		require.Equal(t, "urn:signalbox:problem:"+typ, string(got.problem(t).Type))
		require.NotContains(t, fmt.Sprint(w.log.TakeAll()), "secret-of")
	}
	document.eachCall(t, func(verb, route string, op callOf) {
		var needs []api.Scope
		for _, together := range op.Security {
			needs = append(needs, together["token"]...)
		}
		require.NotEmpty(t, needs, "%s %s names no scope", verb, route)
		refused(verb, route, "", 401, "unauthorized")
		refused(verb, route, "Bearer unknown-secret-of-16", 401, "unauthorized")
		refused(verb, route, "Bearer secret-of-no-scope", 403, "missing-scope")
		for _, scope := range op.Security[0]["token"] {
			if len(op.Security) > 1 {
				continue // another scope can be enough: TestTheNoticesOfASourceNeedItsOwnScope
			}
			refused(verb, route, "Bearer secret-of-all-but-"+string(scope), 403, "missing-scope")
		}
		secret := "secret-of-the-scopes-alone-of-" + verb + route
		exact.Add(secret, api.Token{Name: "exact", Scopes: needs})
		got := admitted.call(t, verb, pathOf(route, ""), "", map[string]string{"Authorization": "Bearer " + secret, "Content-Type": "application/json"})
		require.NotContains(t, []int{401, 403}, got.status, "%s %s: %s", verb, route, got.body)
	})
	require.Empty(t, w.temporal.updates)
	require.Empty(t, w.temporal.signals)
	require.Empty(t, w.temporal.starts)
}

// A token that is limited to other accounts can use a case by no call of the document that names one in its path. So a call that is added is tried, too.
func TestEachCallAboutACaseNeedsItsAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tokens())
	w.temporal.become("offload-case/x", workflows.CaseState{Reference: "x", Account: "apac", Status: workflows.CaseInputNeeded})
	bodies := map[string]string{"/v1/cases/{reference}/input": `{"questionId":"q","text":"t"}`, "/v1/cases/{reference}/adopt": `{"caseId":"c"}`}
	tried := 0
	readDocument(t, w, adminSecret).eachCall(t, func(verb, route string, _ callOf) {
		if !strings.Contains(route, "{reference}") {
			return
		}
		tried++
		for query, want := range map[string]struct {
			status int
			typ    string
		}{"": {403, "other-account"}, "?unknown=1": {400, "invalid-request"}} {
			got := w.call(t, verb, pathOf(route, "")+query, bodies[route], map[string]string{"Authorization": "Bearer " + emeaSecret, "Content-Type": "application/json"})
			require.Equal(t, want.status, got.status, "%s %s%s (a call with a body needs one in bodies): %s", verb, route, query, got.body)
			require.Equal(t, "urn:signalbox:problem:"+want.typ, string(got.problem(t).Type))
		}
	})
	require.GreaterOrEqual(t, tried, 8)
	require.Empty(t, w.temporal.updates)
	require.Empty(t, w.temporal.signals)
}

// A limited token sees the entries of its accounts and agents; the other limit does not count for it.
func TestALimitedTokenSeesItsPartOfTheToDoList(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tokens())
	apps, fake := signalboxtest.New(t, signalbox.Options{Keyring: w.keys})
	var err error
	w.server, err = api.New(api.Deps{
		Client: apps, Inbox: func() (inbox.Store, error) { return w.store, nil }, Keys: w.keys, Tokens: tokens(), Log: zap.NewNop(), Now: time.Now,
	})
	require.NoError(t, err)
	for reference, account := range map[string]string{"mine": "emea", "theirs": "apac"} {
		require.Equal(t, 201, w.post(t, adminSecret, "/v1/cases", start(reference, account)).status)
		fake.Ask(reference, "Really?")
	}
	fake.Activate("crm", "a1", "")
	fake.Activate("sales", "a1", "")
	for secret, want := range map[string][]string{
		adminSecret: {"mine", "theirs", "crm", "sales"},
		emeaSecret:  {"mine", "crm", "sales"},
		crmSecret:   {"mine", "theirs", "crm"},
	} {
		var list signalbox.ToDoList
		w.get(t, secret, "/v1/todo").into(t, &list)
		var about []string
		for _, item := range list.Items {
			about = append(about, item.Reference+item.Agent)
		}
		require.ElementsMatch(t, want, about, secret)
		require.Equal(t, len(want), list.Total)
	}
}

// A token for cases alone gets the cases of the to-do list, which names what it leaves out.
func TestTheToDoListHasWhatTheScopesCover(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tokens())
	set := new(api.TokenSet)
	set.Add("secret-of-an-admin", api.Token{Name: "admin", Scopes: []api.Scope{api.ScopeAdmin}})
	set.Add("secret-of-the-cases", api.Token{Name: "cases", Scopes: []api.Scope{api.ScopeCasesRead, api.ScopeCasesWrite}})
	set.Add(emeaSecret, api.Token{Name: "emea", Scopes: []api.Scope{api.ScopeAdmin}, Accounts: []string{"emea"}})
	set.Add(crmSecret, api.Token{Name: "crm", Scopes: []api.Scope{api.ScopeAdmin}, Agents: []string{"crm"}})
	set.Add("secret-of-cases-and-deliveries", api.Token{Name: "both", Scopes: []api.Scope{api.ScopeCasesRead, api.ScopeDeliveriesRead}})
	apps, fake := signalboxtest.New(t, signalbox.Options{Keyring: w.keys, Deliveries: deliveries.New(func() (inbox.Store, error) { return w.store, nil }, time.Now)})
	var err error
	w.server, err = api.New(api.Deps{
		Client: apps, Inbox: func() (inbox.Store, error) { return w.store, nil }, Keys: w.keys, Tokens: set, Log: zap.NewNop(), Now: time.Now,
	})
	require.NoError(t, err)
	require.Equal(t, 201, w.post(t, "secret-of-an-admin", "/v1/cases", start("mine", "emea")).status)
	fake.Ask("mine", "Really?")
	fake.Activate("crm", "a1", "")
	_, err = w.store.Append(t.Context(), []inbox.Delivery{{
		ID: inbox.NewID(time.Now()), ReceivedAt: time.Now(), Provider: "offload", Lane: "offload-case/mine", Kind: "case.completed", State: inbox.StateDead, Body: []byte("sealed"),
	}, { // it came by the shared route and names no case
		ID: inbox.NewID(time.Now()), ReceivedAt: time.Now(), Provider: "offload", Lane: "offload-shared/c1", Kind: "case.completed", State: inbox.StateDead, Body: []byte("sealed"),
	}, {
		ID: inbox.NewID(time.Now()), ReceivedAt: time.Now(), Provider: "artmail", Scope: "crm", Lane: "artmail-activation/crm/a1", Kind: "agent.paused", State: inbox.StateDead, Body: []byte("sealed"),
	}})
	require.NoError(t, err)
	for secret, want := range map[string]struct {
		total   int
		leftOut []string
	}{
		"secret-of-an-admin": {5, nil}, "secret-of-the-cases": {1, []string{"activations", "deliveries"}}, "secret-of-cases-and-deliveries": {3, []string{"activations"}},
		emeaSecret: {3, nil}, crmSecret: {3, nil}, // no deliveries for cases
	} {
		var list signalbox.ToDoList
		w.get(t, secret, "/v1/todo").into(t, &list)
		require.Equal(t, want.total, list.Total, secret)
		require.Equal(t, want.leftOut, list.LeftOut, secret)
	}
}
