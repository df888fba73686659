package apitest_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector is an OTLP receiver that keeps what it gets.
type collector struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*tracepb.Span
	raw   bytes.Buffer
	// more is closed, and made anew, when spans come.
	more chan struct{}
}

func newCollector() *collector {
	c := &collector{more: make(chan struct{})}
	c.Server = httptest.NewServer(c)
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var request collectortrace.ExportTraceServiceRequest
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &request) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw.Write(body)
	for _, resource := range request.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
	close(c.more)
	c.more = make(chan struct{})
}

// trace returns the spans of a trace.
func (c *collector) trace(id string) (spans []*tracepb.Span, more <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, span := range c.spans {
		if id == "" || hex.EncodeToString(span.GetTraceId()) == id {
			spans = append(spans, span)
		}
	}
	return spans, c.more
}

// holds waits until a span is there that fits, in any trace.
func (c *collector) holds(t *testing.T, what string, fits func(*tracepb.Span) bool) *tracepb.Span {
	t.Helper()
	return c.find(t, "", what, fits)
}

// find waits until a trace has a span that fits.
func (c *collector) find(t *testing.T, id, what string, fits func(*tracepb.Span) bool) *tracepb.Span {
	t.Helper()
	return c.search(t, id, what, func(spans []*tracepb.Span) *tracepb.Span {
		if i := slices.IndexFunc(spans, fits); i >= 0 {
			return spans[i]
		}
		return nil
	})
}

// search waits until among is no longer nil for the spans of a trace.
func (c *collector) search(t *testing.T, id, what string, among func([]*tracepb.Span) *tracepb.Span) *tracepb.Span {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	for {
		spans, more := c.trace(id)
		if found := among(spans); found != nil {
			return found
		}
		select {
		case <-more:
		case <-ctx.Done():
			require.FailNow(t, "no span "+what, "trace %s has:\n%s", id, tree(spans))
		}
	}
}

// chain waits for spans in one trace of which each is the parent of the next, and returns the last. The names begin below the given span.
func (c *collector) chain(t *testing.T, from *tracepb.Span, names ...string) *tracepb.Span {
	t.Helper()
	return c.chainTo(t, from, func(*tracepb.Span) bool { return true }, names...)
}

// chainTo is chain, for a chain whose last span fits.
func (c *collector) chainTo(t *testing.T, from *tracepb.Span, fits func(*tracepb.Span) bool, names ...string) *tracepb.Span {
	t.Helper()
	return c.search(t, hex.EncodeToString(from.GetTraceId()), fmt.Sprintf("%q below %q", names, from.GetName()), func(spans []*tracepb.Span) *tracepb.Span {
		return chainAmong(spans, from, fits, names)
	})
}

// chainAmong looks below each of several spans of the same name: what fails on a busy machine is tried again.
func chainAmong(spans []*tracepb.Span, from *tracepb.Span, fits func(*tracepb.Span) bool, names []string) *tracepb.Span {
	if len(names) == 0 {
		if fits(from) {
			return from
		}
		return nil
	}
	for _, span := range spans {
		if span.GetName() != names[0] || !bytes.Equal(span.GetParentSpanId(), from.GetSpanId()) {
			continue
		}
		if last := chainAmong(spans, span, fits, names[1:]); last != nil {
			return last
		}
	}
	return nil
}

func TestAChainGoesOnBelowTheTryThatHasOne(t *testing.T) {
	t.Parallel()
	span := func(id, parent byte, name string) *tracepb.Span {
		return &tracepb.Span{TraceId: []byte{1}, SpanId: []byte{id}, ParentSpanId: []byte{parent}, Name: name}
	}
	all := []*tracepb.Span{span(1, 0, "call"), span(2, 1, "try"), span(3, 1, "try"), span(4, 3, "effect")}
	every := func(*tracepb.Span) bool { return true }
	require.Equal(t, all[3], chainAmong(all, all[0], every, []string{"try", "effect"}))
	require.Nil(t, chainAmong(all, all[0], every, []string{"effect"}))
	require.Equal(t, all[2], chainAmong(all, all[0], func(s *tracepb.Span) bool { return s.GetSpanId()[0] == 3 }, []string{"try"}))
}

func tree(spans []*tracepb.Span) string {
	var b bytes.Buffer
	for _, span := range spans {
		fmt.Fprintf(&b, "%x below %x: %s\n", span.GetSpanId(), span.GetParentSpanId(), span.GetName())
	}
	return b.String()
}

// text is the value of an attribute; a list's values stand one after the other.
func text(span *tracepb.Span, key string) string {
	for _, a := range span.GetAttributes() {
		if a.GetKey() != key {
			continue
		}
		all := a.GetValue().GetStringValue()
		for _, one := range a.GetValue().GetArrayValue().GetValues() {
			all += one.GetStringValue()
		}
		return all
	}
	return ""
}

// got is all that came, as it came.
func (c *collector) got() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.raw.Bytes())
}
