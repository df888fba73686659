package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Begin opens the case of a normalized, valid start. A deadline that has passed already ends it before anything is created.
func Begin(start workflows.CaseStart, now time.Time) Case {
	c := Case{Start: start, State: State{
		Version: versionFirst,
		Status:  workflows.CaseCreating, Since: now, Source: workflows.NewsByApp,
		Creation: CreationPending,
	}}
	if start.CaseID != "" {
		c.State.Creation = ""
		c.State.CaseID = start.CaseID
		c.State.Status = workflows.CaseRunning
		// Its webhooks may have passed before anybody listened, so the first look comes at once.
		c.State.ReconcileAt = now
	}
	return Tick(c, now)
}
