package rules_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

func TestARefusalKeepsTheTypeForTheWireAndTheMessageForPeople(t *testing.T) {
	t.Parallel()
	var refusal *rules.Refusal
	require.ErrorAs(t, rules.Refuse(workflows.ErrTypeTooMany, "%d runs, at most %d", 3, 2), &refusal)
	require.Equal(t, &rules.Refusal{Type: workflows.ErrTypeTooMany, Message: "3 runs, at most 2"}, refusal)
	require.EqualError(t, refusal, "3 runs, at most 2")
	require.ErrorAs(t, rules.Invalid("by: %d bytes", 300), &refusal)
	require.Equal(t, &rules.Refusal{Type: workflows.ErrTypeInvalidArgument, Message: "by: 300 bytes"}, refusal)
}
