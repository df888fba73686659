package offloadfiles

import (
	"errors"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/offloadfiles/lifecycle"
)

// registerHandlers registers the query and the update before the run first yields.
func (r *run) registerHandlers() error {
	return errors.Join(
		entity.HandleState(r.Run, "Which files of the case are stored, which are not, and what is waited for",
			func() workflows.CaseFiles { return lifecycle.View(r.f) }),
		entity.HandleUpdate(r.Run, workflows.UpdateCancel, "Store no more files; what is stored stays",
			func(in workflows.CancelCase) error { return lifecycle.CheckCancel(r.f, in) }, r.cancel),
	)
}

func (r *run) cancel(in workflows.CancelCase) workflows.FilesReceipt {
	r.apply(lifecycle.Cancel(r.f, in, r.Now()))
	return workflows.FilesReceipt{Status: r.f.State.Status}
}
