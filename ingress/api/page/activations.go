package page

import (
	"net/http"
	"net/url"

	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// activations lists activations.
func (v *visit) activations() {
	query, filter := v.filter("state", "attention", "needsAttention", "agent", "open", "startedSince", "startedBefore", "cursor")
	var page signalbox.ActivationPage
	problem, err := v.list(&page, query, "activations")
	if err != nil {
		v.refuse(err, "")
		return
	}
	v.render(http.StatusOK, "activations", view{Title: "Activations", Section: "/activations", Every: slowEvery, Data: listView[signalbox.ActivationRow]{
		Rows: page.Activations, Filter: filter, States: workflows.ActivationStatuses(), Next: v.next(page.Next), Problem: problem,
	}})
}

// activationView is one activation with all that is known about it.
type activationView struct {
	State      api.Activation
	WorkflowID string
	Timeline   []event
	history
}

func (v *visit) oneActivation() {
	agent, activation := v.r.PathValue("agent"), v.r.PathValue("activation")
	data := activationView{WorkflowID: workflows.ArtmailActivationWorkflowID(agent, activation)}
	var failed error
	together(
		func() { failed = v.get(&data.State, nil, "activations", agent, activation) },
		func() {
			of := url.Values{"agent": {agent}, "lane": {data.WorkflowID}}
			data.history = v.readHistory(data.WorkflowID, of, v.s.deps.API.May(v.token, "listDeliveries"))
		},
	)
	if failed != nil {
		v.refuse(failed, data.WorkflowID)
		return
	}
	data.Timeline = activationTimeline(data)
	v.render(http.StatusOK, "activation", view{Title: "Activation " + activation, Section: "/activations", Data: data, Every: liveEvery})
}

func (v *visit) doneActivation(err error, done string) {
	agent, activation := v.r.PathValue("agent"), v.r.PathValue("activation")
	v.done(err, workflows.ArtmailActivationWorkflowID(agent, activation), activationPath(agent, activation), done)
}

func (v *visit) closeRun() {
	v.doneActivation(v.post(v.reason(), nil,
		"activations", v.r.PathValue("agent"), v.r.PathValue("activation"), "runs", v.form.Get("runId"), "close"), "closed")
}

func (v *visit) cancelApproval() {
	v.doneActivation(v.post(v.reason(), nil,
		"activations", v.r.PathValue("agent"), v.r.PathValue("activation"), "approvals", v.form.Get("messageId"), "cancel"), "withdrawn")
}

// reason is the body of a call whose subject stands in its path. The contract's own types name the subject, too, and the API refuses that.
func (v *visit) reason() map[string]string {
	body := map[string]string{}
	if reason := v.form.Get("reason"); reason != "" {
		body["reason"] = reason
	}
	return body
}
