package service

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/health"
)

func TestTheLogNamesTheTemporalThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	var problem *health.Problem
	err := temporalNeeds{nil, "default", "temporal.example:7233"}.problem(errors.New("no children to pick from"))
	require.ErrorAs(t, err, &problem)
	require.ErrorContains(t, problem.Cause, "address temporal.example:7233: no children to pick from")
	require.NotContains(t, problem.Text+problem.Fix, "temporal.example", "everyone who can connect sees them")
}
