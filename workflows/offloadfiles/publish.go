package offloadfiles

import (
	"go.temporal.io/sdk/workflow"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/entity"
	"github.com/signalbox-dev/signalbox/workflows/offloadfiles/lifecycle"
)

// publish publishes the state. It does not publish the caseId: by that attribute the relay finds the case.
func (r *run) publish() {
	r.Publish(entity.Published{
		State: string(r.f.State.Status), Attention: lifecycle.Attention(r.f), DueAt: lifecycle.DueAt(r.f), Details: lifecycle.Details(r.f),
	})
}

// apply makes next the current state, and reports the end of storing.
func (r *run) apply(next lifecycle.Files) {
	ended := next.State.Status.Ended() && !r.f.State.Status.Ended()
	r.f = next
	if ended {
		r.countFiles(lifecycle.Result(next))
	}
}

// countFiles counts the files that are stored, those that are stored but differ from the provider's report, and those that are not
// stored.
func (r *run) countFiles(files workflows.CaseFiles) {
	stored := files.Stored
	if files.Result != nil {
		stored = append(stored, *files.Result)
	}
	differing := 0
	for _, file := range stored {
		if file.Differs() {
			differing++
		}
	}
	for _, c := range []struct {
		result string
		count  int
	}{{"stored", len(stored) - differing}, {"differs", differing}, {"unstored", len(files.Unstored) + files.Omitted}} {
		workflow.GetMetricsHandler(r.Ctx).WithTags(map[string]string{"result": c.result}).Counter(workflows.MetricCaseFiles).Inc(int64(c.count))
	}
	workflow.GetLogger(r.Ctx).Info("files settled", "state", files.Status, "case", files.CaseID,
		"stored", len(stored), "differing", differing, "unstored", len(files.Unstored), "omitted", files.Omitted)
}
