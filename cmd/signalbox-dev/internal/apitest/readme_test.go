package apitest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/signalbox/signalboxtest"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// repository is the folder in which the README's commands run.
var repository = filepath.Join("..", "..", "..", "..")

// isInREADME fails where the README does not show the text as it is.
func isInREADME(t *testing.T, text string) {
	t.Helper()
	readme, err := os.ReadFile(filepath.Join(repository, "README.md"))
	require.NoError(t, err)
	require.Contains(t, string(readme), strings.TrimSpace(text))
}

// commandsOf reads commands that the README shows, and replaces what differs here: each text of the pairs must be there.
func commandsOf(t *testing.T, name string, oldNew ...string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	commands := string(raw)
	isInREADME(t, commands)
	for i := 0; i < len(oldNew); i += 2 {
		require.Contains(t, commands, oldNew[i])
		commands = strings.ReplaceAll(commands, oldNew[i], oldNew[i+1])
	}
	return commands
}

// stateOf waits until a case is in a status.
func stateOf(t *testing.T, api, reference string, want workflows.CaseStatus) workflows.CaseState {
	t.Helper()
	return testenv.Eventually(t, func(context.Context) (state workflows.CaseState, err error) {
		_, answer := send(t, http.MethodGet, api+"/v1/cases/"+reference, "")
		err = json.Unmarshal(answer, &state)
		return state, err
	}, func(state workflows.CaseState) bool { return state.Status == want })
}

// said collects what a process prints.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// The command that makes things go wrong starts signalbox-dev, and the commands for the simulators take a case through its steps there: its
// creation is cut off, and the webhook of its end is dropped.
func TestTheREADMEsFaultsAndStepsOfTheSimulatorsComeThroughInARealProcess(t *testing.T) {
	t.Parallel()
	testenv.Program(t, "curl", "curl")
	folder := t.TempDir()
	binary := filepath.Join(folder, "signalbox-dev")
	built, err := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", binary, "../..").CombinedOutput()
	require.NoError(t, err, "%s", built)
	const anyPort = "127.0.0.1:0"
	receives, at := startReceiver(t)
	callback, _, _ := strings.Cut(commandsOf(t, "callback.sh", "go run ./cmd/signalbox-dev", "", "http://127.0.0.1:8099", "http://"+at), "#")
	process := exec.CommandContext(context.WithoutCancel(t.Context()), "sh", "-eu", "-c", strings.TrimSpace(commandsOf(t, "faults.sh", "go run ./cmd/signalbox-dev", "exec "+binary))+
		strings.TrimRight(callback, " ")+" --data "+folder+" --pace 20ms --ui '' --listen "+anyPort+" --internal-listen "+anyPort+" --temporal "+anyPort+" --simulators "+anyPort)
	var prints said
	process.Stdout, process.Stderr = &prints, &prints
	testenv.KillWithParent(process)
	require.NoError(t, process.Start())
	t.Cleanup(func() {
		require.NoError(t, process.Process.Signal(syscall.SIGTERM))
		require.NoError(t, process.Wait(), prints.String())
	})
	require.Eventually(t, func() bool { return strings.Contains(prints.String(), "\nRunning.") }, 2*time.Minute, 20*time.Millisecond, "it did not start")
	address := func(of string) string {
		found := regexp.MustCompile(of + ` +(http://\S+)`).FindStringSubmatch(prints.String())
		require.NotNil(t, found, prints.String())
		return found[1]
	}
	api, simulators := address("internal"), address("simulators")

	body := strings.Replace(start("stepwise", "manual"), `"request"`, `"notify":["finance"],"options":{"reconcileAfter":"1s","pollFloor":"10ms"},"request"`, 1)
	_, refusal := answered(t, http.MethodPost, api+"/v1/cases", strings.Replace(body, "finance", "finnance", 1), http.StatusBadRequest)
	require.Contains(t, string(refusal), "notify[0]: it is not configured (configured: finance)")
	answered(t, http.MethodPost, api+"/v1/cases", body, http.StatusCreated)
	testenv.Eventually(t, func(context.Context) ([]offloadsim.Record, error) {
		stateOf(t, api, "stepwise", workflows.CaseCreateUncertain)
		var made []offloadsim.Record
		_, answer := answered(t, http.MethodGet, simulators+"/offload/sim/cases?clientReferenceId=stepwise", "", http.StatusOK)
		require.NoError(t, json.Unmarshal(answer, &made))
		if len(made) == 0 { // a busy machine lost the call
			send(t, http.MethodPost, api+"/v1/cases/stepwise/retry-create", "{}")
		}
		return made, nil
	}, func(made []offloadsim.Record) bool { return len(made) > 0 })

	// A failed call must fail the shell, and the question must arrive before the case ends.
	strict := "curl() { command curl -sS --fail-with-body \"$@\"; }\n"
	ask, others, found := strings.Cut(commandsOf(t, "simulator.sh", "http://127.0.0.1:8090", simulators, "REFERENCE", "stepwise"), "\n")
	require.True(t, found)
	output, err := exec.CommandContext(t.Context(), "sh", "-eu", "-c", strict+ask).CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.NotNil(t, stateOf(t, api, "stepwise", workflows.CaseInputNeeded).Question)
	output, err = exec.CommandContext(t.Context(), "sh", "-eu", "-c", strict+others).CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Contains(t, string(output), "/offload/sim/webhook-faults/drop", "all that can be done")
	require.Equal(t, workflows.NewsByPoll, stateOf(t, api, "stepwise", workflows.CaseCompleted).Outcome.Source, "the webhook was dropped")
	signature := regexp.MustCompile(`(v1,\S+) (\{.*"kind":"case.completed".*\})`)
	require.Eventually(t, func() bool { return signature.MatchString(receives.String()) }, 5*time.Minute, 20*time.Millisecond, "the callback got no notice")
	require.Regexp(t, `callback +finance, http://`+at+`, signed by the secret whsec_\S+`, prints.String())
	testenv.Eventually(t, func(context.Context) (string, error) {
		_, answer := send(t, http.MethodGet, api+"/v1/activations?agent="+dev.Agent, "")
		return string(answer), nil
	}, func(answer string) bool { return strings.Contains(answer, `"ACTIVE"`) })
}

