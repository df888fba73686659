package page

import (
	"context"
	"net/http"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inboxadmin"
	"github.com/signalbox-dev/signalbox/workflows"
)

// figuresWithin bounds what Health reads of the inbox and of cases: it counts every row, and cases answer only while a worker runs.
const figuresWithin = 2 * time.Second

// healthView has the checks of the process, the counts of the inbox, and figures from a sample of cases.
type healthView struct {
	Ready  bool
	Checks []Check
	// Counts is nil where the visitor may not see them, or the inbox can't be read; Problem then says why.
	Counts  *inboxadmin.Counts
	States  []inbox.State
	Problem string
	// Polling is the share of polling in a sample of cases; nil if there are no cases. PollingProblem is why it could not be read.
	Polling        *pollingShare
	PollingProblem string
}

// attention is the contract's table of what to do.
func (v *visit) attention() {
	v.render(http.StatusOK, "attention", view{Title: "What to do for each attention", Data: workflows.Attentions()})
}

func (v *visit) health() {
	data := healthView{States: inbox.States()}
	together(
		func() { data.Ready, data.Checks = v.s.deps.Health(v.r.Context()) },
		func() {
			if !v.s.deps.API.May(v.token, "countDeliveries") || v.token.Limited() {
				return
			}
			ctx, cancel := context.WithTimeout(v.r.Context(), figuresWithin)
			defer cancel()
			var counts inboxadmin.Counts
			if err := v.call(ctx, http.MethodGet, nil, nil, &counts, "deliveries", "counts"); err != nil {
				data.Problem = err.Error()
				if ctx.Err() != nil {
					data.Problem = "The deliveries could not be counted in 2 seconds. If the inbox answers, it has many of them: use signalbox inbox counts."
				}
				return
			}
			data.Counts = &counts
		},
		func() {
			var err error
			if data.Polling, err = v.pollingShare(); err != nil {
				data.PollingProblem = err.Error()
			}
		},
	)
	v.render(http.StatusOK, "health", view{Title: "Health", Section: "/health", Data: data, Every: slowEvery})
}
