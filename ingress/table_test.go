package ingress_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

const (
	completed = `{"event_id":"evt_1","event_type":"case.completed","timestamp":1774131900000,"data":{"caseId":"c1","clientReferenceId":"order-1","status":"COMPLETED"}}`
	archived  = `{"event_id":"evt_2","event_type":"case.archived","timestamp":1774131900000,"data":{"caseId":"c1"}}`
	paused    = `{"type":"agent.paused","activationId":"a1","timestamp":1774131900000,"reason":"user_paused"}`
	ping      = `{"type":"test.ping","activationId":"test","timestamp":1774131900000,"note":null}`
)

// The test has a row for each line of the table in the package comment, over real HTTP and the real inbox.
func TestEachRequestGetsTheAnswerOfTheTable(t *testing.T) {
	t.Parallel()
	type kept struct {
		state          inbox.State
		lane, kind     string
		key            string
		duplicates     int
		conflict       bool
		reasonContains string
	}
	postOffload := func(body string) func(*testing.T, *fixture) answer {
		return func(t *testing.T, f *fixture) answer { return f.post(t, f.offloadPath("order-1"), body) }
	}
	shared := func(body string) func(*testing.T, *fixture) answer {
		return func(t *testing.T, f *fixture) answer {
			return f.post(t, "/webhooks/offload-shared/"+sharedSecret, body)
		}
	}
	postArtmail := func(body string) func(*testing.T, *fixture) answer {
		return func(t *testing.T, f *fixture) answer { return f.postArtmail(t, body) }
	}
	signed := func(header string, body string) func(*testing.T, *fixture) answer {
		return func(t *testing.T, f *fixture) answer {
			return f.post(t, "/webhooks/artmail/"+agent, body, artmail.SignatureHeader, header)
		}
	}
	at := func(method, path, body string) func(*testing.T, *fixture) answer {
		return func(t *testing.T, f *fixture) answer { return f.do(t, method, path, []byte(body)) }
	}
	twice := func(first, second func(*testing.T, *fixture) answer) func(*testing.T, *fixture) answer {
		return func(t *testing.T, f *fixture) answer {
			require.Equal(t, http.StatusNoContent, first(t, f).status)
			return second(t, f)
		}
	}
	large := strings.Repeat(" ", 1<<20)
	const caseLane, sharedLane, activationLane = "offload-case/order-1", "offload-shared/c1", "artmail-activation/copywriter/a1"
	const pausedKey = "agent.paused/a1/1774131900000"

	tests := []struct {
		name   string
		send   func(*testing.T, *fixture) answer
		status int
		kept   []kept
	}{
		{"a known Offload kind", postOffload(completed), 204, []kept{{state: "pending", lane: caseLane, kind: "case.completed", key: "case.completed/evt_1"}}},
		{"a known kind on the shared route", shared(completed), 204, []kept{{state: "pending", lane: sharedLane, kind: "case.completed", key: "case.completed/evt_1"}}},
		{"a known Artmail kind", postArtmail(paused), 204, []kept{{state: "pending", lane: activationLane, kind: "agent.paused", key: pausedKey}}},

		{"the same Offload key again", twice(postOffload(completed), postOffload(completed)), 204, []kept{{state: "pending", lane: caseLane, kind: "case.completed", key: "case.completed/evt_1", duplicates: 1}}},
		{"the same Artmail key again", twice(postArtmail(paused), postArtmail(paused)), 204, []kept{{state: "pending", lane: activationLane, kind: "agent.paused", key: pausedKey, duplicates: 1}}},
		{"another body under the same key", twice(postOffload(completed), postOffload(completed+" ")), 204, []kept{
			{state: "pending", lane: caseLane, kind: "case.completed", key: "case.completed/evt_1", conflict: true},
			{state: "pending", lane: caseLane, kind: "case.completed", key: "case.completed/evt_1"},
		}},
		{"the same key in another case", twice(postOffload(completed), shared(completed)), 204, []kept{
			{state: "pending", lane: sharedLane, kind: "case.completed", key: "case.completed/evt_1"},
			{state: "pending", lane: caseLane, kind: "case.completed", key: "case.completed/evt_1"},
		}},

		{"an unknown Offload kind", postOffload(archived), 204, []kept{{state: "ignored", lane: caseLane, kind: "unknown", key: "case.archived/evt_2", reasonContains: `unknown kind "case.archived"`}}},
		{"an unknown Artmail kind", postArtmail(`{"type":"agent.renamed","activationId":"a1"}`), 204, []kept{{state: "ignored", lane: activationLane, kind: "unknown", reasonContains: `unknown kind "agent.renamed"`}}},
		{"a test ping, never a duplicate", twice(postArtmail(ping), postArtmail(ping)), 204, []kept{
			{state: "ignored", lane: "artmail-activation/copywriter/test", kind: "test.ping"},
			{state: "ignored", lane: "artmail-activation/copywriter/test", kind: "test.ping"},
		}},
		{"an activation called test", postArtmail(`{"type":"agent.activated","activationId":"test","apiKey":"k"}`), 204, []kept{{state: "ignored", lane: "artmail-activation/copywriter/test", kind: "agent.activated"}}},

		{"broken JSON with a good token", postOffload(`{"event_type":`), 204, []kept{{state: "dead", lane: caseLane, reasonContains: "body is not an event"}}},
		{"no case in the event", postOffload(`{"event_type":"case.completed","data":{}}`), 204, []kept{{state: "pending", lane: caseLane, kind: "case.completed", key: "case.completed:/COMPLETED"}}},
		{"no case in the event on the shared route", shared(`{"event_type":"case.completed","data":{}}`), 204, []kept{
			{state: "dead", lane: "offload-shared/", kind: "case.completed", key: "case.completed:/COMPLETED", reasonContains: "data.caseId is missing"},
		}},
		{"no kind on the shared route", shared(`{"data":{"caseId":"c1"}}`), 204, []kept{{state: "dead", lane: sharedLane, reasonContains: "event_type is missing"}}},
		{"no kind from Artmail", postArtmail(`{"activationId":"a1"}`), 204, []kept{{state: "dead", lane: activationLane, reasonContains: "is missing"}}},
		{"broken JSON on the shared route", shared(`[`), 204, []kept{{state: "dead", lane: "offload-shared/", reasonContains: "body is not an event"}}},
		{"broken JSON with a good signature", postArtmail(`{`), 204, []kept{{state: "dead", reasonContains: "body is not an event"}}},
		{"a response without its message", postArtmail(`{"type":"approval_response","activationId":"a1","approved":true}`), 204, []kept{{state: "dead", lane: activationLane, kind: "approval_response", reasonContains: "messageId is missing"}}},

		{"a forged token", at("POST", "/webhooks/offload/order-1/"+strings.Repeat("A", 50), completed), 401, nil},
		{"a malformed token", at("POST", "/webhooks/offload/order-1/x", completed), 401, nil},
		{"another case's token", func(t *testing.T, f *fixture) answer {
			return f.post(t, strings.Replace(f.offloadPath("order-2"), "order-2", "order-1", 1), completed)
		}, 401, nil},
		{"a reference that can't be", func(t *testing.T, f *fixture) answer { return f.post(t, f.offloadPath("a+b"), completed) }, 401, nil},
		{"a forged shared secret", at("POST", "/webhooks/offload-shared/guess", completed), 401, nil},
		{"no signature", at("POST", "/webhooks/artmail/"+agent, paused), 401, []kept{{state: "quarantined", kind: "unverified"}}},
		{"a forged signature", signed(artmail.Sign([]byte(paused), "guess"), paused), 401, []kept{{state: "quarantined", kind: "unverified"}}},
		{"a signature of another body", signed(artmail.Sign([]byte(ping), agentSecret), paused), 401, []kept{{state: "quarantined", kind: "unverified"}}},
		{"a signature by an empty secret", signed(artmail.Sign([]byte(paused), ""), paused), 401, []kept{{state: "quarantined", kind: "unverified"}}},
		{"an unverified activation", signed("00", `{"type":"agent.activated","apiKey":"k"}`), 401, []kept{{state: "quarantined", kind: "unverified agent.activated"}}},
		{"an unknown agent", func(t *testing.T, f *fixture) answer {
			return f.post(t, "/webhooks/artmail/stranger", paused, artmail.SignatureHeader, artmail.Sign([]byte(paused), agentSecret))
		}, 401, nil},

		{"bad tokens repeatedly from one source", func(t *testing.T, f *fixture) answer {
			for range 10_000 {
				if got := f.post(t, "/webhooks/offload/order-1/x", completed); got.status != http.StatusUnauthorized {
					require.NotEmpty(t, got.header.Get("Retry-After"))
					return got
				}
			}
			return answer{}
		}, 429, nil},

		{"a body over the cap", postOffload(completed + large), 413, nil},
		{"a body over the cap with a forged token", at("POST", "/webhooks/offload/order-1/x", completed+large), 401, nil},
		{"a body over the cap for an agent", postArtmail(paused + large), 413, nil},
		{"an unsigned body over its cap", at("POST", "/webhooks/artmail/"+agent, large[:64<<10+1]), 413, nil},
		{"a body at the cap", postOffload(completed + large[len(completed):]), 204, []kept{{state: "pending", lane: caseLane, kind: "case.completed", key: "case.completed/evt_1"}}},

		{"another method", at("GET", "/webhooks/artmail/"+agent, ""), 405, nil},
		{"another method on a case's URL", func(t *testing.T, f *fixture) answer {
			return f.do(t, "PUT", f.offloadPath("order-1"), []byte(completed))
		}, 405, nil},
		{"another path", at("POST", "/webhooks/elsewhere", completed), 404, nil},
		{"a path too long", func(t *testing.T, f *fixture) answer { return f.post(t, f.offloadPath("order-1")+"/more", completed) }, 404, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := start(t, config(), nil)
			got := tt.send(t, f)
			require.Equal(t, tt.status, got.status)
			require.NotEmpty(t, got.header.Get("X-Request-Id"))
			if tt.status == http.StatusNoContent {
				require.Empty(t, got.body)
			} else {
				require.Equal(t, "application/problem+json", got.header.Get("Content-Type"))
			}
			// The quarantine is written in the background; the stop waits for it.
			require.NoError(t, f.stop())
			have := f.kept(t)
			require.Len(t, have, len(tt.kept))
			for i, want := range tt.kept {
				d := have[i]
				require.Equal(t, want.state, d.State)
				require.Equal(t, want.lane, d.Lane)
				require.Equal(t, want.kind, d.Kind)
				if want.state == inbox.StateQuarantined {
					require.NotEmpty(t, d.DedupeKey, "a repetition takes no second row")
				} else {
					require.Equal(t, want.key, d.DedupeKey)
				}
				require.Equal(t, want.duplicates, d.Duplicates)
				require.Equal(t, want.conflict, d.ConflictOf != "")
				require.Contains(t, d.Reason, want.reasonContains)
			}
		})
	}
}

