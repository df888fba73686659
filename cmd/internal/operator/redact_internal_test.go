package operator

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRedactionGoesByTheNamesOfFields(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, want string }{
		"API key in every spelling":    {`{"apiKey":"k","api_key":"k","API-Key":"k","userApiKey":{"v":"k"}}`, `{"apiKey":"[redacted]","api_key":"[redacted]","API-Key":"[redacted]","userApiKey":"[redacted]"}`},
		"under data":                   {`{"data":{"apiKey":"k","runId":"r"}}`, `{"data":{"apiKey":"[redacted]","runId":"r"}}`},
		"in a list":                    {`[{"user":{"id":1}},{"token":5}]`, `[{"user":"[redacted]"},{"token":"[redacted]"}]`},
		"a person":                     {`{"counterparty":{"address":"p@x.example","name":"Pat"},"senderPersona":{"name":"Q"}}`, `{"counterparty":"[redacted]","senderPersona":"[redacted]"}`},
		"mail in a text":               {`{"reason":"bounced: pat@example.com, twice"}`, `{"reason":"bounced: [redacted], twice"}`},
		"mail as a field":              {`{"seen":{"pat@example.com":true}}`, `{"seen":{"[redacted]":true}}`},
		"a document in a text":         {`{"payload":"{\"apiKey\":\"k\",\"n\":1}"}`, `{"payload":"{\"apiKey\":\"[redacted]\",\"n\":1}"}`},
		"what people wrote":            {`{"result":{"taxId":"12"},"inputRequest":"who?","inputRequestId":"i1","transcript":[]}`, `{"result":"[redacted]","inputRequest":"[redacted]","inputRequestId":"i1","transcript":"[redacted]"}`},
		"nothing there":                {`{"apiKey":null}`, `{"apiKey":null}`},
		"the same field twice":         {`{"apiKey":"k","apiKey":"l"}`, `{"apiKey":"[redacted]"}`},
		"what is nobody's stays":       {`{"caseId":"c","status":"FAILED","attempt":12345678901234567890,"at":1.50}`, `{"caseId":"c","status":"FAILED","attempt":12345678901234567890,"at":1.50}`},
		"a name with an escape in it":  {`{"\u0061piKey":"k"}`, `{"apiKey":"[redacted]"}`},
		"a value that is only a value": {`"pat@example.com"`, `"[redacted]"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, taken := redact([]byte(c.body))
			require.JSONEq(t, c.want, string(got))
			require.Equal(t, c.want != c.body, taken)
		})
	}
}

func TestWhatIsShownOfANumberIsTheNumber(t *testing.T) {
	t.Parallel()
	got, _ := redact([]byte(`{"id": 12345678901234567890, "size": 1.50}`))
	require.Equal(t, `{"id":12345678901234567890,"size":1.50}`, string(got))
}

func FuzzRedact(f *testing.F) {
	for _, seed := range []string{`{}`, `[[1]]`, `{"a":"{\"user\":1}"}`, `{"user":`, "\xff", `{"a":{"secret":{"b":"canary"}}}`} {
		f.Add([]byte(seed), "apiKey")
	}
	f.Fuzz(func(t *testing.T, body []byte, field string) {
		clean, _ := redact(body)
		require.True(t, clean == nil || json.Valid(clean))
		if !isHidden(field) {
			return
		}
		inside, err := json.Marshal(map[string]any{"a": []any{map[string]string{field: "canary"}}})
		require.NoError(t, err)
		clean, taken := redact(inside)
		require.True(t, taken)
		require.NotContains(t, string(clean), "canary")
	})
}
