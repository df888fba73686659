package signalbox

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/workflows"
)

func TestAnUpdateWithoutADeadlineEndsWhileNoWorkerAnswers(t *testing.T) {
	t.Parallel()
	server := mocks.NewClient(t)
	server.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(
		func(ctx context.Context, _ client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
	c, err := New(server, Options{})
	require.NoError(t, err)
	c.updateTimeout = time.Nanosecond

	_, err = c.Case("a").ProvideInput(context.WithoutCancel(t.Context()), workflows.ProvideInput{})
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, "answer case a: temporarily unavailable: no worker answered within 1ns; it may still be carried out")
	require.NotErrorIs(t, err, context.DeadlineExceeded, "the caller set no deadline")

	c.updateTimeout = time.Hour
	bounded, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	_, err = c.Case("a").ProvideInput(bounded, workflows.ProvideInput{})
	require.ErrorIs(t, err, context.DeadlineExceeded, "the caller's deadline")
	require.NotErrorIs(t, err, ErrUnavailable)

	left, leave := context.WithCancel(t.Context())
	leave()
	_, err = c.Case("a").ProvideInput(left, workflows.ProvideInput{})
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, ErrUnavailable)
}

func TestARefusalThatComesWithTheEndOfTheTimeIsKept(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	server := mocks.NewClient(t)
	server.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(
		func(ctx context.Context, _ client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
			<-ctx.Done()
			return nil, refused
		})
	c, err := New(server, Options{})
	require.NoError(t, err)
	c.updateTimeout = time.Nanosecond
	_, err = c.Case("a").ProvideInput(t.Context(), workflows.ProvideInput{})
	require.ErrorIs(t, err, refused)
	require.NotErrorIs(t, err, ErrUnavailable)
}

func TestTheErrorTypesForWorkflowsInOtherLanguagesStay(t *testing.T) {
	t.Parallel()
	want := map[error]string{
		ErrInvalid: "SignalboxInvalid", ErrConflict: "SignalboxConflict", ErrNotFound: "SignalboxNotFound",
		ErrNoOpenQuestion: "SignalboxNoOpenQuestion", ErrOtherQuestion: "SignalboxOtherQuestion", ErrAlreadyAnswered: "SignalboxAlreadyAnswered",
		ErrEnded: "SignalboxEnded", ErrNotUncertain: "SignalboxNotUncertain", ErrPaused: "SignalboxPaused", ErrTooMany: "SignalboxTooMany",
		ErrTerminated: "SignalboxTerminated", ErrTimedOut: "SignalboxTimedOut", ErrFailed: "SignalboxFailed", ErrUnavailable: "SignalboxUnavailable",
	}
	require.Len(t, failureTypes, len(want))
	for sentinel, typ := range want {
		var failed *temporal.ApplicationError
		require.ErrorAs(t, failure(sentinel), &failed)
		require.Equal(t, typ, failed.Type())
	}
}
