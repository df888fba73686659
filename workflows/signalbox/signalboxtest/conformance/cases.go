package conformance

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/signalbox/signalboxtest"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func startTwice(t *testing.T, w World) {
	same := start(reference("twice"))
	one := begin(t, w, same)
	again := begin(t, w, same)
	require.Equal(t, one.WorkflowID(), again.WorkflowID())

	other := same
	request := *same.Request
	request.Goal.Objective = "Something else"
	other.Request = &request
	_, err := ask(t, w.Apps.StartCase, other)
	require.ErrorIs(t, err, signalbox.ErrConflict)
	same.Request.Channel = "FAX"
	_, err = ask(t, w.Apps.StartCase, same)
	require.ErrorIs(t, err, signalbox.ErrInvalid)
}

func answer(t *testing.T, w World) {
	one := startCase(t, w, "answer")
	_, err := ask(t, one.ProvideInput, workflows.ProvideInput{QuestionID: "q", Text: "Yes."})
	require.ErrorIs(t, err, signalbox.ErrNoOpenQuestion)

	question := w.Provider.Ask(one.Reference(), "Is a signed PDF fine?")
	state := stands(t, one, workflows.CaseInputNeeded)
	require.Equal(t, "Is a signed PDF fine?", state.Question.Text)
	require.Equal(t, question, state.Question.ID)
	_, err = ask(t, one.ProvideInput, workflows.ProvideInput{QuestionID: "another", Text: "Yes."})
	require.ErrorIs(t, err, signalbox.ErrOtherQuestion)
	_, err = ask(t, one.ProvideInput, workflows.ProvideInput{QuestionID: question, Text: " "})
	require.ErrorIs(t, err, signalbox.ErrInvalid)
	receipt, err := ask(t, one.ProvideInput, workflows.ProvideInput{QuestionID: question, Text: "Yes.", By: "ada"})
	require.NoError(t, err)
	require.Equal(t, question, receipt.QuestionID)
	_, err = ask(t, one.ProvideInput, workflows.ProvideInput{QuestionID: question, Text: "No."})
	require.ErrorIs(t, err, signalbox.ErrAlreadyAnswered)
	testenv.Eventually(t, one.State, func(s workflows.CaseState) bool {
		return len(s.Answers) == 1 && s.Answers[0].Result == workflows.InputAccepted
	})

	w.Provider.Complete(one.Reference(), map[string]any{"signed": true})
	outcome, err := testenv.Within(t, one.Wait)
	require.NoError(t, err)
	require.Equal(t, workflows.CaseCompleted, outcome.Status)
	require.JSONEq(t, `{"signed":true}`, string(outcome.Facts.Result))
	require.Equal(t, "ada", outcome.Answers[0].By)
	require.Equal(t, workflows.NewsByWebhook, outcome.Source)
	_, err = ask(t, one.ProvideInput, workflows.ProvideInput{QuestionID: question, Text: "Yes."})
	require.ErrorIs(t, err, signalbox.ErrEnded)
	require.ErrorIs(t, reconcileNow(t, one), signalbox.ErrEnded)
	stands(t, one, workflows.CaseCompleted) // an ended case can still be read
	_, err = ask(t, w.Apps.StartCase, start(one.Reference()))
	require.NoError(t, err, "the same start attaches to a case that has ended")
}

func proceeds(t *testing.T, w World) {
	one := startCase(t, w, "proceeds")
	question := w.Provider.Ask(one.Reference(), "Which form?")
	stands(t, one, workflows.CaseInputNeeded)
	_, err := ask(t, one.ProvideInput, workflows.ProvideInput{QuestionID: question, Text: "A W-9."})
	require.NoError(t, err)
	testenv.Eventually(t, one.State, func(s workflows.CaseState) bool { return s.Answers[0].Result == workflows.InputAccepted })
	w.Provider.Proceed(one.Reference())
	require.NoError(t, reconcileNow(t, one))
	stands(t, one, workflows.CaseRunning)
}

