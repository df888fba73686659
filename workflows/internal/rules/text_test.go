package rules_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

func TestACountHasItsNoun(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"0 notices", "1 notice", "2 notices"},
		[]string{rules.Count(0, "notice"), rules.Count(1, "notice"), rules.Count(2, "notice")})
}
