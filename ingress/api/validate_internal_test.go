package api

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each wrong field is compared with the collected ones. Their number is bounded, so the work grows with the length of the body alone.
func TestManyUnknownFieldsAreCountedAndNotCollected(t *testing.T) {
	t.Parallel()
	spec, err := readSpecification()
	require.NoError(t, err)
	const unknown = 100_000
	body := map[string]any{}
	for i := range unknown {
		body[fmt.Sprintf("a%06d", i)] = true
	}
	var wrong wrongFields
	spec.check(spec.operations["POST /v1/cases/:reference/cancel"].body, "", body, &wrong)
	require.Equal(t, unknown-maxFields, wrong.more)
	require.Len(t, wrong.first, maxFields)
	for i, one := range wrong.first {
		require.Equal(t, FieldError{Field: fmt.Sprintf("a%06d", i), Detail: "there is no such field: remove it"}, one)
	}
}
