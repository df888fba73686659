package ingress_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

func gzipped(tb testing.TB, body string) string {
	tb.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(body))
	require.NoError(tb, err)
	require.NoError(tb, w.Close())
	return b.String()
}

func signature(body string) string { return artmail.Sign([]byte(body), agentSecret) }

const activated = `{"type":"agent.activated","activationId":"a1","timestamp":1774131900000,"apiKey":"art_key_1"}`

func TestAPauseAndAResumeWithHTTPDatesHaveDifferentKeys(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	pause := `{"type":"agent.paused","activationId":"a1","timestamp":"Thu, 26 Nov 2026 12:00:00 GMT","reason":"user_paused"}`
	resume := `{"type":"agent.resumed","activationId":"a1","timestamp":"Thu, 26 Nov 2026 12:05:00 GMT"}`
	for _, body := range []string{pause, resume, pause} {
		require.Equal(t, 204, f.postArtmail(t, body).status)
	}
	kept := f.kept(t)
	require.Len(t, kept, 2)
	require.Equal(t, "agent.resumed/a1/1795694700000", kept[0].DedupeKey)
	require.Equal(t, time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC), kept[1].OccurredAt)
	require.Equal(t, 1, kept[1].Duplicates)
}

func TestTheSamePauseWithoutATimeIsOneEvent(t *testing.T) {
	t.Parallel()
	for name, timestamp := range map[string]string{"no time": "", "null": `,"timestamp":null`, "an odd time": `,"timestamp":"soon"`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, config(), nil)
			pause := `{"type":"agent.paused","activationId":"a1","reason":"user_paused"` + timestamp + `}`
			resume := `{"type":"agent.resumed","activationId":"a1"` + timestamp + `}`
			other := `{"type":"agent.paused","activationId":"a1","reason":"plan_downgrade"` + timestamp + `}`
			for _, body := range []string{pause, resume, pause, gzipped(t, pause), other} {
				require.Equal(t, 204, f.postArtmail(t, body).status)
			}
			kept := f.kept(t)
			require.Len(t, kept, 3)
			require.Equal(t, []int{0, 0, 2}, []int{kept[0].Duplicates, kept[1].Duplicates, kept[2].Duplicates})
			for _, d := range kept {
				require.Empty(t, d.ConflictOf)
				require.Contains(t, d.DedupeKey, d.Kind+"/body/")
				require.NotContains(t, d.DedupeKey, "user_paused")
			}
		})
	}
}

func TestABodyWithAByteOrderMarkIsAccepted(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	require.Equal(t, 204, f.postArtmail(t, "\xef\xbb\xbf"+activated).status)
	require.Equal(t, 204, f.post(t, f.offloadPath("order-1"), "\xef\xbb\xbf"+completed).status)
	for _, d := range f.kept(t) {
		require.Equal(t, inbox.StatePending, d.State, d.Reason)
	}
}

func TestAGzippedBodyIsInflatedOnceItIsVerified(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	for _, encoding := range [][]string{{"Content-Encoding", "gzip"}, {"Content-Encoding", "x-gzip"}, nil} {
		packed := gzipped(t, activated)
		header := append([]string{artmail.SignatureHeader, signature(packed)}, encoding...)
		require.Equal(t, 204, f.post(t, "/webhooks/artmail/"+agent, packed, header...).status)
		require.Equal(t, 204, f.post(t, f.offloadPath("order-1"), gzipped(t, completed), encoding...).status)
	}
	require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, gzipped(t, paused), artmail.SignatureHeader, signature(paused)).status, "the raw bytes are signed")
	require.NoError(t, f.stop())
	kept := f.kept(t)
	require.Len(t, kept, 3)
	require.Equal(t, inbox.StateQuarantined, kept[0].State)
	for _, d := range kept[1:] {
		require.Equal(t, inbox.StatePending, d.State, d.Reason)
		require.Equal(t, 2, d.Duplicates)
		require.Contains(t, []string{activated, completed}, f.opened(t, d))
	}
}

func TestABodyThatInflatesOverTheCapIsAnsweredWith413(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	fits := gzipped(t, paused+strings.Repeat(" ", 1<<20-len(paused)))
	require.Equal(t, 204, f.postArtmail(t, fits).status)
	for _, size := range []int{1<<20 + 1, 64 << 20} {
		bomb := gzipped(t, completed+strings.Repeat(" ", size-len(completed)))
		require.Less(t, len(bomb), 100<<10)
		require.Equal(t, 413, f.postArtmail(t, bomb).status)
		require.Equal(t, 413, f.post(t, f.offloadPath("order-1"), bomb).status)
		require.Equal(t, 401, f.post(t, "/webhooks/offload/order-1/x", bomb).status, "it is not inflated for a stranger")
	}
	require.Len(t, f.kept(t), 1)
}

func TestAnUnreadableBodyIsDeadAndKeptUnchanged(t *testing.T) {
	t.Parallel()
	whole := gzipped(t, activated)
	for name, tt := range map[string]struct{ body, encoding, reason string }{
		"a gzip that is cut":    {whole[:len(whole)-9], "gzip", `Content-Encoding "gzip"`},
		"only its first bytes":  {"\x1f\x8b", "gzip", `Content-Encoding "gzip"`},
		"a gzip with a tail":    {whole + "tail", "gzip", `Content-Encoding "gzip"`},
		"another encoding":      {"\x0b\x02\x80{}\x03", "br", `Content-Encoding "br"`},
		"two encodings":         {gzipped(t, whole), "gzip, gzip", `Content-Encoding "gzip,gzip"`},
		"an absurd encoding":    {"{", strings.Repeat("e", 5000), `Content-Encoding "eee`},
		"no encoding, no event": {"{", "identity", "body is not an event"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, config(), nil)
			got := f.post(t, "/webhooks/artmail/"+agent, tt.body, artmail.SignatureHeader, signature(tt.body), "Content-Encoding", tt.encoding)
			require.Equal(t, 204, got.status)
			require.Equal(t, 204, f.post(t, f.offloadPath("order-1"), tt.body, "Content-Encoding", tt.encoding).status)
			for _, d := range f.kept(t) {
				require.Equal(t, inbox.StateDead, d.State)
				require.True(t, strings.HasPrefix(d.Reason, tt.reason), d.Reason)
				require.Less(t, len(d.Reason), 300)
				if name != "two encodings" {
					require.Equal(t, tt.body, f.opened(t, d))
				}
			}
		})
	}
}

