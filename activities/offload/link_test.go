package offload

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"github.com/signalbox-dev/signalbox/workflows"
)

const attachmentID = "att-1"

// inActivity runs do as an activity would.
func inActivity(t *testing.T, do func(ctx context.Context) error) error {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(do, activity.RegisterOptions{Name: "use"})
	_, err := env.ExecuteActivity("use")
	return err
}

func TestALinkHasItsExpiry(t *testing.T) {
	t.Parallel()
	p := newProvider(t, answerWith(200, `{"ok":true,"data":{"attachmentId":"att-1","downloadUrl":"https://cdn.example.com/x?sig=1","expiresAt":"2026-03-21T15:57:00.000Z"}}`))
	require.NoError(t, inActivity(t, func(ctx context.Context) error {
		url, expires, err := p.Link(ctx, workflows.DefaultAccount, caseID, attachmentID)
		require.NoError(t, err)
		require.Equal(t, "https://cdn.example.com/x?sig=1", url)
		require.Equal(t, testNow.Add(15*time.Minute), expires)
		return nil
	}))
	require.EqualValues(t, 1, p.requests.Load())
}

func TestAResultOfAnySizeIsReadWhole(t *testing.T) {
	t.Parallel()
	large := `{"text":"` + strings.Repeat("x", 2*workflows.MaxJSONBytes) + `"}`
	p := newProvider(t, answerWith(200, `{"ok":true,"data":{"caseId":"`+caseID+`","status":"COMPLETED","result":`+large+`}}`))
	none := newProvider(t, answerWith(200, `{"ok":true,"data":{"caseId":"`+caseID+`","status":"COMPLETED","result":null}}`))
	require.NoError(t, inActivity(t, func(ctx context.Context) error {
		result, err := p.Result(ctx, workflows.DefaultAccount, caseID)
		require.NoError(t, err)
		require.Equal(t, large, string(result))
		result, err = none.Result(ctx, workflows.DefaultAccount, caseID)
		require.NoError(t, err)
		require.Empty(t, result)
		return nil
	}))
}

func TestLinksAndResultsFailAsActivitiesDo(t *testing.T) {
	t.Parallel()
	p := newProvider(t, answerWith(404, envelope("ATTACHMENT_NOT_FOUND")))
	for name, c := range map[string]struct {
		account, errType string
	}{
		"refused":         {workflows.DefaultAccount, workflows.ErrTypeOffloadNotFound},
		"unknown account": {"nobody's", workflows.ErrTypeOffloadUnknownAccount},
	} {
		err := inActivity(t, func(ctx context.Context) error {
			_, _, err := p.Link(ctx, c.account, caseID, attachmentID)
			return err
		})
		require.Equal(t, c.errType, applicationError(t, err).Type(), name)
		err = inActivity(t, func(ctx context.Context) error {
			_, err := p.Result(ctx, c.account, caseID)
			return err
		})
		require.Equal(t, c.errType, applicationError(t, err).Type(), name)
	}
}
