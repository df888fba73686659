package page

import (
	"net/http"

	"github.com/signalbox-dev/signalbox/ingress/desk"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// healthView is what the process knows of itself.
type healthView struct {
	Ready  bool
	Checks []Check
	// Counts is nil where the visitor may not see them, or the inbox can't be read; Problem then says why.
	Counts  *desk.Counts
	States  []inbox.State
	Problem string
}

func (v *visit) health() {
	data := healthView{States: inbox.States()}
	data.Ready, data.Checks = v.s.deps.Health(v.r.Context())
	if v.s.deps.API.May(v.token, "countDeliveries") && !v.token.Limited() {
		var counts desk.Counts
		if err := v.get(&counts, nil, "deliveries", "counts"); err != nil {
			data.Problem = err.Error()
		} else {
			data.Counts = &counts
		}
	}
	v.render(http.StatusOK, "health", view{Title: "Health", Section: "/health", Data: data, Every: slowEvery})
}