// The binary is built as the README says, and its commands take a case from its start to its end on everything in one process.
func TestTheREADMEsCommandLineRunsAsItIs(t *testing.T) {
	t.Parallel()
	const documented = "vendor_4096"
	folder := t.TempDir()
	build := commandsOf(t, "build.sh", "-o bin/", "-o "+folder+"/bin/", "$PWD/bin", folder+"/bin", "http://127.0.0.1:8081", shared.InternalURL())
	// It is busy if a command had no answer in its time, as can happen on a busy machine.
	play := func(reference string) (busy bool) {
		shell := exec.CommandContext(t.Context(), "sh", "-eu", "-c", build+"cd "+folder+"\n"+commandsOf(t, "commands.sh", documented, reference))
		shell.Dir = repository
		shell.Env = append(os.Environ(), "SIGNALBOX_API_TOKEN=none-is-needed-on-loopback")
		said, err := shell.CombinedOutput()
		output := string(said)
		const unavailable = 6
		if shell.ProcessState.ExitCode() == unavailable || strings.Contains(output, "No details: ") {
			return true
		}
		require.NoError(t, err, output)
		for _, want := range []string{"whether a signed PDF is acceptable", "deliveries to replay", string(workflows.CaseCompleted)} {
			require.Contains(t, output, want)
		}
		require.Equal(t, "Yes, a signed PDF is fine.", stateOf(t, shared.InternalURL(), reference, workflows.CaseCompleted).Answers[0].Text)
		return false
	}
	for reference := documented; play(reference); reference += "-again" {
		t.Log("a command had no answer in its time")
		require.Less(t, strings.Count(reference, "-again"), 5)
	}
	isInREADME(t, "`signalbox notice resend "+documented+" --since 2h`")
}

// outcomeOf has the README's lines of Go as they stand there, which leave the errors to the reader.
//
//nolint:ineffassign,staticcheck // the README's lines check no error
func outcomeOf(ctx context.Context, temporalClient client.Client) (workflows.CaseOutcome, error) {
	apps, err := signalbox.New(temporalClient, signalbox.Options{})
	one, err := apps.StartCase(ctx, workflows.CaseStart{
		Reference: "vendor_1024", // your own ID; starting it twice starts it once
		Request: &workflows.CaseRequest{
			Channel:       "EMAIL",
			Goal:          workflows.CaseGoal{Objective: "Obtain a signed W-9"},
			Counterparty:  workflows.Counterparty{Address: "complete@vendor.example", Name: "Ada"},
			SenderPersona: workflows.SenderPersona{Name: "Grace"},
		},
	})
	outcome, err := one.Wait(ctx) // COMPLETED, FAILED, EXPIRED or CANCELLED
	return outcome, err
}

func TestTheREADMEsLinesOfGoBringACaseToItsOutcome(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("readme_test.go")
	require.NoError(t, err)
	_, lines, found := strings.Cut(string(source), "(workflows.CaseOutcome, error) {\n")
	require.True(t, found)
	lines, _, found = strings.Cut(lines, "\treturn outcome, err\n")
	require.True(t, found)
	isInREADME(t, strings.ReplaceAll("\n"+lines, "\n\t", "\n"))

	apps, fake := signalboxtest.New(t, signalbox.Options{})
	ends := make(chan workflows.CaseOutcome, 1)
	go func() {
		outcome, err := outcomeOf(t.Context(), fake.Temporal())
		if err != nil {
			t.Error(err)
		}
		ends <- outcome
	}()
	require.Eventually(t, func() bool {
		state, err := apps.Case("vendor_1024").State(t.Context())
		return err == nil && state.Status == workflows.CaseRunning
	}, time.Minute, time.Millisecond)
	fake.Complete("vendor_1024", map[string]any{"signed": true})
	require.Equal(t, workflows.CaseCompleted, (<-ends).Status)
}
