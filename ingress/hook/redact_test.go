package hook_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook"
)

func TestRedactShowsOnlyFieldsDocumentedAsHarmless(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, want string }{
		"a case that was completed": {
			`{"event_id":"evt_4fc5904d-0e44_case_completed_1774131900000","event_type":"case.completed","timestamp":1774131900000,"data":{
			"caseId":"4fc5904d-0e44-4ed3-aa57-c4a47ad0ae4f","clientReferenceId":"vendor_2048","status":"COMPLETED","channel":"EMAIL","attemptCount":2,
			"attachments":[{"attachmentId":"63016fee","name":"vendor-w9.pdf","size":904860,"type":"application/pdf","messageId":"<message-id@example.com>",
			"inboxId":"dev-test@agentmail.to","receivedAt":1774131900000}],
			"resultStatus":"goal_achieved","result":{"signedW9Received":true},"metadata":{"vendorId":"vendor_2048"}}}`,
			`{"event_id":"evt_4fc5904d-0e44_case_completed_1774131900000","event_type":"case.completed","timestamp":1774131900000,"data":{
			"caseId":"4fc5904d-0e44-4ed3-aa57-c4a47ad0ae4f","clientReferenceId":"vendor_2048","status":"COMPLETED","channel":"EMAIL","attemptCount":2,
			"attachments":[{"attachmentId":"63016fee","name":"[redacted]","size":904860,"type":"application/pdf","messageId":"[redacted]",
			"inboxId":"[redacted]","receivedAt":1774131900000}],
			"resultStatus":"goal_achieved","result":"[redacted]","metadata":"[redacted]"}}`,
		},
		"a question": {
			`{"event_type":"case.input_needed","data":{"caseId":"c1","status":"INPUT_NEEDED","attachments":[],"inputRequest":"Which form?","inputRequestId":"q1","inputRequestStatus":"PENDING","inputRequestedAt":1774131900300}}`,
			`{"event_type":"case.input_needed","data":{"caseId":"c1","status":"INPUT_NEEDED","attachments":[],"inputRequest":"[redacted]","inputRequestId":"q1","inputRequestStatus":"PENDING","inputRequestedAt":1774131900300}}`,
		},
		"a question's ID that is a command": {
			`{"data":{"inputRequestId":"q1'; touch pasted; echo '"}}`, `{"data":{"inputRequestId":"[redacted]"}}`,
		},
		"a case that failed": {
			`{"event_type":"case.failed","data":{"caseId":"c1","clientReferenceId":"PO 7781\tBranch North","status":"FAILED","resultStatus":"BOUNCED","failureReason":"They declined."}}`,
			`{"event_type":"case.failed","data":{"caseId":"c1","clientReferenceId":"[redacted]","status":"FAILED","resultStatus":"BOUNCED","failureReason":"[redacted]"}}`,
		},
		"a case that failed without a reason": {`{"data":{"failureReason":null}}`, `{"data":{"failureReason":null}}`},
		"an activation": {
			`{"type":"agent.activated","activationId":"a1","timestamp":1,"apiKey":"art_live_0000","user":{"id":"u_9","email":"person@brand.example"}}`,
			`{"type":"agent.activated","activationId":"a1","timestamp":1,"apiKey":"[redacted]","user":"[redacted]"}`,
		},
		"a byte order mark": {"\ufeff" + `{"type":"agent.activated","apiKey":"art_live_1111"}`, `{"type":"agent.activated","apiKey":"[redacted]"}`},
		"an approval's response": {
			`{"type":"approval_response","activationId":"a1","messageId":"m1","inResponseToId":"m0","approved":true,"reason":"Pat in finance said yes","runId":null}`,
			`{"type":"approval_response","activationId":"a1","messageId":"m1","inResponseToId":"m0","approved":true,"reason":"[redacted]","runId":null}`,
		},
		"an approval in words":         {`{"approved":"true"}`, `{"approved":"true"}`},
		"an approval in a sentence":    {`{"approved":"yes, if Pat agrees"}`, `{"approved":"[redacted]"}`},
		"the same under data":          {`{"event":"approval_response","data":{"reason":"go ahead","runId":"r1"}}`, `{"event":"approval_response","data":{"reason":"[redacted]","runId":"r1"}}`},
		"a pause":                      {`{"type":"agent.paused","timestamp":"Thu, 26 Nov 2026 12:00:00 GMT","reason":"user_paused"}`, `{"type":"agent.paused","timestamp":"Thu, 26 Nov 2026 12:00:00 GMT","reason":"user_paused"}`},
		"a run that was ended":         {`{"type":"run_force_failed","runId":"r1","reason":"stale","staleMinutes":16}`, `{"type":"run_force_failed","runId":"r1","reason":"stale","staleMinutes":16}`},
		"a test":                       {`{"type":"test.ping","activationId":"test","note":"hello"}`, `{"type":"test.ping","activationId":"test","note":"[redacted]"}`},
		"a status that is not known":   {`{"data":{"status":"ON_HOLD"}}`, `{"data":{"status":"ON_HOLD"}}`},
		"a time that is a sentence":    {`{"timestamp":"when Pat called"}`, `{"timestamp":"[redacted]"}`},
		"a key in the place of an ID":  {`{"runId":"art_live_0000","type":"art_live_0000"}`, `{"runId":"[redacted]","type":"[redacted]"}`},
		"an object in place of an ID":  {`{"caseId":{"email":"p@x.example"}}`, `{"caseId":"[redacted]"}`},
		"undocumented fields":          {`{"pat@example.com":true,"token":"k","caseID":"c","data":{"api_key":7}}`, `{"[redacted]":"undocumented fields: 3","data":{"[redacted]":"undocumented fields: 1"}}`},
		"a field with the hidden name": {`{"[redacted]":"Pat"}`, `{"[redacted]":"undocumented fields: 1"}`},
		"the same field twice":         {`{"apiKey":"k","apiKey":"l"}`, `{"apiKey":"[redacted]"}`},
		"a name with an escape in it":  {`{"\u0061piKey":"k"}`, `{"apiKey":"[redacted]"}`},
		"attachments of another shape": {`{"attachments":["invoice.pdf",{"name":"a","note":"b"}]}`, `{"attachments":["[redacted]",{"name":"[redacted]","[redacted]":"undocumented fields: 1"}]}`},
		"no object":                    {`"pat@example.com"`, `"[redacted]"`},
		"a list":                       {`[{"caseId":"c1"}]`, `"[redacted]"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, hidden, ok := hook.Redact([]byte(c.body))
			require.True(t, ok)
			require.JSONEq(t, c.want, string(got))
			require.Equal(t, strings.Contains(c.want, hook.Hidden), hidden)
		})
	}
}

func TestRedactKeepsAllDigitsOfANumber(t *testing.T) {
	t.Parallel()
	got, hidden, ok := hook.Redact([]byte(`{"staleMinutes": 1.50, "timestamp": 12345678901234567890}`))
	require.True(t, ok)
	require.False(t, hidden)
	require.Equal(t, `{"staleMinutes":1.50,"timestamp":12345678901234567890}`, string(got))
}

func TestRedactShowsABodyWithAValueTooDeepToRead(t *testing.T) {
	t.Parallel()
	got, hidden, ok := hook.Redact([]byte(`{"staleMinutes":1,"fresh":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001) + `}`))
	require.True(t, ok)
	require.True(t, hidden)
	require.JSONEq(t, `{"staleMinutes":1,"[redacted]":"undocumented fields: 1"}`, string(got))
}

