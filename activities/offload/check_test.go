package offload

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/signalbox-dev/signalbox/workflows"
)

func TestCheckResultIsRegisteredUnderTheContractsName(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	new(Activities).RegisterLocal(env)
	for schema, want := range map[string]workflows.ResultVerdict{
		`{"required":["a"]}`: workflows.ResultMatches, `{"required":["b"]}`: workflows.ResultOffSchema, `{"type":"x"}`: workflows.ResultSchemaUnusable,
	} {
		value, err := env.ExecuteActivity(workflows.ActivityOffloadCheckResult, workflows.CheckResultParams{
			Schema: json.RawMessage(schema), Result: json.RawMessage(`{"a":1}`),
		})
		require.NoError(t, err)
		var found workflows.ResultCheck
		require.NoError(t, value.Get(&found))
		require.Equal(t, want, found.Verdict)
	}
}
