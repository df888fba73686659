package offloadfiles_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/storytest"
	"github.com/signalbox-dev/signalbox/workflows/offloadfiles"
)

const (
	caseID = "4fc5904d"
	minute = time.Minute
	hour   = time.Hour
)

var t0 = time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return t0.Add(d) }

func startOf(ids ...string) workflows.FilesStart {
	s := workflows.FilesStart{
		Account: "default", Reference: "vendor_2048", CaseID: caseID, EndedAt: t0,
		ReplyTo: &workflows.ReplyTo{WorkflowID: "app", Signal: "notices"}, Seq: 7,
	}
	for _, id := range ids {
		s.Attachments = append(s.Attachments, workflows.Attachment{ID: id, Name: id + ".pdf", Size: 10, Type: "application/pdf"})
	}
	return s
}

// step is an outside event at a time after the start.
type step struct {
	at time.Duration
	do func(w *world)
}

// scenario is one story. Each play builds a new one.
type scenario struct {
	start   workflows.FilesStart
	archive archive
	// handOffAwayUntil: hand-offs fail until then. handOffRefused: Temporal refuses them permanently.
	handOffAwayUntil time.Duration
	handOffRefused   bool
	steps            []step
	check            func(t *testing.T, w *world)
}

// archive plays the bucket and the provider.
type archive struct {
	noBucket bool
	// away is until when storing a file fails, and with which error; "*" means every file. The error asks for a retry after pause, or ten
	// minutes if pause is 0, because the test environment makes at most ten attempts.
	away map[string]outage
	// lost files fail with a final error.
	lost map[string]string
	// differs are files that are stored with another size than reported.
	differs map[string]bool
	// hangs are files whose activity never returns.
	hangs map[string]bool
}

type outage struct {
	until   time.Duration
	errType string
	pause   time.Duration
}

// world plays a scenario, over all runs of the workflow.
type world struct {
	t        *testing.T
	scenario scenario
	env      *testsuite.TestWorkflowEnvironment
	runs     int
	result   workflows.CaseFiles
	err      error
	ended    time.Time
	hold     storytest.Hold

	mu         sync.Mutex
	tried      map[string]int
	refused    []string
	receipts   []workflows.FilesReceipt
	handOffs   []workflows.HandOff
	attributes temporal.SearchAttributes
}

// play plays the scenario until a run ends for good.
func play(t *testing.T, every int, s scenario) *world {
	t.Helper()
	return playFrom(t, every, s, s.start)
}

// playFrom begins with an input, such as that of a later run.
func playFrom(t *testing.T, every int, s scenario, input any) *world {
	t.Helper()
	w := &world{t: t, scenario: s, tried: map[string]int{}}
	story := storytest.Story[offloadfiles.Input, workflows.CaseFiles]{
		Type: workflows.OffloadFilesWorkflow, ID: workflows.OffloadFilesWorkflowID("vendor_2048"), Code: offloadfiles.ContinuingAfter(every),
		Start: input, Begin: t0, Attributes: &w.attributes, Hold: &w.hold, Prepare: w.prepare,
	}
	for _, one := range s.steps {
		story.Steps = append(story.Steps, storytest.Step{At: one.at, Do: func() { one.do(w) }})
	}
	w.result, w.ended, w.err = story.Play(t)
	w.ended = w.ended.UTC()
	return w
}

func (w *world) prepare(env *testsuite.TestWorkflowEnvironment) {
	w.env = env
	w.runs++
	w.register()
	env.OnUpsertTypedSearchAttributes(mock.Anything).Return(nil).Maybe()
}

func (w *world) register() {
	env := w.env // an activity of this run may still be at work when the next run begins
	env.RegisterActivityWithOptions(func(ctx context.Context, p workflows.StoreAttachmentParams) (workflows.StoredFile, error) {
		stored, err := w.store(ctx, env, p.Attachment.ID, "attachments/"+p.Attachment.Name, p.LagUntil)
		if w.scenario.archive.differs[p.Attachment.ID] {
			stored.ReportedSize = p.Attachment.Size
		}
		return stored, err
	}, activity.RegisterOptions{Name: workflows.ActivityArchiveStoreAttachment})
	env.RegisterActivityWithOptions(func(ctx context.Context, p workflows.StoreResultParams) (workflows.StoredFile, error) {
		return w.store(ctx, env, "", "result.json", p.LagUntil)
	}, activity.RegisterOptions{Name: workflows.ActivityArchiveStoreResult})
	env.RegisterActivityWithOptions(w.handOff, activity.RegisterOptions{Name: workflows.ActivityNoticeHandOff})
}

func (w *world) store(ctx context.Context, env *testsuite.TestWorkflowEnvironment, id, key string, lagUntil time.Time) (workflows.StoredFile, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tried[id]++
	now := env.Now()
	a := w.scenario.archive
	away, known := a.away[id]
	if !known {
		away = a.away["*"]
	}
	switch {
	case a.noBucket:
		return workflows.StoredFile{}, temporal.NewApplicationError("no bucket", workflows.ErrTypeArchiveNoBucket)
	case a.hangs[id]:
		return workflows.StoredFile{}, activity.ErrResultPending
	case a.lost[id] != "":
		return workflows.StoredFile{}, temporal.NewNonRetryableApplicationError("lost: "+a.lost[id], a.lost[id], nil)
	case now.Before(after(away.until)):
		pause := away.pause
		if pause == 0 {
			pause = 10 * minute
		}
		final := away.errType == workflows.ErrTypeOffloadNotFound && !now.Before(lagUntil)
		return workflows.StoredFile{}, temporal.NewApplicationErrorWithOptions("away: "+away.errType, away.errType, temporal.ApplicationErrorOptions{
			NonRetryable: final, NextRetryDelay: pause,
		})
	}
	return workflows.StoredFile{Bucket: "mem://", Key: key, Size: 9}, nil
}

func (w *world) handOff(_ context.Context, h workflows.HandOff) (workflows.HandOffResult, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.scenario.handOffRefused:
		return workflows.HandOffResult{}, temporal.NewNonRetryableApplicationError("too large", workflows.ErrTypeNoticeInvalid, nil)
	case w.env.Now().Before(after(w.scenario.handOffAwayUntil)):
		return workflows.HandOffResult{}, errors.New("frontend is away")
	}
	w.handOffs = append(w.handOffs, h)
	return workflows.HandOffResult{}, nil
}

func (w *world) keyword(name string) string {
	value, _ := w.attributes.GetKeyword(temporal.NewSearchAttributeKeyKeyword(name))
	return value
}

func (w *world) attention() []string {
	list, _ := w.attributes.GetKeywordList(temporal.NewSearchAttributeKeyKeywordList(workflows.SearchAttributeAttention))
	return list
}

func (w *world) cancel(by string) {
	w.env.UpdateWorkflow(workflows.UpdateCancel, "", updateResult{w}, workflows.CancelCase{By: by, Reason: "enough"})
}

func (w *world) state() workflows.CaseFiles {
	value, err := w.env.QueryWorkflow(workflows.QueryState)
	require.NoError(w.t, err)
	var state workflows.CaseFiles
	require.NoError(w.t, value.Get(&state))
	return state
}

type updateResult struct{ w *world }

func (updateResult) Accept() {}

func (u updateResult) Reject(err error) {
	var application *temporal.ApplicationError
	require.ErrorAs(u.w.t, err, &application)
	u.w.refused = append(u.w.refused, application.Type())
}

func (u updateResult) Complete(receipt any, err error) {
	require.NoError(u.w.t, err)
	u.w.receipts = append(u.w.receipts, receipt.(workflows.FilesReceipt))
}