func resultSchema(t *testing.T, w World) {
	for result, want := range map[string]workflows.ResultVerdict{
		`{"signed":true}`:  workflows.ResultMatches,
		`{"signed":"yes"}`: workflows.ResultOffSchema,
	} {
		described := start(reference("schema"))
		described.Request.ResultSchema = json.RawMessage(`{"type":"object","properties":{"signed":{"type":"boolean"}}}`)
		one := begin(t, w, described)
		stands(t, one, workflows.CaseRunning)
		w.Provider.Complete(one.Reference(), json.RawMessage(result))
		outcome, err := testenv.Within(t, one.Wait)
		require.NoError(t, err)
		require.Equal(t, workflows.CaseCompleted, outcome.Status)
		require.NotNil(t, outcome.ResultCheck)
		require.Equal(t, want, outcome.ResultCheck.Verdict, "%s: %+v", result, outcome.ResultCheck)
		if want == workflows.ResultOffSchema {
			require.Equal(t, "/signed", outcome.ResultCheck.Violations[0].At)
			require.Equal(t, []string{workflows.AttentionResultOffSchema}, outcome.Attention)
		} else {
			require.Empty(t, outcome.Attention)
		}
	}
}

func fail(t *testing.T, w World) {
	one := startCase(t, w, "fail")
	w.Provider.Fail(one.Reference(), "max_retries", "no answer came")
	outcome, err := testenv.Within(t, one.Wait)
	require.NoError(t, err, "a failed case is an outcome")
	require.Equal(t, workflows.CaseFailed, outcome.Status)
	require.Equal(t, "max_retries", outcome.ResultStatus)
	require.Equal(t, "no answer came", *outcome.Facts.FailureReason)
	_, err = retry(t, one.Files)
	require.ErrorIs(t, err, signalbox.ErrNoFiles)
}

func cancel(t *testing.T, w World) {
	one := startCase(t, w, "cancel")
	receipt, err := ask(t, one.Cancel, workflows.CancelCase{Reason: "not needed", By: "ada"})
	require.NoError(t, err)
	require.Equal(t, workflows.CaseCancelled, receipt.Status)
	outcome, err := testenv.Within(t, one.Wait)
	require.NoError(t, err)
	require.Contains(t, outcome.Reason, "not needed")
	require.Equal(t, []string{workflows.AttentionStillRunning}, outcome.Attention)
	_, err = ask(t, one.Cancel, workflows.CancelCase{})
	require.ErrorIs(t, err, signalbox.ErrEnded)
}

func uncertain(t *testing.T, w World) {
	for name, settle := range map[string]func(one *signalbox.Case) error{
		"adopted": func(one *signalbox.Case) error {
			_, err := ask(t, one.Adopt, workflows.AdoptCase{CaseID: w.Provider.CaseID(one.Reference())})
			return err
		},
		"created again": func(one *signalbox.Case) error {
			_, err := ask(t, one.RetryCreate, workflows.RetryCreate{By: "ada"})
			return err
		},
	} {
		ref := reference("uncertain")
		w.Provider.NextCreation(ref, signalboxtest.CreationUncertain)
		one := begin(t, w, start(ref))
		state := createdUncertainly(t, w, one)
		require.Equal(t, []string{workflows.AttentionCreateUncertain}, state.Attention)
		require.NoError(t, settle(one), name)
		state = stands(t, one, workflows.CaseRunning)
		require.Equal(t, w.Provider.CaseID(ref), state.CaseID)
		_, err := ask(t, one.RetryCreate, workflows.RetryCreate{})
		require.ErrorIs(t, err, signalbox.ErrNotUncertain)
	}
}

func wrongCaseID(t *testing.T, w World) {
	ref := reference("typo")
	w.Provider.NextCreation(ref, signalboxtest.CreationUncertain)
	one := begin(t, w, start(ref))
	createdUncertainly(t, w, one)
	_, err := ask(t, one.Adopt, workflows.AdoptCase{CaseID: "typo-" + ref})
	require.NoError(t, err)
	testenv.Eventually(t, one.State, func(s workflows.CaseState) bool { return slices.Contains(s.Attention, workflows.AttentionAdoptRefused) })
	_, err = ask(t, one.Adopt, workflows.AdoptCase{CaseID: w.Provider.CaseID(ref)})
	require.NoError(t, err)
	testenv.Eventually(t, one.State, func(s workflows.CaseState) bool { return s.Status == workflows.CaseRunning && len(s.Attention) == 0 })
}

func adopted(t *testing.T, w World) {
	ref := reference("adopted")
	caseID := "0b6c-" + ref
	w.Provider.Open(ref, caseID)
	one := begin(t, w, workflows.CaseStart{Reference: ref, Account: "account-" + ref, CaseID: caseID})
	testenv.Eventually(t, one.State, func(s workflows.CaseState) bool { return !s.Facts.CreatedAt.IsZero() }) // it is read at once
	w.Provider.Ask(ref, "Which form?")
	testenv.Eventually(t, one.State, func(s workflows.CaseState) bool { return s.EventsApplied == 1 }) // no read is under way any more
	w.Provider.Complete(ref, nil)
	outcome, err := testenv.Within(t, one.Wait)
	require.NoError(t, err)
	require.Equal(t, workflows.CaseCompleted, outcome.Status)
	require.Equal(t, caseID, outcome.CaseID)
	require.Empty(t, outcome.Attention)
}

