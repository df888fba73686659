package casetest_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// running returns the case's ID once Offload has sent the first message.
func (s *killStage) running(t *testing.T, one *signalbox.Case) (caseID string) {
	t.Helper()
	caseID = testenv.Eventually(t, stories.Attended(s.offload, one), isRunning).CaseID
	require.NoError(t, s.offload.SendFirstMessage(caseID))
	return caseID
}

func completes(t *testing.T, s *killStage, one doomed) {
	t.Helper()
	require.NoError(t, s.offload.Complete(s.running(t, one.Case), nil))
}

func completesUnheard(t *testing.T, s *killStage, one doomed) {
	t.Helper()
	caseID := s.running(t, one.Case)
	require.NoError(t, s.offload.Webhooks.Faults.Plan(courier.Rule{Fault: courier.Drop, Key: caseID}))
	require.NoError(t, s.offload.Complete(caseID, nil))
}

func completesWithAFile(t *testing.T, s *killStage, one doomed) {
	t.Helper()
	caseID := s.running(t, one.Case)
	receiveAttachment(t, s.offload, caseID)
	require.NoError(t, s.offload.Complete(caseID, nil))
}

func completesAtLength(t *testing.T, s *killStage, one doomed) {
	t.Helper()
	require.NoError(t, s.offload.Complete(s.running(t, one.Case), largeResult(600<<10)))
}

func answersAQuestion(t *testing.T, s *killStage, one doomed) {
	t.Helper()
	questionID, err := s.offload.AskInput(s.running(t, one.Case), "Is a PDF fine?")
	require.NoError(t, err)
	inStatus(t, one.Case, workflows.CaseInputNeeded)
	require.NoError(t, stories.Answer(t.Context(), one.Case, workflows.ProvideInput{QuestionID: questionID, Text: "Yes."}))
}

func asks(t *testing.T, s *killStage, one doomed) {
	t.Helper()
	_, err := s.offload.AskInput(s.running(t, one.Case), "Is a PDF fine?")
	require.NoError(t, err)
}

// completesAndQueues returns once the notice of the end waits behind that of the question.
func completesAndQueues(t *testing.T, s *killStage, one doomed) {
	t.Helper()
	require.NoError(t, s.offload.Complete(s.offload.CasesOf(one.Reference())[0].CaseID, nil))
	testenv.Eventually(t, deliveries(s.temporal, one.Case), twoNotices)
}

func isPausedAndQueues(t *testing.T, s *killStage, one doomed) {
	t.Helper()
	require.NoError(t, s.artmail.Pause(one.id, "user_paused"))
	testenv.Eventually(t, deliveries(s.temporal, one.activation), twoNotices)
}

func twoNotices(s workflows.NotifyState) bool { return len(expected(s.Notices)) == 2 }

// isApprovedUnheard: the answer's webhook is lost, so the author is asked after the deadline.
func isApprovedUnheard(t *testing.T, s *killStage, one doomed) {
	t.Helper()
	testenv.Eventually(t, one.activation.State, func(state workflows.ActivationState) bool { return len(state.SealedAPIKey) > 0 })
	messageID, err := s.artmail.RequestApproval(one.id, "May I?", "")
	require.NoError(t, err)
	_, err = s.artmail.RespondApproval(messageID, true, "", "")
	require.NoError(t, err)
	stories.RequestApprovals(t, one.activation, workflows.ApprovalRequest{MessageID: messageID, Deadline: time.Now().Add(time.Second)})
}

func isCreatedOnce(t *testing.T, s *killStage, one doomed) {
	t.Helper()
	// It is unknown whether the worker had posted when it died, so it isn't posted again.
	inStatus(t, one.Case, workflows.CaseCreateUncertain)
	created := s.offload.CasesOf(one.Reference())
	if one.point == string(begun) || one.point == string(arriving) {
		require.Empty(t, created, one.Reference())
		return
	}
	require.Len(t, created, 1, one.Reference())
	require.NoError(t, s.offload.SendFirstMessage(created[0].CaseID))
	require.NoError(t, s.offload.Complete(created[0].CaseID, nil))
	isCompletedOnce(t, s, one)
}

func isAnsweredOnce(t *testing.T, s *killStage, one doomed) {
	t.Helper()
	state := testenv.Eventually(t, one.State, func(s workflows.CaseState) bool { return s.Answers[0].Result != "" })
	want := workflows.InputAccepted
	if one.point == string(returning) || one.point == string(done) {
		want = workflows.InputAlreadyResolved
	}
	require.Equal(t, want, state.Answers[0].Result, one.Reference())
	require.NoError(t, s.offload.Complete(state.CaseID, nil))
	isCompletedOnce(t, s, one)
}

func isCompletedOnce(t *testing.T, s *killStage, one doomed) { completedOnce(t, s, one) }

func completedOnce(t *testing.T, s *killStage, one doomed) workflows.CaseOutcome {
	t.Helper()
	got := outcome(t, one.Case)
	require.Equal(t, workflows.CaseCompleted, got.Status, one.Reference())
	created := s.offload.CasesOf(one.Reference())
	require.Len(t, created, 1, one.Reference())
	require.Equal(t, created[0].CaseID, got.CaseID)
	require.Len(t, created[0].Answers, len(got.Answers))
	return got
}

