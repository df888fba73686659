package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

func TestATranscriptIsReadLiveFromOffload(t *testing.T) {
	t.Parallel()
	const offloadKey = "offload-key-4711"
	running := workflows.CaseState{Reference: "vendor_2048", Account: "default", CaseID: "c-1", Status: workflows.CaseRunning}
	uncreated, elsewhere, expired := running, running, running
	expired.CaseID, expired.Status = "", workflows.CaseExpired
	uncreated.CaseID, uncreated.Status = "", workflows.CaseCreating
	elsewhere.Account = "shop"
	for name, c := range map[string]struct {
		state     workflows.CaseState
		status    int
		body      string
		reference string
		exit      int
		out, err  string
	}{
		"text": {
			running, 200, `{"ok":true,"data":{"caseId":"c-1","conversationThread":"From: Ada\r\n\r\nHello \u001b[2J\u202e\n\n"}}`, "vendor_2048",
			0, "From: Ada\n\nHello \\u001b[2J\\u202e\n", "",
		},
		"no thread yet":     {running, 200, `{"ok":true,"data":{"caseId":"c-1","conversationThread":null}}`, "vendor_2048", 0, "", "no conversation"},
		"mail is away":      {running, 500, `{"message":"Internal Server Error"}`, "vendor_2048", 6, "", "try again later"},
		"throttled":         {running, 429, ``, "vendor_2048", 6, "", "429"},
		"gone at Offload":   {running, 404, `{"ok":false,"error":{"code":"CASE_NOT_FOUND","message":"no"}}`, "vendor_2048", 3, "", "Offload does not have the case: offload: get transcript: refused: 404 CASE_NOT_FOUND"},
		"key is refused":    {running, 401, `{"ok":false,"error":{"code":"UNAUTHORIZED","message":"key ` + offloadKey + `"}}`, "vendor_2048", 1, "", "UNAUTHORIZED"},
		"not text":          {running, 200, `{"ok":true,"data":{"conversationThread":{"a":1}}}`, "vendor_2048", 1, "", "conversationThread"},
		"never created":     {expired, 200, `{}`, "vendor_2048", 3, "", "Offload does not have the case: it is EXPIRED"},
		"not created yet":   {uncreated, 200, `{}`, "vendor_2048", 3, "", "CREATING"},
		"another account":   {elsewhere, 200, `{}`, "vendor_2048", 2, "", `"shop"`},
		"no such reference": {running, 200, `{}`, "vendor_1", 3, "", "not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			offload := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet || r.RequestURI != "/cases/c-1?includeTranscript=true" || r.Header.Get("x-api-key") != offloadKey {
					w.WriteHeader(http.StatusTeapot)
					return
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			t.Cleanup(offload.Close)
			environ := []string{"SIGNALBOX_OFFLOAD_BASE_URL=" + offload.URL, "SIGNALBOX_OFFLOAD_API_KEY=" + offloadKey}
			got := commandWith(t, environ, answeringCase(t, c.state), "case", "transcript", c.reference)
			require.Equal(t, c.exit, got.status, got.err)
			require.Equal(t, c.out, got.out)
			require.Contains(t, got.err, c.err)
			require.NotContains(t, got.err, offloadKey)

			if name == "text" {
				got = commandWith(t, environ, answeringCase(t, c.state), "case", "transcript", c.reference, "--json")
				require.Zero(t, got.status, got.err)
				require.NotContains(t, got.out, "\x1b")
				var found workflows.CaseTranscript
				require.NoError(t, json.Unmarshal([]byte(got.out), &found))
				require.Equal(t, "From: Ada\r\n\r\nHello \x1b[2J\u202e\n\n", found.Text)
				require.Equal(t, "c-1", found.CaseID)
				require.False(t, found.ReadAt.IsZero())
			}
		})
	}
}
