package page

import (
	"net/http"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inboxadmin"
)

// deliveryNames are the parameters of a list of deliveries.
var deliveryNames = []string{"state", "provider", "agent", "kind", "reference", "lane", "since", "until", "cursor"}

// deliveries lists deliveries.
func (v *visit) deliveries() {
	query, filter := v.filter(deliveryNames...)
	if v.token.Limited() && !query.Has("agent") && len(v.token.Agents) > 0 {
		query.Set("agent", v.token.Agents[0])
		filter.Set("agent", v.token.Agents[0])
	}
	var page inbox.Page
	var problem string
	var err error
	if query.Has("lane") && query.Has("reference") {
		problem = "Choose a case or a workflow, not both: empty one of the two."
	} else if problem, err = v.list(&page, query, "deliveries"); err != nil {
		v.refuse(err, "")
		return
	}
	v.render(http.StatusOK, "deliveries", view{Title: "Deliveries", Section: "/deliveries", Every: slowEvery, Data: listView[inbox.Delivery]{
		Rows: page.Deliveries, Filter: filter, States: inbox.States(), Next: v.next(page.Next), Problem: problem,
	}})
}

// deliveryView is one delivery; Revealed says that it is shown with all its secrets.
type deliveryView struct {
	inboxadmin.Shown
	Revealed bool
}

func (v *visit) oneDelivery() {
	var data deliveryView
	if err := v.get(&data.Shown, nil, "deliveries", v.r.PathValue("id")); err != nil {
		v.refuse(err, "")
		return
	}
	v.render(http.StatusOK, "delivery", view{Title: "Delivery", Section: "/deliveries", Data: data, Every: liveEvery})
}

// revealDelivery renders the answer to the POST and does not redirect: each reload of a redirect's target would be recorded as one more
// revelation.
func (v *visit) revealDelivery() {
	data := deliveryView{Revealed: true}
	if err := v.post(nil, &data.Shown, "deliveries", v.r.PathValue("id"), "reveal"); err != nil {
		v.refuse(err, "")
		return
	}
	v.render(http.StatusOK, "delivery", view{Title: "Delivery, revealed", Section: "/deliveries", Data: data})
}

func (v *visit) replayDelivery() {
	var done inboxadmin.Replayed
	id := v.r.PathValue("id")
	err := v.post(nil, &done, "deliveries", id, "replay")
	v.done(err, "", deliveryPath(id), "replayed", done.Replayed, done.Skipped)
}

func (v *visit) dismissDelivery() {
	var done inboxadmin.Dismissed
	id := v.r.PathValue("id")
	err := v.post(nil, &done, "deliveries", id, "dismiss")
	v.done(err, "", deliveryPath(id), "dismissed", done.Dismissed)
}

// replayDeliveries replays all that the filter of the list matches.
func (v *visit) replayDeliveries() {
	form := v.form
	filter := map[string]any{}
	for _, name := range []string{"provider", "agent", "kind", "reference", "lane"} {
		if value := form.Get(name); value != "" {
			filter[name] = value
		}
	}
	for _, name := range []string{"since", "until"} {
		if value := form.Get(name); value != "" {
			filter[name] = asTime(name, value)
		}
	}
	if states := form["state"]; len(states) > 0 {
		filter["states"] = states
	}
	var done inboxadmin.Replayed
	err := v.post(filter, &done, "deliveries", "replay")
	v.done(err, "", "/deliveries", "replayed", done.Replayed, done.Skipped)
}

func (v *visit) releaseDeliveries() {
	body := map[string]any{}
	if agent := v.form.Get("agent"); agent != "" {
		body["agent"] = agent
	}
	var done inboxadmin.Released
	err := v.post(body, &done, "deliveries", "release")
	v.done(err, "", "/deliveries?state=quarantined", "released", done.Accepted, done.Duplicates, done.Refused, done.Unreadable)
}
