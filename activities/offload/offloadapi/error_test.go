package offloadapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
)

// calls are the client's calls, by what their errors say first.
var calls = map[string]func(context.Context, *offloadapi.Client) error{
	"create case": func(ctx context.Context, c *offloadapi.Client) error {
		_, err := c.CreateCase(ctx, validCreate(), testWebhook)
		return err
	},
	"get case": func(ctx context.Context, c *offloadapi.Client) error {
		_, err := c.GetCase(ctx, caseID)
		return err
	},
	"provide input": func(ctx context.Context, c *offloadapi.Client) error {
		return c.ProvideInput(ctx, caseID, "q1", "Yes")
	},
	"get attachment": func(ctx context.Context, c *offloadapi.Client) error {
		_, err := c.GetAttachment(ctx, caseID, "a1")
		return err
	},
}

var sentinels = []error{
	offloadapi.ErrNotSent, offloadapi.ErrRefused, offloadapi.ErrUncertain, offloadapi.ErrInvalidArgument, offloadapi.ErrUnauthorized,
	offloadapi.ErrForbidden, offloadapi.ErrNotFound, offloadapi.ErrUsageLimit, offloadapi.ErrThrottled, offloadapi.ErrNotWaiting,
	offloadapi.ErrNotPending, offloadapi.ErrMismatch, offloadapi.ErrInvalidResponse, offloadapi.ErrResponseTooLarge,
}

func envelope(code, message string) string {
	return `{"ok":false,"error":{"code":"` + code + `","message":"` + message + `"}}`
}

func TestEveryFailureStatusHasItsError(t *testing.T) {
	t.Parallel()
	refused, uncertain := offloadapi.ErrRefused, offloadapi.ErrUncertain
	for name, tc := range map[string]struct {
		status        int
		body          string
		is            []error
		code, message string
	}{
		"400":                           {400, envelope("INVALID_REQUEST", "goal.objective is required"), []error{refused}, "INVALID_REQUEST", "goal.objective is required"},
		"401":                           {401, envelope("UNAUTHORIZED", "no key"), []error{refused, offloadapi.ErrUnauthorized}, "UNAUTHORIZED", "no key"},
		"401 of a gateway":              {401, `{"message":"Unauthorized"}`, []error{refused, offloadapi.ErrUnauthorized}, "", "Unauthorized"},
		"403":                           {403, envelope("FORBIDDEN", "inactive"), []error{refused, offloadapi.ErrForbidden}, "FORBIDDEN", "inactive"},
		"404 of a case":                 {404, envelope("CASE_NOT_FOUND", "x"), []error{refused, offloadapi.ErrNotFound}, "CASE_NOT_FOUND", "x"},
		"404 of an attachment":          {404, envelope("ATTACHMENT_NOT_FOUND", "x"), []error{refused, offloadapi.ErrNotFound}, "ATTACHMENT_NOT_FOUND", "x"},
		"404 of a gateway":              {404, `<html>nginx</html>`, []error{refused, offloadapi.ErrNotFound}, "", ""},
		"408 proves nothing":            {408, ``, []error{uncertain}, "", ""},
		"409 not waiting":               {409, envelope("CASE_NOT_WAITING_FOR_INPUT", "x"), []error{refused, offloadapi.ErrNotWaiting}, "CASE_NOT_WAITING_FOR_INPUT", "x"},
		"409 not pending":               {409, envelope("INPUT_REQUEST_NOT_PENDING", "x"), []error{refused, offloadapi.ErrNotPending}, "INPUT_REQUEST_NOT_PENDING", "x"},
		"409 mismatch":                  {409, envelope("INPUT_REQUEST_MISMATCH", "x"), []error{refused, offloadapi.ErrMismatch}, "INPUT_REQUEST_MISMATCH", "x"},
		"409 of an unknown code":        {409, envelope("ELSE", "x"), []error{refused}, "ELSE", "x"},
		"a conflict's code without 409": {400, envelope("INPUT_REQUEST_MISMATCH", "x"), []error{refused}, "INPUT_REQUEST_MISMATCH", "x"},
		"413":                           {413, ``, []error{refused}, "", ""},
		"429 usage limit":               {429, envelope("USAGE_LIMIT_REACHED", "cap"), []error{refused, offloadapi.ErrUsageLimit}, "USAGE_LIMIT_REACHED", "cap"},
		"429 throttle in the envelope":  {429, envelope("THROTTLED", "slow"), []error{refused, offloadapi.ErrThrottled}, "THROTTLED", "slow"},
		"429 of a gateway":              {429, `{"message":"Too Many Requests"}`, []error{refused, offloadapi.ErrThrottled}, "", "Too Many Requests"},
		"429 as text":                   {429, "slow\r\n\x00down", []error{refused, offloadapi.ErrThrottled}, "", "slow   down"},
		"429 empty":                     {429, ``, []error{refused, offloadapi.ErrThrottled}, "", ""},
		"500":                           {500, envelope("INTERNAL_ERROR", "queue"), []error{uncertain}, "INTERNAL_ERROR", "queue"},
		"500 of a platform":             {500, `{"message":"Internal server error"}`, []error{uncertain}, "", "Internal server error"},
		"error that is a string":        {502, `{"error":"bad gateway","message":"m"}`, []error{uncertain}, "", "m"},
		"503 as HTML":                   {503, "\n<!doctype html>", []error{uncertain}, "", ""},
		"504":                           {504, `[]`, []error{uncertain}, "", "[]"},
		"302":                           {302, ``, []error{uncertain}, "", "redirects are not followed; the base URL may be wrong"},
		"304":                           {304, ``, []error{uncertain}, "", "redirects are not followed; the base URL may be wrong"},
	} {
		for op, call := range calls {
			t.Run(op+" "+name, func(t *testing.T) {
				t.Parallel()
				client, requests := serve(t, answerWith(tc.status, tc.body))
				err := call(t.Context(), client)
				var apiErr *offloadapi.Error
				require.ErrorAs(t, err, &apiErr)
				for _, sentinel := range sentinels {
					require.Equal(t, containsError(tc.is, sentinel), errors.Is(err, sentinel), "%v", sentinel)
				}
				require.Equal(t, op, apiErr.Op)
				require.Equal(t, tc.status, apiErr.Status)
				require.Equal(t, tc.code, apiErr.Code)
				require.Equal(t, tc.message, apiErr.Message)
				require.EqualValues(t, 1, requests.Load())
			})
		}
	}
}