func showsRequest(t *testing.T, w World) {
	ref := reference("request")
	asks := start(ref)
	asks.Request.Channel, asks.Request.ClientReferenceID, asks.Request.Metadata = "SMS", "order-7", json.RawMessage(`{"team":"tax"}`)
	w.Provider.NextCreation(ref, signalboxtest.CreationUncertain)
	one := begin(t, w, asks)
	createdUncertainly(t, w, one)
	_, err := ask(t, one.Adopt, workflows.AdoptCase{CaseID: w.Provider.CaseID(ref)})
	require.NoError(t, err)
	state := testenv.Eventually(t, one.State, func(s workflows.CaseState) bool { return s.Verifying == "" })
	require.Equal(t, workflows.CaseRunning, state.Status, "its clientReferenceId is that of the request")
	require.Equal(t, "order-7", state.Facts.ClientReferenceID)
	require.Equal(t, "SMS", state.Facts.Channel)
	require.Empty(t, state.Facts.Metadata, "a read has no metadata")
	w.Provider.Ask(ref, "Which form?")
	state = testenv.Eventually(t, one.State, func(s workflows.CaseState) bool { return s.EventsApplied == 1 })
	require.JSONEq(t, `{"team":"tax"}`, string(state.Facts.Metadata))
}

func rejected(t *testing.T, w World) {
	waits := start(reference("rejected"))
	waits.Options.AwaitCorrection = true
	w.Provider.NextCreation(waits.Reference, signalboxtest.CreationRejected)
	one := begin(t, w, waits)
	testenv.Eventually(t, attended(one), func(s workflows.CaseState) bool {
		return len(s.Attention) == 1 && s.Attention[0] == workflows.AttentionCreateRejected
	})
	_, err := ask(t, one.RetryCreate, workflows.RetryCreate{Request: start("x").Request})
	require.NoError(t, err)
	stands(t, one, workflows.CaseRunning)

	ends := start(reference("rejected"))
	w.Provider.NextCreation(ends.Reference, signalboxtest.CreationRejected)
	one = begin(t, w, ends)
	testenv.Eventually(t, attended(one), func(s workflows.CaseState) bool { return s.Status.Ended() })
	outcome, err := testenv.Within(t, one.Wait)
	require.NoError(t, err)
	require.Equal(t, workflows.CaseFailed, outcome.Status)
}

func reconcile(t *testing.T, w World) {
	one := startCase(t, w, "reconcile")
	require.NoError(t, reconcileNow(t, one))
	testenv.Eventually(t, one.State, func(s workflows.CaseState) bool { return s.Check == nil && !s.Facts.CreatedAt.IsZero() })
	w.Provider.CompleteSilently(one.Reference())
	require.NoError(t, reconcileNow(t, one))
	outcome, err := testenv.Within(t, one.Wait)
	require.NoError(t, err)
	require.Equal(t, workflows.NewsByPoll, outcome.Source)
}

func reconcileNow(t *testing.T, one *signalbox.Case) error {
	t.Helper()
	_, err := ask(t, func(ctx context.Context, by string) (bool, error) { return true, one.ReconcileNow(ctx, by) }, "ada")
	return err
}

func waitForChange(t *testing.T, w World) {
	one := startCase(t, w, "change")
	before, err := retry(t, one.State)
	require.NoError(t, err)
	state, err := one.WaitForChange(t.Context(), 50*time.Millisecond, nil)
	require.NoError(t, err, "running out of time is not an error")
	require.Equal(t, workflows.CaseRunning, state.Status)

	asked := make(chan struct{})
	go func() {
		defer close(asked)
		w.Provider.Ask(one.Reference(), "Which form?")
	}()
	state, err = one.WaitForChange(t.Context(), timeout, &before)
	require.NoError(t, err)
	require.Equal(t, workflows.CaseInputNeeded, state.Status)
	<-asked
	state, err = one.WaitForChange(t.Context(), timeout, &before)
	require.NoError(t, err, "it returns at once: the state has changed since")
	require.Equal(t, workflows.CaseInputNeeded, state.Status)

	go w.Provider.Complete(one.Reference(), nil)
	state, err = one.WaitForChange(t.Context(), timeout, nil)
	for err == nil && !state.Status.Ended() {
		state, err = one.WaitForChange(t.Context(), timeout, &state)
	}
	require.NoError(t, err)
	require.Equal(t, workflows.CaseCompleted, state.Status)
	state, err = one.WaitForChange(t.Context(), timeout, &state)
	require.NoError(t, err, "an ended case is returned at once")
	require.NotNil(t, state.Outcome)

	ctx, stop := context.WithCancel(t.Context())
	stop()
	_, err = startCase(t, w, "change").WaitForChange(ctx, timeout, nil)
	require.ErrorIs(t, err, context.Canceled)
}

