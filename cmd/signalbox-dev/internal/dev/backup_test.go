package dev_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestRestoredInboxRepeatsNothingAndCatchUpFindsLaterEvents(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir(), &lockedBuffer{})
	// A webhook URL is fixed when the case is created, so everything listens where it did.
	o.Listen, o.Simulators, o.Temporal = freeAddress(t), freeAddress(t), freeAddress(t)
	first, err := dev.Start(t.Context(), o)
	require.NoError(t, err)
	offload := first.Simulators.Offload
	go stories.ResendAll(t.Context(), offload)
	waitForStatus := func(one *signalbox.Case, want workflows.CaseStatus) workflows.CaseState {
		return testenv.Eventually(t, stories.Attended(offload, one), func(s workflows.CaseState) bool { return s.Status == want })
	}
	start := func(reference string) string {
		one := stories.StartCase(t, first.Apps, workflows.CaseStart{Reference: reference, Request: &workflows.CaseRequest{
			Channel: "EMAIL", Goal: workflows.CaseGoal{Objective: "Obtain a signed W-9"},
			Counterparty:  workflows.Counterparty{Address: "manual@vendor.example", Name: "Ada"},
			SenderPersona: workflows.SenderPersona{Name: "Grace"},
		}})
		id := waitForStatus(one, workflows.CaseRunning).CaseID
		require.NoError(t, offload.SendFirstMessage(id))
		return id
	}
	caseIDs := map[string]string{}
	for _, name := range []string{"ended", "pending", "asked-since", "ended-since", "unheard"} {
		caseIDs[name] = start(name)
	}
	activation, err := first.Simulators.Artmail.Activate(dev.Agent)
	require.NoError(t, err)
	testenv.Eventually(t, first.Apps.Activation(dev.Agent, activation).State, func(s workflows.ActivationState) bool { return s.Status == workflows.ActivationActive })
	require.NoError(t, offload.Complete(caseIDs["ended"], nil))
	waitForStatus(first.Apps.Case("ended"), workflows.CaseCompleted)

	// While Temporal is away, the inbox keeps what arrives, so the backup has a pending delivery.
	store := openInbox(t, o.Data)
	pending := func(want int64) {
		testenv.Eventually(t, func(ctx context.Context) (map[inbox.State]int64, error) { return store.Counts(ctx, inbox.StatePending) },
			func(counts map[inbox.State]int64) bool { return counts[inbox.StatePending] == want })
	}
	pending(0)
	require.NoError(t, first.StopTemporal())
	_, err = offload.AskInput(caseIDs["pending"], "Is a PDF fine?")
	require.NoError(t, err)
	pending(1)
	backup, began := filepath.Join(t.TempDir(), "backup.db"), time.Now()
	require.NoError(t, storage.Backup(t.Context(), filepath.Join(o.Data, "inbox.db"), backup))
	require.NoError(t, first.StartTemporal(t.Context()))

	waitForStatus(first.Apps.Case("pending"), workflows.CaseInputNeeded)
	_, err = offload.AskInput(caseIDs["asked-since"], "Is a PDF fine?")
	require.NoError(t, err)
	waitForStatus(first.Apps.Case("asked-since"), workflows.CaseInputNeeded)
	require.NoError(t, offload.Complete(caseIDs["ended-since"], nil))
	waitForStatus(first.Apps.Case("ended-since"), workflows.CaseCompleted)
	require.NoError(t, first.Simulators.Artmail.Pause(activation, "user_paused"))
	testenv.Eventually(t, first.Apps.Activation(dev.Agent, activation).State, func(s workflows.ActivationState) bool { return s.Status == workflows.ActivationPaused })
	// Its webhook is dropped, as if the lost inbox had accepted it and not delivered it.
	require.NoError(t, offload.Webhooks.Faults.Plan(courier.Rule{Fault: courier.Drop, Key: caseIDs["unheard"]}))
	require.NoError(t, offload.Complete(caseIDs["unheard"], nil))

	require.NoError(t, first.Stop())
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(filepath.Join(o.Data, "inbox.db"+end)); !errors.Is(err, fs.ErrNotExist) {
			require.NoError(t, err)
		}
	}
	content, err := os.ReadFile(backup)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(o.Data, "inbox.db"), content, 0o600))

	second, err := dev.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, second.Stop()) })
	go stories.ResendAll(t.Context(), second.Simulators.Offload)
	passes := 0
	report := testenv.Eventually(t, func(ctx context.Context) (signalbox.CatchUpReport, error) {
		passes++
		return second.Apps.CatchUp(ctx, signalbox.CatchUpOptions{Since: began, By: "ada"})
	}, func(r signalbox.CatchUpReport) bool { return len(r.Failures) == 0 })
	if passes == 1 { // a pass that a busy machine breaks off may have ended one of them
		require.Equal(t, 3, report.Cases.Done, "the three open cases")
	}

	outcome, err := testenv.Within(t, second.Apps.Case("unheard").Wait)
	require.NoError(t, err)
	require.Equal(t, workflows.CaseCompleted, outcome.Status)
	require.Equal(t, workflows.NewsByPoll, outcome.Source)
	restored := openInbox(t, o.Data)
	testenv.Eventually(t, func(ctx context.Context) (map[inbox.State]int64, error) { return restored.Counts(ctx) },
		func(counts map[inbox.State]int64) bool {
			return counts[inbox.StatePending] == 0 && counts[inbox.StateDelivered] > 0
		})
	offload = second.Simulators.Offload
	for _, name := range []string{"pending", "asked-since"} {
		one := second.Apps.Case(name)
		state := waitForStatus(one, workflows.CaseInputNeeded)
		require.NoError(t, stories.Answer(t.Context(), one, workflows.ProvideInput{QuestionID: state.Question.ID, Text: "Yes."}))
		testenv.Eventually(t, one.State, func(s workflows.CaseState) bool {
			return len(s.Answers) == 1 && s.Answers[0].Result == workflows.InputAccepted
		})
		require.NoError(t, offload.Complete(caseIDs[name], nil))
		outcome, err := testenv.Within(t, one.Wait)
		require.NoError(t, err)
		require.Equal(t, workflows.CaseCompleted, outcome.Status)
		require.Empty(t, outcome.Attention)
		record, err := offload.Case(caseIDs[name])
		require.NoError(t, err)
		require.Len(t, record.Answers, 1)
	}
	for _, name := range []string{"ended", "ended-since"} {
		outcome, err := testenv.Within(t, second.Apps.Case(name).Wait)
		require.NoError(t, err)
		require.Equal(t, workflows.CaseCompleted, outcome.Status)
		require.Empty(t, outcome.Attention)
	}
	state := stories.MustRetry(t, second.Apps.Activation(dev.Agent, activation).State)
	require.Equal(t, workflows.ActivationPaused, state.Status)
	require.NoError(t, second.Simulators.Artmail.Resume(activation))
	testenv.Eventually(t, second.Apps.Activation(dev.Agent, activation).State, func(s workflows.ActivationState) bool { return s.Status == workflows.ActivationActive })
}