func TestRedactShowsNothingOfABodyThatIsNotJSON(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", `apiKey=art_key_1`, `{"a":1}{"apiKey":"art_key_1"}`, `{"apiKey":"art_key_1"`, "\xff\xfe art_key_1", `{} apiKey: art_key_1`} {
		got, _, ok := hook.Redact([]byte(body))
		require.False(t, ok, body)
		require.Nil(t, got, body)
	}
}

// For any body, what is shown is JSON without free text, mail addresses and API keys.
func FuzzRedactLetsNoSecretThrough(f *testing.F) {
	for _, seed := range []string{
		`{}`, `[[1]]`, `{"reason":"MARK"}`, `{"data":{"reason":"MARK"}}`, `{"MARK":1}`, `{"data":{"MARK":{"MARK":"MARK"}}}`, `{"apiKey":["MARK"]}`,
		`{"user":{"id":"MARK"}}`, `{"data":"{\"apiKey\":\"MARK\"}"}`, `{"approved":"MARK","timestamp":"MARK","staleMinutes":"MARK"}`,
		`{"type":"MARK","event_id":"MARK"}`, `{"data":{"attachments":[{"type":"MARK","name":"MARK","size":"MARK"}]}}`, `{"status":"MARK","resultStatus":"MARK"}`,
		`{"activationId":"xMARK","note":"MARK","result":{"a":"MARK"},"metadata":"MARK","inputRequest":"MARK","failureReason":"MARK"}`, "\ufeff{\"runId\":\"MARK\"}", `{"MARK`, "\xffMARK",
	} {
		f.Add([]byte(seed))
	}
	marks := []string{"Pat said so", "pat@example.com", "art_live_3f9c", "+49 170 1234567", "https://evil.example/login", "O'Neil; rm -rf", "Zoë", "a\u202eb"}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, mark := range marks {
			shown, _, ok := hook.Redact([]byte(strings.ReplaceAll(string(body), "MARK", mark)))
			if !ok {
				require.Nil(t, shown)
				continue
			}
			require.True(t, json.Valid(shown))
			require.NotContains(t, string(shown), mark)
		}
	})
}