// hasFilesOnce: the one file of the case is stored, and stands in the bucket once.
func hasFilesOnce(t *testing.T, s *killStage, one doomed) {
	t.Helper()
	isCompletedOnce(t, s, one)
	files := stories.MustRetry(t, one.Files)
	require.Empty(t, files.Unstored, one.Reference())
	require.Empty(t, files.Attention, one.Reference())
	stored := files.Stored
	if files.Result != nil {
		stored = append(stored, *files.Result)
	}
	require.Len(t, stored, 1, one.Reference())
	var kept []string
	require.NoError(t, fs.WalkDir(os.DirFS(s.bucket), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && filepath.Ext(path) != ".attrs" && filepath.ToSlash(filepath.Dir(path)) == filepath.ToSlash(filepath.Dir(stored[0].Key)) {
			kept = append(kept, path)
		}
		return err
	}))
	require.Equal(t, []string{stored[0].Key}, kept)
	info, err := os.Stat(filepath.Join(s.bucket, filepath.FromSlash(stored[0].Key)))
	require.NoError(t, err)
	require.Equal(t, stored[0].Size, info.Size(), one.Reference())
}

func isToldOfTheEnd(t *testing.T, s *killStage, one doomed) {
	t.Helper()
	requireNotices(t, s, one, one.told(), workflows.NoticeCaseCompleted)
}

func isToldInOrder(t *testing.T, s *killStage, one doomed) {
	t.Helper()
	requireNotices(t, s, one, one.told(), workflows.NoticeCaseInputNeeded, workflows.NoticeCaseCompleted)
}

func isPostedInOrder(t *testing.T, s *killStage, one doomed) {
	t.Helper()
	testenv.Eventually(t, deliveries(s.temporal, one.Case), allDelivered(2))
	var different []workflows.Notice
	times := map[string]int{}
	posted := s.hook.of(one.WorkflowID())
	for _, n := range posted {
		if times[n.ID]++; times[n.ID] == 1 && n.Kind != workflows.NoticeCaseAttention {
			different = append(different, n)
		}
	}
	requireNotices(t, s, one, different, workflows.NoticeCaseInputNeeded, workflows.NoticeCaseCompleted)
	if one.point == string(done) {
		require.Greater(t, times[posted[0].ID], 1, "the server knew of no answer, so it was posted again")
	}
}

// requireNotices: these are all notices of the case, the last of them with its outcome.
func requireNotices(t *testing.T, s *killStage, one doomed, got []workflows.Notice, kinds ...workflows.NoticeKind) {
	t.Helper()
	ended := completedOnce(t, s, one)
	requireInOrder(t, one, got, kinds...)
	last := got[len(got)-1]
	// A task that was never recorded is carried out again, some seconds later by the workflow's clock: only EndedAt may differ.
	last.Data.Outcome.EndedAt = ended.EndedAt
	require.Equal(t, ended, *last.Data.Outcome, one.Reference())
	// A receiver has ended with its last notice, so what is delivered to it again, since the first answer was lost, may wait.
	made := expected(testenv.Eventually(t, deliveries(s.temporal, one.Case), func(s workflows.NotifyState) bool { return len(expected(s.Notices)) >= len(kinds) }).Notices)
	require.Len(t, made, len(kinds), "what is handed off again has the same ID")
	for i, n := range made {
		require.Equal(t, got[i].ID, n.ID, one.Reference())
	}
}

func requireInOrder(t *testing.T, one doomed, got []workflows.Notice, kinds ...workflows.NoticeKind) {
	t.Helper()
	require.Len(t, got, len(kinds), one.activity)
	for i, n := range got {
		require.Equal(t, kinds[i], n.Kind, "%s %s", one.activity, one.point)
		require.True(t, i == 0 || n.Seq > got[i-1].Seq)
	}
}

// isHandedOver: the author's workflow was started once and got each notice in order.
func isHandedOver(kinds ...workflows.NoticeKind) func(*testing.T, *killStage, doomed) {
	return func(t *testing.T, s *killStage, one doomed) {
		t.Helper()
		// Before that, the hand-over workflow need not exist.
		testenv.Eventually(t, deliveries(s.temporal, one.activation), allDelivered(len(kinds)))
		got := returned(t, s.temporal.GetWorkflow(t.Context(), workflows.HandOverWorkflowID(agent, one.id), ""))()
		requireInOrder(t, one, got, kinds...)
		if approval := got[1].Data.Approval; approval != nil {
			require.Equal(t, workflows.ApprovalApproved, approval.Status)
			require.Equal(t, workflows.NewsByPoll, approval.Source)
			state := testenv.Eventually(t, one.activation.State, func(s workflows.ActivationState) bool { return len(s.Approvals) > 0 })
			require.Equal(t, []workflows.Approval{*approval}, state.Approvals)
		}
	}
}
