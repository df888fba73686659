package signalboxtest

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
)

// ListWorkflowExecutions implements the service, in Temporal's order: first open workflows, newest start first; then closed ones, latest
// end first.
func (s *server) ListWorkflowExecutions(_ context.Context, r *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return nil, errAway()
	}
	found, err := s.find(r.GetQuery())
	if err != nil {
		return nil, err
	}
	// The token is the key of the last row.
	key := func(e *execution) string {
		closed := e.closed
		if closed.IsZero() {
			closed = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		descending := func(t time.Time) string { return strconv.FormatInt(1<<62-t.UnixMicro(), 10) }
		return descending(closed) + "/" + descending(e.started) + "/" + e.runID
	}
	slices.SortFunc(found, func(a, b *execution) int { return cmp.Compare(key(a), key(b)) })
	if after := string(r.GetNextPageToken()); after != "" {
		found = slices.DeleteFunc(found, func(e *execution) bool { return key(e) <= after })
	}
	response := &workflowservice.ListWorkflowExecutionsResponse{}
	if size := int(r.GetPageSize()); size > 0 && len(found) > size {
		found = found[:size]
		response.NextPageToken = []byte(key(found[size-1]))
	}
	for _, e := range found {
		info, err := e.info()
		if err != nil {
			return nil, err
		}
		response.Executions = append(response.Executions, info)
	}
	return response, nil
}

// CountWorkflowExecutions implements the service.
func (s *server) CountWorkflowExecutions(_ context.Context, r *workflowservice.CountWorkflowExecutionsRequest) (*workflowservice.CountWorkflowExecutionsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return nil, errAway()
	}
	found, err := s.find(r.GetQuery())
	return &workflowservice.CountWorkflowExecutionsResponse{Count: int64(len(found))}, err
}

// find evaluates the queries that the client makes.
func (s *server) find(query string) ([]*execution, error) {
	var found []*execution
	for _, runs := range s.executions {
		for _, e := range runs {
			fits, ok := matches(e, query)
			if !ok {
				return nil, status(serviceerror.NewInvalidArgument("signalboxtest does not support the query " + query))
			}
			if fits {
				found = append(found, e)
			}
		}
	}
	return found, nil
}

// matches evaluates conditions joined by AND or, in parentheses, by OR. It expects that values have no quotes and no unclosed
// parentheses. ok is false for a query that it does not support.
func matches(e *execution, query string) (fits, ok bool) {
	query = strings.TrimSpace(query)
	for _, join := range []struct {
		word string
		all  bool
	}{{" OR ", false}, {" AND ", true}} {
		parts := split(query, join.word)
		if len(parts) == 1 {
			continue
		}
		for _, part := range parts {
			fits, ok = matches(e, part)
			if !ok || fits != join.all {
				return fits, ok
			}
		}
		return fits, true
	}
	if inner, wrapped := strings.CutPrefix(query, "("); wrapped {
		return matches(e, strings.TrimSuffix(inner, ")"))
	}
	return condition(e, query)
}

// split cuts the query at each word outside of quotes and parentheses.
func split(query, word string) []string {
	var parts []string
	depth, quoted, from := 0, false, 0
	for i := range len(query) {
		switch c := query[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case depth == 0 && strings.HasPrefix(query[i:], word):
			parts = append(parts, query[from:i])
			from = i + len(word)
		}
	}
	return append(parts, query[from:])
}

func condition(e *execution, text string) (fits, ok bool) {
	attribute, rest, _ := strings.Cut(text, " ")
	have := values(e, attribute)
	if rest == "IS NOT NULL" {
		return len(have) > 0, true
	}
	if opposite, negated := strings.CutPrefix(rest, "NOT "); negated {
		fits, ok = condition(e, attribute+" "+opposite)
		return !fits, ok
	}
	operator, operand, found := strings.Cut(rest, " ")
	if !found {
		return false, false
	}
	wanted := split(strings.Trim(operand, "()"), ", ")
	for i := range wanted {
		wanted[i] = strings.Trim(wanted[i], "'")
	}
	is := func(value string) bool { return slices.Contains(wanted, value) }
	switch operator {
	case "=", "IN":
		return slices.ContainsFunc(have, is), true
	case "!=":
		return !slices.ContainsFunc(have, is), true
	case "STARTS_WITH":
		return slices.ContainsFunc(have, func(value string) bool { return strings.HasPrefix(value, wanted[0]) }), true
	}
	at, err := time.Parse(time.RFC3339Nano, wanted[0])
	if err != nil || len(have) == 0 {
		return false, err == nil
	}
	value, _ := time.Parse(time.RFC3339Nano, have[0])
	switch operator {
	case "<":
		return value.Before(at), true
	case "<=":
		return !value.After(at), true
	case ">=":
		return !value.Before(at), true
	}
	return false, false
}

var statusNames = map[enumspb.WorkflowExecutionStatus]string{
	enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:    "Running",
	enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:  "Completed",
	enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED: "Terminated",
}

// values returns the values of an attribute; none if it is not set.
func values(e *execution, attribute string) []string {
	switch attribute {
	case "WorkflowId":
		return []string{e.workflowID}
	case "WorkflowType":
		return []string{e.workflowType}
	case "ExecutionStatus":
		return []string{statusNames[e.status]}
	case "StartTime":
		return []string{e.started.Format(time.RFC3339Nano)}
	case "CloseTime":
		if e.closed.IsZero() {
			return nil
		}
		return []string{e.closed.Format(time.RFC3339Nano)}
	}
	switch value := e.attributes()[attribute].encoded.(type) {
	case string:
		return []string{value}
	case []string:
		return value
	case time.Time:
		return []string{value.Format(time.RFC3339Nano)}
	}
	return nil
}
