package sealtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

const anyPort = "127.0.0.1:0"

// impatient: the server rounds timers and retry delays up to about a second; tests would wait for that.
var impatient = map[string]any{"history.timerProcessorMaxTimeShift": 10 * time.Millisecond}

// shared is the instance that encrypts.
var shared struct {
	*dev.Instance
	folder string
}

func TestMain(m *testing.M) { stories.Main(m, runTests) }

func runTests(m *testing.M) (int, error) {
	folder, err := os.MkdirTemp("", "signalbox-seal-test-")
	if err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	shared.folder = folder
	shared.Instance, err = dev.Start(context.Background(), dev.Options{
		Data: folder, Listen: anyPort, InternalListen: anyPort, Temporal: anyPort, UI: anyPort, Simulators: anyPort, Pace: 20 * time.Millisecond,
		EncryptPayloads: true, DynamicConfig: impatient, Log: zap.NewNop(),
	})
	if err != nil {
		return 1, err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	stories.Attend(ctx, shared.Apps, shared.Simulators.Offload)
	code := m.Run()
	return code, shared.Stop()
}

// planted are texts that a person may have written or that are about a person. Each is found nowhere but in payloads.
var planted = []string{
	"zebra.objective", "zebra.knowledge", "zebra.counterparty", "zebra.custom", "zebra.persona", "zebra.constraint", "zebra.metadata",
	"zebra.answer", "zebra.answered-by", "zebra.cancelled", "zebra.refused", "zebra.subject", "zebra.reason", "zebra.run",
	// What the simulated providers write.
	"The counterparty asked whether a signed PDF is acceptable", "The counterparty confirmed", "reply.txt", "The counterparty declined to help",
	"vendor.example",
	// What people see in the Web UI.
	"Offload case ", "Create the case at Offload",
}

// played are the workflows of the stories.
type played struct{ answered, attached, rejected, refused, cancelled, silent, activation string }

// play plays each kind of story once.
var play = sync.OnceValues(func() (played, error) {
	var p played
	ctx, cancel := context.WithTimeout(context.Background(), 4*waitTimeout) // each step has its own limit
	defer cancel()
	start := func(reference, script string) workflows.CaseStart {
		return workflows.CaseStart{Reference: reference, Request: &workflows.CaseRequest{
			Channel:       "EMAIL",
			Goal:          workflows.CaseGoal{Objective: "zebra.objective", Knowledge: json.RawMessage(`"zebra.knowledge"`)},
			Counterparty:  workflows.Counterparty{Address: script + "@vendor.example", Name: "zebra.counterparty", CustomData: map[string]string{"note": "zebra.custom"}},
			SenderPersona: workflows.SenderPersona{Name: "zebra.persona"},
			Constraints:   []string{"zebra.constraint"},
			Metadata:      json.RawMessage(`{"note":"zebra.metadata"}`),
		}}
	}
	asked, err := stories.Start(ctx, shared.Apps, start("answered", "question"))
	if err != nil {
		return p, err
	}
	p.answered = asked.WorkflowID()
	state, err := testenv.Await(ctx, asked.State, func(s workflows.CaseState) bool { return s.Status == workflows.CaseInputNeeded })
	if err != nil {
		return p, err
	}
	if err := stories.Answer(ctx, asked, workflows.ProvideInput{QuestionID: state.Question.ID, Text: "zebra.answer", By: "zebra.answered-by"}); err != nil {
		return p, err
	}
	attached, err := stories.Start(ctx, shared.Apps, start("attached", "complete"))
	if err != nil {
		return p, err
	}
	p.attached = attached.WorkflowID()
	rejected, err := stories.Start(ctx, shared.Apps, start("rejected", "reject"))
	if err != nil {
		return p, err
	}
	p.rejected = rejected.WorkflowID()
	// The simulator refuses the creation and repeats the name of the script: an error text in the history.
	refusedStart := start("refused", "silent")
	refusedStart.Request.Metadata = json.RawMessage(`{"script":"zebra.refused"}`)
	refused, err := stories.Start(ctx, shared.Apps, refusedStart)
	if err != nil {
		return p, err
	}
	p.refused = refused.WorkflowID()
	cancelled, err := stories.Start(ctx, shared.Apps, start("cancelled", "silent"))
	if err != nil {
		return p, err
	}
	p.cancelled = cancelled.WorkflowID()
	if _, err := testenv.Await(ctx, cancelled.State, func(s workflows.CaseState) bool { return s.Status == workflows.CaseRunning }); err != nil {
		return p, err
	}
	if err := stories.CancelCase(ctx, cancelled, workflows.CancelCase{Reason: "zebra.cancelled", By: "zebra.answered-by"}); err != nil {
		return p, err
	}
	for _, wait := range []interface {
		Wait(context.Context) (workflows.CaseOutcome, error)
	}{asked, attached, rejected, refused, cancelled} {
		if _, err := wait.Wait(ctx); err != nil {
			return p, err
		}
	}
	if _, err := testenv.Await(ctx, attached.Files, func(f workflows.CaseFiles) bool { return len(f.Stored) > 0 }); err != nil {
		return p, err
	}
	silent, err := stories.Start(ctx, shared.Apps, start("silent", "silent"))
	if err != nil {
		return p, err
	}
	p.silent = silent.WorkflowID()
	p.activation, err = playActivation(ctx)
	return p, err
})

func playActivation(ctx context.Context) (workflowID string, err error) {
	artmail := shared.Simulators.Artmail
	id, err := artmail.Activate(dev.Agent)
	if err != nil {
		return "", err
	}
	one := shared.Apps.Activation(dev.Agent, id)
	if _, err := testenv.Await(ctx, one.State, func(s workflows.ActivationState) bool { return len(s.SealedAPIKey) > 0 }); err != nil {
		return "", err
	}
	messageID, err := artmail.RequestApproval(id, "zebra.subject", "")
	if err != nil {
		return "", err
	}
	if _, err := stories.Retry(ctx, func(ctx context.Context) (workflows.Run, error) {
		return one.OpenRun(ctx, workflows.OpenRun{RunID: "zebra.run"})
	}); err != nil {
		return "", err
	}
	if _, err := stories.Retry(ctx, func(ctx context.Context) ([]workflows.Approval, error) {
		return one.RequestApprovals(ctx, workflows.ApprovalRequest{MessageID: messageID, Subject: "zebra.subject"})
	}); err != nil {
		return "", err
	}
	if _, err := artmail.RespondApproval(messageID, true, "zebra.reason", ""); err != nil {
		return "", err
	}
	_, err = testenv.Await(ctx, one.State, func(s workflows.ActivationState) bool {
		return len(s.Approvals) == 1 && s.Approvals[0].Reason == "zebra.reason"
	})
	return one.WorkflowID(), err
}

func playedStories(t *testing.T) played {
	t.Helper()
	p, err := play()
	require.NoError(t, err)
	return p
}

// filesOf reads the files of a folder by a pattern.
func filesOf(t *testing.T, folder, pattern string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	found, err := filepath.Glob(filepath.Join(folder, pattern))
	require.NoError(t, err)
	require.NotEmpty(t, found)
	for _, path := range found {
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) { // SQLite removes a journal when it no longer needs it
			continue
		}
		require.NoError(t, err)
		files[filepath.Base(path)] = content
	}
	return files
}