func contextEnds(t *testing.T, w World) {
	one := startCase(t, w, "deadline")
	for name, call := range map[string]func(context.Context) error{
		"wait":   func(ctx context.Context) error { _, err := one.Wait(ctx); return err },
		"change": func(ctx context.Context) error { _, err := one.WaitForChange(ctx, timeout, nil); return err },
	} {
		ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err := call(ctx)
		stop()
		require.ErrorIs(t, err, context.DeadlineExceeded, name)
		require.NotErrorIs(t, err, signalbox.ErrUnavailable, name)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Nanosecond)
	defer stop()
	for name, call := range map[string]func() error{
		"state":  func() error { _, err := one.State(ctx); return err },
		"files":  func() error { _, err := one.Files(ctx); return err },
		"cancel": func() error { _, err := one.Cancel(ctx, workflows.CancelCase{}); return err },
		"check":  func() error { return one.ReconcileNow(ctx, "") },
		"start":  func() error { _, err := w.Apps.StartCase(ctx, start(reference("deadline"))); return err },
		"list":   func() error { _, err := w.Apps.ListCases(ctx, signalbox.CaseFilter{}); return err },
	} {
		err := call()
		require.ErrorIs(t, err, context.DeadlineExceeded, name)
		require.NotErrorIs(t, err, signalbox.ErrUnavailable, name)
	}
}

func terminated(t *testing.T, w World) {
	one := startCase(t, w, "terminated")
	w.Terminate(t, one.WorkflowID())
	_, err := testenv.Within(t, one.Wait)
	require.ErrorIs(t, err, signalbox.ErrTerminated)
	_, err = retry(t, one.State)
	require.ErrorIs(t, err, signalbox.ErrTerminated)
	_, err = ask(t, one.Cancel, workflows.CancelCase{})
	require.ErrorIs(t, err, signalbox.ErrTerminated)
	_, err = ask(t, w.Apps.StartCase, start(one.Reference()))
	require.ErrorIs(t, err, signalbox.ErrTerminated)
	row := testenv.Eventually(t, func(ctx context.Context) (signalbox.CasePage, error) {
		return w.Apps.ListCases(ctx, signalbox.CaseFilter{Reference: one.Reference(), Open: signalbox.Closed})
	}, func(p signalbox.CasePage) bool { return len(p.Cases) == 1 }).Cases[0]
	require.Equal(t, signalbox.ExecutionTerminated, row.Execution)
	require.Equal(t, workflows.CaseRunning, row.Status, "the list keeps the last status")
}

func never(t *testing.T, w World) {
	one := w.Apps.Case(reference("never"))
	for name, call := range map[string]func(context.Context) error{
		"state":     func(ctx context.Context) error { _, err := one.State(ctx); return err },
		"wait":      func(ctx context.Context) error { _, err := one.Wait(ctx); return err },
		"change":    func(ctx context.Context) error { _, err := one.WaitForChange(ctx, time.Second, nil); return err },
		"reconcile": func(ctx context.Context) error { return one.ReconcileNow(ctx, "") },
		"cancel":    func(ctx context.Context) error { _, err := one.Cancel(ctx, workflows.CancelCase{}); return err },
		"activation": func(ctx context.Context) error {
			_, err := w.Apps.Activation("pages", reference("never")).State(ctx)
			return err
		},
		"notices": func(ctx context.Context) error { _, err := w.Apps.Notices(ctx, one.WorkflowID()); return err },
		"resend": func(ctx context.Context) error {
			_, err := w.Apps.ResendNotices(ctx, one.WorkflowID(), workflows.SelectNotices{})
			return err
		},
	} {
		_, err := retry(t, func(ctx context.Context) (bool, error) { return true, call(ctx) })
		require.ErrorIs(t, err, signalbox.ErrNotFound, name)
	}
}
