package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// course is a case and the app's workflow that waits for it.
type course struct {
	*signalbox.Case
	app *app
}

// start starts a case whose course the simulator takes from the counterparty's address, and the app's workflow, which gets these notices.
func start(ctx context.Context, s *stage, script string, options workflows.CaseOptions, notices ...workflows.NoticeKind) (*course, error) {
	app, err := startListening(ctx, s, s.reference(script), notices...)
	if err != nil {
		return nil, err
	}
	one, err := s.instance.Apps.StartCase(ctx, workflows.CaseStart{
		Reference: s.reference(script),
		Request: &workflows.CaseRequest{
			Channel:       "EMAIL",
			Goal:          workflows.CaseGoal{Objective: "Obtain a signed W-9"},
			Counterparty:  workflows.Counterparty{Address: script + "@vendor.example", Name: "Ada Vendor"},
			SenderPersona: workflows.SenderPersona{Name: "Grace", Role: "Accounts payable"},
		},
		ReplyTo: app.replyTo(),
		Options: options,
	})
	if err != nil {
		return nil, err
	}
	s.say("case %s started", one.Reference())
	s.showLink(one.WorkflowID())
	return &course{Case: one, app: app}, nil
}

// ends waits for the outcome and compares it with what the scene is about.
func ends(ctx context.Context, s *stage, one *course, status workflows.CaseStatus, resultStatus string, source workflows.NewsSource) error {
	outcome, err := one.Wait(ctx)
	if err != nil {
		return err
	}
	s.say("outcome: %s (%s), known by %s; result %s", outcome.Status, outcome.ResultStatus, outcome.Source, orNone(string(outcome.Facts.Result)))
	if outcome.Status != status || outcome.ResultStatus != resultStatus || outcome.Source != source {
		return fmt.Errorf("outcome %s (%s) by %s, want %s (%s) by %s", outcome.Status, outcome.ResultStatus, outcome.Source, status, resultStatus, source)
	}
	return one.app.receivesNotices(ctx, s)
}

// filesAreStored waits for the case's files, which its outcome didn't wait for.
func filesAreStored(ctx context.Context, s *stage, one *course) error {
	files, err := one.Files(ctx)
	if err != nil {
		return err
	}
	for _, file := range files.Stored {
		s.say("stored in the bucket: %s", file.Key)
	}
	if len(files.Unstored) > 0 || len(files.Stored) == 0 {
		return fmt.Errorf("%d files are stored and %d are not, want all of at least one", len(files.Stored), len(files.Unstored))
	}
	return nil
}

func caseCompletes(ctx context.Context, s *stage) error {
	one, err := start(ctx, s, "complete", workflows.CaseOptions{}, workflows.NoticeCaseCompleted, workflows.NoticeCaseFilesStored)
	if err != nil {
		return err
	}
	if err := ends(ctx, s, one, workflows.CaseCompleted, "goal_achieved", workflows.NewsByWebhook); err != nil {
		return err
	}
	return filesAreStored(ctx, s, one)
}

func caseAsks(ctx context.Context, s *stage) error {
	one, err := start(ctx, s, "question", workflows.CaseOptions{}, workflows.NoticeCaseInputNeeded, workflows.NoticeCaseCompleted)
	if err != nil {
		return err
	}
	state, err := await(ctx, one.State, func(state workflows.CaseState) bool {
		return state.Status == workflows.CaseInputNeeded && state.Question != nil
	})
	if err != nil {
		return err
	}
	s.say("asks: %s", state.Question.Text)
	if _, err := one.ProvideInput(ctx, workflows.ProvideInput{
		QuestionID: state.Question.ID,
		Text:       "Yes, a signed PDF is fine.",
		By:         "the demonstration",
	}); err != nil {
		return err
	}
	s.say("answered: Yes, a signed PDF is fine.")
	return ends(ctx, s, one, workflows.CaseCompleted, "goal_achieved", workflows.NewsByWebhook)
}

func caseLosesItsWebhook(ctx context.Context, s *stage) error {
	// Poll after 4 s instead of 15 minutes, so that the demonstration is short.
	one, err := start(ctx, s, "lost", workflows.CaseOptions{
		ReconcileAfter: workflows.Duration(4 * time.Second),
		PollFloor:      workflows.Duration(time.Second),
		PollCeiling:    workflows.Duration(2 * time.Second),
	}, workflows.NoticeCaseCompleted)
	if err != nil {
		return err
	}
	s.say("the webhook of this case's end will be lost; after 4 s of silence Signalbox reads the case")
	return ends(ctx, s, one, workflows.CaseCompleted, "goal_achieved", workflows.NewsByPoll)
}

func caseFails(ctx context.Context, s *stage) error {
	one, err := start(ctx, s, "fail", workflows.CaseOptions{}, workflows.NoticeCaseFailed)
	if err != nil {
		return err
	}
	return ends(ctx, s, one, workflows.CaseFailed, "max_retries", workflows.NewsByWebhook)
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}
