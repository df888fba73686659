package dev_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestAnInstanceContinuesAfterARestartOnTheSameFolder(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir(), &lockedBuffer{})
	// A webhook URL is fixed when the case is created, so everything listens where it did.
	o.Listen, o.Simulators, o.Temporal = freeAddress(t), freeAddress(t), freeAddress(t)
	first, err := dev.Start(t.Context(), o)
	require.NoError(t, err)
	start := func(in *dev.Instance, script string) {
		stories.StartCase(t, in.Apps, workflows.CaseStart{
			Reference: "restart-" + script,
			Request: &workflows.CaseRequest{
				Channel:       "EMAIL",
				Goal:          workflows.CaseGoal{Objective: "Obtain a signed W-9"},
				Counterparty:  workflows.Counterparty{Address: script + "@vendor.example", Name: "Ada"},
				SenderPersona: workflows.SenderPersona{Name: "Grace"},
			},
		})
	}
	start(first, "question")
	asked := testenv.Eventually(t, stories.Attended(first.Simulators.Offload, first.Apps.Case("restart-question")), func(s workflows.CaseState) bool { return s.Status == workflows.CaseInputNeeded })
	id, err := first.Simulators.Artmail.Activate(dev.Agent)
	require.NoError(t, err)
	testenv.Eventually(t, first.Apps.Activation(dev.Agent, id).State, func(s workflows.ActivationState) bool { return len(s.SealedAPIKey) > 0 })

	require.NoError(t, first.Stop())

	second, err := dev.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, second.Stop()) })
	go stories.ResendAll(t.Context(), second.Simulators.Offload)
	one := second.Apps.Case("restart-question")
	require.NoError(t, stories.Answer(t.Context(), one, workflows.ProvideInput{QuestionID: asked.Question.ID, Text: "Yes."}))
	outcome, err := testenv.Within(t, one.Wait)
	require.NoError(t, err)
	require.Equal(t, workflows.CaseCompleted, outcome.Status)

	activation := second.Apps.Activation(dev.Agent, id)
	require.True(t, second.Simulators.Artmail.HoldsAPIKey(id, stories.MustRetry(t, activation.RevealAPIKey)))
	require.NoError(t, second.Simulators.Artmail.Pause(id, "user_paused"))
	testenv.Eventually(t, activation.State, func(s workflows.ActivationState) bool { return s.Status == workflows.ActivationPaused })
}
