package offloadfiles

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/offloadfiles/lifecycle"
)

// carryOut starts the calls that the rules want and that are not running, and drops running calls that the rules no longer want.
func (r *run) carryOut(fx lifecycle.Effects) {
	r.dropUnwanted(fx.Calls)
	for _, call := range fx.Calls {
		r.store(call)
	}
	if fx.HandOff != nil && !r.handOff.Running() {
		r.handOff = entity.StartHandOff(r.Ctx, *fx.HandOff)
	}
	r.Timer.Set(r.Ctx, r.Now(), fx.Wake, fx.WakeFor)
}

func (r *run) dropUnwanted(calls []lifecycle.Call) {
	wanted := func(id string) bool {
		return slices.ContainsFunc(calls, func(c lifecycle.Call) bool { return c.ID == id })
	}
	if !wanted("") {
		r.result.Drop()
	}
	r.attachments = slices.DeleteFunc(r.attachments, func(c storeAttachment) bool {
		if wanted(c.Params.Attachment.ID) {
			return false
		}
		c.Drop()
		return true
	})
}

// store starts a call unless it is running.
func (r *run) store(call lifecycle.Call) {
	switch {
	case call.Result != nil && !r.result.Running():
		r.result = startStoreResult(r.Ctx, call)
	case call.Attachment != nil && !slices.ContainsFunc(r.attachments, func(c storeAttachment) bool { return c.Params.Attachment.ID == call.ID }):
		r.attachments = append(r.attachments, startStoreAttachment(r.Ctx, call))
	}
}

// applyResults applies the results of calls that have ended.
func (r *run) applyResults() {
	if r.result.Done() {
		_, stored, failure := r.result.TakeRepeatable(r.Ctx)
		r.applyFile("", stored, failure)
	}
	var running []storeAttachment
	for _, call := range r.attachments {
		if !call.Done() {
			running = append(running, call)
			continue
		}
		params, stored, failure := call.TakeRepeatable(r.Ctx)
		r.applyFile(params.Attachment.ID, stored, failure)
	}
	r.attachments = running
	if r.handOff.Done() {
		params, _, failure := r.handOff.Take(r.Ctx)
		r.applyHandOff(params, failure)
	}
}

func (r *run) applyFile(id string, stored workflows.StoredFile, failure *rules.Failure) {
	r.Step(1)
	if failure == nil {
		r.apply(lifecycle.FileStored(r.f, id, stored, r.Now()))
		return
	}
	if failure.Type != workflows.ErrTypeArchiveNoBucket {
		workflow.GetLogger(r.Ctx).Warn("file not stored", "attachment", id, "errorType", failure.Type)
	}
	r.apply(lifecycle.FileFailed(r.f, id, *failure, r.Now()))
}

func (r *run) applyHandOff(params workflows.HandOff, failure *rules.Failure) {
	r.Step(1)
	if failure == nil {
		r.apply(lifecycle.HandOffSucceeded(r.f, params.Notices))
		return
	}
	r.LogFailedHandOff(params, *failure)
	r.apply(lifecycle.HandOffFailed(r.f, params.Notices, *failure, r.Now()))
}
