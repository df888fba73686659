package simtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// Response is an answer of a simulator. Body is its JSON where that is an object.
type Response struct {
	Status int
	Header http.Header
	Text   string
	Body   map[string]any
}

// Call calls a simulator with headers, given as names and values in turn.
func Call(t testing.TB, simulator http.Handler, method, path, body string, headers ...string) Response {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	simulator.ServeHTTP(recorder, request)
	got := Response{Status: recorder.Code, Header: recorder.Header(), Text: recorder.Body.String()}
	if strings.HasPrefix(got.Header.Get("Content-Type"), "application/json") && strings.HasPrefix(got.Text, "{") {
		require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &got.Body))
	}
	return got
}

// Events decodes what the receiver has got, once all that was due has come.
func (r *Receiver) Events(t testing.TB) []map[string]any {
	t.Helper()
	synctest.Wait()
	var events []map[string]any
	for _, body := range r.Bodies() {
		var one map[string]any
		require.NoError(t, json.Unmarshal([]byte(body), &one))
		events = append(events, one)
	}
	return events
}

// As asserts the type of a decoded JSON value.
func As[T any](value any) T {
	typed, ok := value.(T)
	if !ok {
		panic(fmt.Sprintf("%v is %T, not %T", value, value, typed))
	}
	return typed
}
