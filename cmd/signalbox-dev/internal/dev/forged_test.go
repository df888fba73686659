package dev_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestNothingForgedReachesAWorkflow(t *testing.T) {
	t.Parallel()
	reference := "forged"
	one := stories.MustRetry(t, func(ctx context.Context) (*signalbox.Case, error) {
		return shared.Apps.StartCase(ctx, workflows.CaseStart{CaseID: "forged-case-id", Reference: reference})
	})
	good, err := shared.Apps.WebhookURL(reference)
	require.NoError(t, err)
	other, err := shared.Apps.WebhookURL("another")
	require.NoError(t, err)
	token := other[strings.LastIndex(other, "/")+1:]
	event := strings.ReplaceAll(withEnvelope(referenceCompleted, workflows.KindCaseCompleted, 1774131900000), referenceCaseID, "forged-case-id")
	agent := shared.IngressURL() + "/webhooks/artmail/" + dev.Agent
	activated := artmailEvent(workflows.KindAgentActivated, "act-forged", 1, `,"apiKey":"k","user":{"id":"u","email":"e"}`)

	for name, c := range map[string]struct {
		url, body string
		header    []string
		want      int
	}{
		"another case's token":  {shared.IngressURL() + workflows.OffloadWebhookPath(reference, token), event, nil, 401},
		"no token to speak of":  {shared.IngressURL() + workflows.OffloadWebhookPath(reference, "x"), event, nil, 401},
		"reference that is odd": {shared.IngressURL() + workflows.OffloadWebhookPath("a%20b", token), event, nil, 401},
		"token missing":         {shared.IngressURL() + "/webhooks/offload/" + reference, event, nil, 404},
		"body over the cap":     {good, `{"event_type":"case.completed","data":{"x":"` + strings.Repeat("x", 1<<20) + `"}}`, nil, 413},
		"broken JSON":           {good, `{"event_type":`, nil, 204},
		"no signature":          {agent, activated, nil, 401},
		"empty signature":       {agent, activated, []string{"X-Artmail-Signature", ""}, 401},
		"another body's":        {agent, activated, []string{"X-Artmail-Signature", strings.Repeat("ab", 32)}, 401},
		"unknown agent":         {shared.IngressURL() + "/webhooks/artmail/nobody", activated, nil, 401},
		"shared route is off":   {shared.IngressURL() + "/webhooks/offload-shared/guess", event, nil, 404},
	} {
		require.Equal(t, c.want, post(t, c.url, c.body, c.header...), name)
	}

	// What is posted last arrives last: once it is applied, nothing before it can still be on its way.
	require.Equal(t, 204, post(t, good, strings.ReplaceAll(event, "goal_achieved", "the_real_one")))
	outcome, err := testenv.Within(t, one.Wait)
	require.NoError(t, err)
	require.Equal(t, "the_real_one", outcome.ResultStatus)
	forged := shared.Apps.Activation(dev.Agent, "act-forged")
	requireNonePending(t, inbox.Filter{Lane: forged.WorkflowID()})
	_, err = stories.Retry(t.Context(), forged.State)
	require.ErrorIs(t, err, signalbox.ErrNotFound)
}