func TestEveryRefusalOfABadCredentialLooksTheSame(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	want := f.post(t, "/webhooks/offload/order-1/x", completed)
	for name, got := range map[string]answer{
		"no signature":    f.post(t, "/webhooks/artmail/"+agent, paused),
		"unknown agent":   f.post(t, "/webhooks/artmail/stranger", paused),
		"shared secret":   f.post(t, "/webhooks/offload-shared/guess", completed),
		"broken JSON":     f.post(t, "/webhooks/offload/order-1/x", "{"),
		"other reference": f.post(t, "/webhooks/offload/nobody/"+strings.Repeat("A", 50), completed),
	} {
		require.Equal(t, want.status, got.status, name)
		require.Equal(t, want.body, got.body, name)
		for _, h := range []http.Header{want.header, got.header} {
			h.Del("X-Request-Id")
			h.Del("Date")
		}
		require.Equal(t, want.header, got.header, name)
	}
}

func TestTheSharedRouteIsOffWithoutASecret(t *testing.T) {
	t.Parallel()
	c := config()
	c.SharedSecrets = nil
	f := start(t, c, nil)
	require.Equal(t, 404, f.post(t, "/webhooks/offload-shared/", completed).status)
	require.Equal(t, 404, f.post(t, "/webhooks/offload-shared/"+sharedSecret, completed).status)
}

func TestBothSecretsVerifyWhileOneReplacesTheOther(t *testing.T) {
	t.Parallel()
	c := config()
	c.Agents[agent] = []string{"next", agentSecret}
	c.SharedSecrets = []string{"next", sharedSecret}
	f := start(t, c, nil)
	require.Equal(t, 204, f.postArtmail(t, paused).status)
	require.Equal(t, 204, f.post(t, "/webhooks/artmail/"+agent, ping, artmail.SignatureHeader, "sha256="+strings.ToUpper(artmail.Sign([]byte(ping), "next"))).status)
	require.Equal(t, 204, f.post(t, "/webhooks/offload-shared/next", completed).status)
	require.Equal(t, 204, f.post(t, "/webhooks/offload-shared/"+sharedSecret, completed).status)
}

func TestAPercentEncodedPathIsDecoded(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	require.Equal(t, 204, f.post(t, strings.Replace(f.offloadPath("order~1"), "order~1", "order%7E1", 1), completed).status)
	require.Equal(t, "offload-case/order~1", f.kept(t)[0].Lane)
}