func TestABodyThatAProxyHasDecompressedIsAccepted(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	require.Equal(t, 204, f.post(t, f.offloadPath("order-1"), completed, "Content-Encoding", "gzip").status)
	require.Equal(t, inbox.StatePending, f.kept(t)[0].State)
}

func TestAnyOfSeveralSignaturesIsEnough(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	const header = artmail.SignatureHeader
	good, old := signature(paused), artmail.Sign([]byte(paused), "old")
	olds := func(n int) string { return strings.Repeat(old+", ", n) }
	for name, tt := range map[string]struct {
		header []string
		status int
	}{
		"the second of one line":  {[]string{header, old + "," + good}, 204},
		"the first of one line":   {[]string{header, "sha256=" + good + " , " + old}, 204},
		"the second line":         {[]string{header, old, header, good}, 204},
		"an empty line before it": {[]string{header, "", header, good}, 204},
		"the eighth":              {[]string{header, olds(7) + good}, 204},
		"the ninth is not tried":  {[]string{header, olds(8) + good}, 401},
		"none":                    {[]string{header, old, header, old}, 401},
	} {
		require.Equal(t, tt.status, f.post(t, "/webhooks/artmail/"+agent, paused, tt.header...).status, name)
	}
}

func TestOneSlashAtTheEndOfAWebhookRouteIsAccepted(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	for _, path := range []string{f.offloadPath("order-1"), "/webhooks/offload-shared/" + sharedSecret, "/webhooks/artmail/" + agent} {
		post := func(end string) int {
			return f.post(t, path+end, completed, artmail.SignatureHeader, signature(completed)).status
		}
		require.Equal(t, 204, post("/"), path)
		require.Equal(t, 404, post("//"), path)
		require.Equal(t, 404, post("/more"), path)
		require.Equal(t, 404, post("/more/"), path)
		require.Equal(t, 401, post("%2F"), path)
	}
	lanes := map[string]bool{}
	for _, d := range f.kept(t) {
		lanes[d.Lane] = true
	}
	require.True(t, lanes["offload-case/order-1"])
	require.Contains(t, f.metrics(t), `route="/webhooks/artmail/:agent",status="204"`)
}

func TestTheQuarantineKeepsSignaturesAndEncodingForALaterRelease(t *testing.T) {
	t.Parallel()
	c := config()
	c.Agents[agent] = []string{"a wrong secret"}
	c.Quarantine.MaxBody = 1 << 20
	f := start(t, c, nil)
	packed := gzipped(t, activated)
	old := artmail.Sign([]byte(packed), "old")
	got := f.post(t, "/webhooks/artmail/"+agent, packed, artmail.SignatureHeader, old, artmail.SignatureHeader, signature(packed), "Content-Encoding", "gzip")
	require.Equal(t, 401, got.status)
	bomb := gzipped(t, strings.Repeat(" ", ingress.LargestMaxBody+1))
	require.Equal(t, 401, f.post(t, "/webhooks/artmail/"+agent, bomb, artmail.SignatureHeader, signature(bomb), "Content-Encoding", "gzip").status)
	require.NoError(t, f.stop())

	done, err := f.releaser(t, map[string][]string{agent: {agentSecret}}).Release(t.Context(), agent)
	require.NoError(t, err)
	require.Equal(t, ingress.Released{Accepted: 2}, done)
	byState := map[inbox.State]inbox.Delivery{}
	for _, d := range f.kept(t) {
		byState[d.State] = d
	}
	require.Equal(t, "agent.activated/a1", byState[inbox.StatePending].DedupeKey)
	require.Equal(t, activated, f.opened(t, byState[inbox.StatePending]))
	require.Contains(t, byState[inbox.StateDead].Reason, `Content-Encoding "gzip"`)
	require.Equal(t, bomb, f.opened(t, byState[inbox.StateDead]))
}

func TestAnUnusableFieldThatDoesNotIdentifyTheEventIsTolerated(t *testing.T) {
	t.Parallel()
	f := start(t, config(), nil)
	for _, body := range []string{
		`{"event_id":"e1","event_type":"case.failed","data":{"caseId":"c1","clientReferenceId":"PO 7781\tBranch North","status":"FAILED"}}`,
		`{"event_id":"e2","event_type":"case.failed","data":{"caseId":"c1","clientReferenceId":"` + strings.Repeat("x", 1001) + `","status":"FAILED"}}`,
		`{"event_id":"e3","event_type":"case.input_needed","data":{"caseId":"c1","status":["?"],"inputRequest":"Which?","inputRequestId":{}}}`,
	} {
		require.Equal(t, 204, f.post(t, f.offloadPath("order-1"), body).status)
	}
	for i, approved := range []string{`"true"`, `"yes"`, `1`, `null`} {
		require.Equal(t, 204, f.postArtmail(t, fmt.Sprintf(`{"type":"approval_response","activationId":"a1","messageId":"m%d","approved":%s}`, i, approved)).status)
	}
	for _, d := range f.kept(t) {
		require.Equal(t, inbox.StatePending, d.State, d.Reason)
	}
}