func containsError(all []error, one error) bool {
	for _, e := range all {
		if errors.Is(e, one) {
			return true
		}
	}
	return false
}

func TestASuccessThatCannotBeReadIsUncertain(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"empty":             ``,
		"HTML":              `<html>hello</html>`,
		"cut":               `{"ok":true,"data":{"caseId":"` + caseID + `"`,
		"more behind it":    `{"ok":true,"data":{"caseId":"x","status":"RUNNING","downloadUrl":"u"}} {}`,
		"not ok":            `{"ok":false,"data":{"caseId":"` + caseID + `","status":"RUNNING","downloadUrl":"u"}}`,
		"no data":           `{"ok":true}`,
		"null data":         `{"ok":true,"data":null}`,
		"data of a kind":    `{"ok":true,"data":[]}`,
		"wrong field types": `{"ok":true,"data":{"caseId":{},"status":{},"downloadUrl":{},"accepted":false}}`,
		"nothing said":      `{"ok":true,"data":{"accepted":false}}`,
	} {
		for op, call := range calls {
			client, requests := serve(t, answerWith(200, body))
			err := call(t.Context(), client)
			require.ErrorIs(t, err, offloadapi.ErrUncertain, "%s %s", op, name)
			require.ErrorIs(t, err, offloadapi.ErrInvalidResponse, "%s %s", op, name)
			require.EqualValues(t, 1, requests.Load(), "%s %s", op, name)
		}
	}
}

func TestFactsOfAnotherCaseAreRefused(t *testing.T) {
	t.Parallel()
	client, _ := serve(t, answerWith(200, `{"ok":true,"data":{"caseId":"another","status":"COMPLETED"}}`))
	_, err := client.GetCase(t.Context(), caseID)
	require.ErrorIs(t, err, offloadapi.ErrInvalidResponse)
}

func TestACreatedCaseWithoutAUsableIDIsUncertain(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", ".", "..", `id\n`, `id\u0085`, strings.Repeat("x", 251)} {
		client, _ := serve(t, answerWith(201, `{"ok":true,"data":{"caseId":"`+id+`"}}`))
		_, err := client.CreateCase(t.Context(), validCreate(), testWebhook)
		require.ErrorIs(t, err, offloadapi.ErrUncertain)
	}
}

func TestErrorsShowNoSecretAndStayShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 5000)
	for name, text := range map[string]string{
		"key":                  "your key " + testKey + " is bad",
		"key where it is cut":  strings.Repeat("x", 390) + testKey,
		"webhook URL":          "clientWebhookUrl " + testWebhook + " is bad",
		"webhook token":        "path order-7/token-of-fifty-characters is bad",
		"token where it's cut": strings.Repeat("x", 385) + testWebhook,
		"long":                 long,
		"bytes of no text":     "\xff\xfe" + long,
	} {
		for _, body := range []string{text, envelope(text, text), `{"message":"` + text + `"}`} {
			client, _ := serve(t, answerWith(400, body))
			_, err := client.CreateCase(t.Context(), validCreate(), testWebhook)
			require.ErrorIs(t, err, offloadapi.ErrRefused, name)
			require.NotContains(t, err.Error(), "key-of", name)
			require.NotContains(t, err.Error(), "token-of", name)
			require.Less(t, len(err.Error()), 600, name)
			require.True(t, utf8.ValidString(err.Error()), name)
		}
	}
}

func TestTheCauseOfAnErrorShowsNoSecret(t *testing.T) {
	t.Parallel()
	for op, call := range calls {
		for name, c := range map[string]struct{ text, says string }{
			"the request as the response":      {"X-Api-Key: " + testKey + "\r\n", `malformed HTTP status code "[secret]"`},
			"the request behind a status":      {"HTTP/1.1 200 OK\r\nX-Api-Key " + testKey + "\r\n\r\n", "malformed MIME header"},
			"a capability URL as the response": {"Location " + testWebhook + "\r\n", `malformed HTTP status code "`},
		} {
			server := listen(t, func(w *wire, conn *net.TCPConn) {
				w.read(conn)
				_, _ = io.WriteString(conn, c.text)
			})
			err := call(t.Context(), newClient(t, offloadapi.Config{BaseURL: server.url}))
			require.ErrorIs(t, err, offloadapi.ErrUncertain, "%s: %s", op, name)
			require.ErrorContains(t, err, c.says, "%s: %s", op, name)
			require.NotContains(t, err.Error(), "key-of", "%s: %s", op, name)
			require.NotContains(t, err.Error(), "token-of", "%s: %s", op, name)
		}
	}
}

// Offload stores the URL of each case.
func TestAnErrorThatQuotesAnyCaseShowsNoCapabilityURL(t *testing.T) {
	t.Parallel()
	token := strings.Repeat("aB3_-", 10)
	for text, want := range map[string]string{
		`{"clientWebhookUrl":"https://hooks.example.com/webhooks/offload/order-8/` + token + `","status":"RUNNING"}`: `{"clientWebhookUrl":"https://hooks.example.com/[secret]","status":"RUNNING"}`,
		`at https://hooks.example.com/webhooks/offload-shared/the-shared-secret now`:                                 `at https://hooks.example.com/[secret] now`,
		"token " + token: "token [secret]",
	} {
		body, err := json.Marshal(map[string]any{"ok": false, "error": map[string]any{"code": "INTERNAL_ERROR", "message": text}})
		require.NoError(t, err)
		for _, sent := range []string{string(body), `{"message":` + strconv.Quote(text) + `}`} {
			client, _ := serve(t, answerWith(500, sent))
			_, err = client.GetCase(t.Context(), caseID)
			var apiErr *offloadapi.Error
			require.ErrorAs(t, err, &apiErr)
			require.Equal(t, want, apiErr.Message)
		}
	}
}

func TestAnErrorReadsAsASentence(t *testing.T) {
	t.Parallel()
	client, _ := serve(t, answerWith(400, envelope("INVALID_REQUEST", "goal.objective is required")))
	_, err := client.CreateCase(t.Context(), validCreate(), testWebhook)
	require.EqualError(t, err, "offload: create case: refused: 400 INVALID_REQUEST: goal.objective is required")

	client, _ = serve(t, answerWith(503, ""))
	_, err = client.GetCase(t.Context(), caseID)
	require.EqualError(t, err, "offload: get case: uncertain: 503 Service Unavailable")
}

func TestAnErrorHasThePauseOfRetryAfter(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"":                              0,
		"7":                             7 * time.Second,
		"Sat, 21 Mar 2026 15:43:30 GMT": 90 * time.Second,
	} {
		client, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", header)
			w.WriteHeader(429)
		})
		_, err := client.GetCase(t.Context(), caseID)
		var apiErr *offloadapi.Error
		require.ErrorAs(t, err, &apiErr)
		require.Equal(t, want, apiErr.RetryAfter, "%q", header)
	}
}
