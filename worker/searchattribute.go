package worker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/workflows"
)

// ErrNotReady says that the namespace lacks search attributes.
var ErrNotReady = errors.New("the namespace is not set up")

// SearchAttributes are the custom search attributes that a namespace needs.
func SearchAttributes() map[string]enumspb.IndexedValueType {
	return map[string]enumspb.IndexedValueType{
		workflows.SearchAttributeState:     enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.SearchAttributeAttention: enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST,
		workflows.SearchAttributeCaseID:    enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.SearchAttributeAccount:   enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		workflows.SearchAttributeDueAt:     enumspb.INDEXED_VALUE_TYPE_DATETIME,
	}
}

// Check fails with ErrNotReady unless the namespace has every search attribute with its type: a workflow that upserts a missing attribute is
// stuck. The error names the missing ones and the command that adds them.
func Check(ctx context.Context, temporal client.Client, namespace string) error {
	missing, err := missingAttributes(ctx, temporal, namespace)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: namespace %q lacks the search attributes %s: run `signalbox setup`",
			ErrNotReady, namespace, strings.Join(slices.Sorted(maps.Keys(missing)), ", "))
	}
	return nil
}

// Setup adds the missing search attributes. They are usable only about two seconds later: see Usable.
func Setup(ctx context.Context, temporal client.Client, namespace string) (added []string, err error) {
	missing, err := missingAttributes(ctx, temporal, namespace)
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	_, err = temporal.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace:        namespace,
		SearchAttributes: missing,
	})
	if err != nil {
		return nil, fmt.Errorf("add search attributes to namespace %q (on Temporal Cloud, add them in its web UI or with tcld): %w", namespace, err)
	}
	return slices.Sorted(maps.Keys(missing)), nil
}

// Usable fails until the server accepts a query with every search attribute. It does so when its caches know them.
func Usable(ctx context.Context, temporal client.Client, namespace string) error {
	clauses := make([]string, 0, len(SearchAttributes()))
	for name, kind := range SearchAttributes() {
		if kind == enumspb.INDEXED_VALUE_TYPE_DATETIME {
			clauses = append(clauses, name+" = '2000-01-01T00:00:00Z'")
		} else {
			clauses = append(clauses, name+" = 'probe'")
		}
	}
	_, err := temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{
		Namespace: namespace,
		Query:     strings.Join(clauses, " AND "),
	})
	if err != nil {
		return fmt.Errorf("search attributes of namespace %q are not usable yet: %w", namespace, err)
	}
	return nil
}

const checkTimeout = 5 * time.Second

func missingAttributes(ctx context.Context, temporal client.Client, namespace string) (map[string]enumspb.IndexedValueType, error) {
	// Without a timeout, the SDK would wait for ever for a server that is away.
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	listed, err := temporal.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	switch {
	case errors.As(err, new(*serviceerror.Unavailable)), errors.As(err, new(*serviceerror.DeadlineExceeded)), errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("temporal can't be reached: %w", err)
	case err != nil:
		return nil, fmt.Errorf("list search attributes of namespace %q: %w", namespace, err)
	}
	missing := SearchAttributes()
	for name, want := range SearchAttributes() {
		got, found := listed.GetCustomAttributes()[name]
		switch {
		case found && got != want:
			return nil, fmt.Errorf("%w: search attribute %s of namespace %q is a %s, want a %s: remove it and run `signalbox setup`", ErrNotReady, name, namespace, got, want)
		case found:
			delete(missing, name)
		}
	}
	return missing, nil
}
