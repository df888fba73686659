package page

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/signalbox-dev/signalbox/ingress/api"
)

// problem is a call that the API refused.
type problem struct{ api.Problem }

func (p *problem) Error() string { return p.Title + ": " + p.Detail }

// is says whether an error is a problem of one of the types, such as "already-answered".
func (p *problem) is(types ...string) bool {
	for _, t := range types {
		if strings.HasSuffix(string(p.Type), ":"+t) {
			return true
		}
	}
	return false
}

// get reads something over the API.
func (v *visit) get(into any, query url.Values, path ...string) error {
	return v.call(v.r.Context(), http.MethodGet, query, nil, into, path...)
}

// post changes something over the API. A nil body is none.
func (v *visit) post(body, into any, path ...string) error {
	return v.call(v.r.Context(), http.MethodPost, nil, body, into, path...)
}

// call calls the API with the visitor's token. The parts of the path are below /v1. An error of the API is a *problem if it can be read.
func (v *visit) call(ctx context.Context, method string, query url.Values, body, into any, path ...string) error {
	var target strings.Builder
	target.WriteString("/v1")
	for _, part := range path {
		target.WriteString("/" + url.PathEscape(part))
	}
	if len(query) > 0 {
		target.WriteString("?" + query.Encode())
	}
	var content io.Reader = http.NoBody
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("%s: %w", target.String(), err)
		}
		content = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, target.String(), content)
	if err != nil {
		return fmt.Errorf("%s: %w", target.String(), err)
	}
	request.RemoteAddr, request.TLS, request.Host = v.r.RemoteAddr, v.r.TLS, v.r.Host
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if v.secret != "" {
		request.Header.Set("Authorization", "Bearer "+v.secret)
	}
	answer := &answer{header: http.Header{}, status: http.StatusOK, outer: v.w}
	v.s.deps.API.ServeHTTP(answer, request)
	if answer.status >= http.StatusBadRequest {
		var refused problem
		if err := json.Unmarshal(answer.body.Bytes(), &refused.Problem); err != nil {
			return fmt.Errorf("%s answered %d", target.String(), answer.status)
		}
		return &refused
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer.body.Bytes(), into); err != nil {
		return fmt.Errorf("%s: %w", target.String(), err)
	}
	return nil
}

// answer holds what the API answers.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
	outer  http.ResponseWriter
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }

// Unwrap lets the API move the deadline of the visitor's connection for a long call.
func (a *answer) Unwrap() http.ResponseWriter { return a.outer }
