package offloadfiles

import (
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/offloadfiles/lifecycle"
)

func (r *run) handleState() error {
	return entity.HandleState(r.Run, "Which files of the case are stored, which are not, and what is waited for",
		func() workflows.CaseFiles { return lifecycle.View(r.f) })
}

func (r *run) handleCancel() error {
	check := func(c workflows.CancelCase) error { return lifecycle.CheckCancel(r.f, c) }
	return entity.HandleUpdate(r.Run, workflows.UpdateCancel, "Store no more files; what is stored stays", check,
		func(c workflows.CancelCase) (workflows.FilesReceipt, error) {
			r.applyResults() // a file that is stored by now is not given up
			if err := check(c); err != nil {
				return workflows.FilesReceipt{}, err
			}
			r.apply(lifecycle.Cancel(r.f, c, r.Now()))
			return workflows.FilesReceipt{Status: r.f.State.Status}, nil
		})
}
