package composetest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

const (
	// players are how many cases are open at a time.
	players = 8
	// few webhooks arrive before a process is killed or halted, and while it is halted, which is for longestHalt at most: a halted worker may have the calls
	// of every open case.
	few         = 3
	longestHalt = 5 * time.Second
	tick        = 100 * time.Millisecond
	// look is how often a person looks at a case; each look is work for a worker.
	look = time.Second
)

// ends are the scripts of the cases and how each ends.
var ends = []struct {
	script string
	status workflows.CaseStatus
}{{"complete", workflows.CaseCompleted}, {"question", workflows.CaseCompleted}, {"reject", workflows.CaseFailed}}

// load are the cases of a play and the persons who attend to them.
type load struct {
	apps      *signalbox.Client
	providers *sim.Providers
	// over is closed when no more cases are to be started.
	over    chan struct{}
	playing sync.WaitGroup

	mu    sync.Mutex
	cases []ended
	errs  []error
}

// ended is a case whose workflow has returned.
type ended struct {
	reference     string
	outcome, want workflows.CaseStatus
}

// startLoad has cases open, one after another, until it is ended.
func startLoad(t *testing.T, s *stage, temporal client.Client, public string, providers *sim.Providers) *load {
	t.Helper()
	ring, err := keyring.LoadOrCreate(filepath.Join(s.folder, "data", "keyring.json"))
	require.NoError(t, err)
	l := &load{providers: providers, over: make(chan struct{})}
	l.apps, err = signalbox.New(temporal, signalbox.Options{Keyring: ring, PublicURL: public})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	for player := range players {
		l.playing.Go(func() { l.play(ctx, player) })
	}
	t.Cleanup(func() {
		cancel() // where the test has failed
		l.playing.Wait()
	})
	return l
}

// play has one case after another, each attended to its end.
func (l *load) play(ctx context.Context, player int) {
	for n := 0; ctx.Err() == nil; n++ {
		select {
		case <-l.over:
			return
		default:
		}
		end := ends[(player+n)%len(ends)]
		reference := fmt.Sprintf("compose_%d_%d", player, n)
		outcome, err := l.attend(ctx, reference, end.script)
		l.mu.Lock()
		if err != nil {
			l.errs = append(l.errs, fmt.Errorf("%s: %w", reference, err))
		} else {
			l.cases = append(l.cases, ended{reference, outcome, end.status})
		}
		l.mu.Unlock()
	}
}

// attend starts a case and is the person who answers its question and says what an uncertain creation came to, until it has ended. An error is met again at
// the next look.
func (l *load) attend(ctx context.Context, reference, script string) (workflows.CaseStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	one, err := l.started(ctx, reference, script)
	if err != nil {
		return "", err
	}
	again := time.NewTicker(look)
	defer again.Stop()
	for {
		call, end := context.WithTimeout(ctx, 20*time.Second)
		state, err := one.State(call)
		if err == nil {
			l.decide(call, one, state)
		}
		end()
		if err == nil && state.Status.Ended() {
			outcome, err := one.Wait(ctx)
			return outcome.Status, err
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("it is stuck: it is %s: %w", state.Status, errors.Join(err, ctx.Err()))
		case <-again.C:
		}
	}
}

// started starts a case, again where Temporal had no time for it. That starts it once.
func (l *load) started(ctx context.Context, reference, script string) (*signalbox.Case, error) {
	again := time.NewTicker(look)
	defer again.Stop()
	for {
		one, err := l.apps.StartCase(ctx, start(reference, script))
		if !errors.Is(err, signalbox.ErrUnavailable) {
			return one, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-again.C:
		}
	}
}

func (l *load) decide(ctx context.Context, one *signalbox.Case, state workflows.CaseState) {
	switch made := l.providers.Offload.CasesOf(one.Reference()); {
	case state.Status == workflows.CaseInputNeeded && state.Question != nil:
		_, _ = one.ProvideInput(ctx, workflows.ProvideInput{QuestionID: state.Question.ID, Text: "12 High Street", By: "pat"})
	case state.Status == workflows.CaseCreateUncertain && len(made) > 0:
		_, _ = one.Adopt(ctx, workflows.AdoptCase{CaseID: made[0].CaseID, By: "pat"})
	case state.Status == workflows.CaseCreateUncertain:
		_, _ = one.RetryCreate(ctx, workflows.RetryCreate{By: "pat"})
	}
}

func start(reference, script string) workflows.CaseStart {
	return workflows.CaseStart{
		Reference: reference,
		// A webhook that a process was receiving when it was killed is lost to it: Offload does not repeat it, and a poll finds the news.
		Options: workflows.CaseOptions{
			ReconcileAfter: workflows.Duration(3 * time.Second), PollFloor: workflows.Duration(time.Second), PollCeiling: workflows.Duration(2 * time.Second),
		},
		Request: &workflows.CaseRequest{
			Channel: "EMAIL", Goal: workflows.CaseGoal{Objective: "Obtain a signed W-9"},
			Counterparty:  workflows.Counterparty{Address: script + "@vendor.example", Name: "Ada"},
			SenderPersona: workflows.SenderPersona{Name: "Grace"},
		},
	}
}

// awaitWebhooks waits until a few more were posted.
func (l *load) awaitWebhooks(t *testing.T) {
	t.Helper()
	require.True(t, l.webhooksWithin(waitTimeout), "webhooks are posted")
}

// webhooksWithin says whether a few more were posted in a time, and returns once they were.
func (l *load) webhooksWithin(within time.Duration) bool {
	before := len(l.posted())
	again := time.NewTicker(tick)
	defer again.Stop()
	for end := time.After(within); ; {
		select {
		case <-end:
			return false
		case <-again.C:
			if len(l.posted()) >= before+few {
				return true
			}
		}
	}
}

// webhook is one event of a case; each comes once in a script.
type webhook struct{ reference, event string }

// posted are the webhooks that were posted, and whether each was answered with a 2xx.
func (l *load) posted() map[webhook]bool {
	posted := map[webhook]bool{}
	for _, record := range l.providers.Offload.Cases() {
		for _, attempt := range record.Webhooks {
			posted[webhook{record.ClientReferenceID, attempt.Event}] = attempt.Delivered()
		}
	}
	return posted
}

// end waits for the end of the cases that are open.
func (l *load) end(t *testing.T) {
	t.Helper()
	close(l.over)
	l.playing.Wait()
	require.NoError(t, errors.Join(l.errs...))
	require.GreaterOrEqual(t, len(l.cases), players)
}

func (l *load) checkCases(t *testing.T) {
	t.Helper()
	for _, one := range l.cases {
		require.Equal(t, one.want, one.outcome, one.reference)
		made := l.providers.Offload.CasesOf(one.reference)
		require.Len(t, made, 1, "%s was made once", one.reference)
		require.LessOrEqual(t, len(made[0].Answers), 1, "%s was answered once", one.reference)
	}
}

// checkActivation checks that the configuration lets a signed webhook of an agent in.
func (l *load) checkActivation(t *testing.T) {
	t.Helper()
	id, err := l.providers.Artmail.Activate(sim.Agent)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		state, err := l.apps.Activation(sim.Agent, id).State(t.Context())
		return err == nil && state.Status == workflows.ActivationActive
	}, waitTimeout, tick, "the agent is not activated")
}

// checkTranscript checks that an ingress reads a conversation, with the token that secrets.sh has made.
func (l *load) checkTranscript(t *testing.T, s *stage, ingress *running) {
	t.Helper()
	tokens, err := os.ReadFile(filepath.Join(s.folder, "secrets", "tokens", "internal_tokens"))
	require.NoError(t, err)
	token, found := strings.CutPrefix(strings.TrimSpace(string(tokens)), "operator:")
	require.True(t, found)
	reader := &http.Client{Timeout: time.Minute}
	testenv.Eventually(t, func(ctx context.Context) (int, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+ingress.internal+"/v1/cases/"+l.cases[0].reference+"/transcript", nil)
		if err != nil {
			return 0, err
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := reader.Do(request)
		if err != nil {
			return 0, err
		}
		return response.StatusCode, response.Body.Close()
	}, func(status int) bool { return status == http.StatusOK })
}

// checkInbox checks that every webhook that was answered with a 2xx is in the inbox, and that each one there is there once and was handed over.
func (l *load) checkInbox(t *testing.T, s *stage) {
	t.Helper()
	address, err := os.ReadFile(filepath.Join(s.folder, "secrets", "inbox_url"))
	require.NoError(t, err)
	store, err := postgres.Open(t.Context(), strings.TrimSpace(string(address)), postgres.Options{NoMigrate: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	var counts map[inbox.State]int64
	require.Eventually(t, func() bool {
		counts, err = store.Counts(t.Context())
		return err == nil && counts[inbox.StatePending] == 0
	}, waitTimeout, tick, "the inbox is handed over")
	for _, state := range []inbox.State{inbox.StateDead, inbox.StateUnmatched, inbox.StateQuarantined} {
		require.Zero(t, counts[state], state)
	}
	stored := map[webhook]bool{}
	for filter := (inbox.Filter{}); ; {
		page := testenv.Eventually(t, func(ctx context.Context) (inbox.Page, error) { return store.List(ctx, filter) }, func(inbox.Page) bool { return true })
		for _, one := range page.Deliveries {
			event := webhook{strings.TrimPrefix(one.Lane, workflows.OffloadCaseWorkflowID("")), one.Kind}
			require.False(t, stored[event], "%v is in the inbox twice", event)
			stored[event] = true
		}
		if filter.Cursor = page.Next; filter.Cursor == "" {
			break
		}
	}
	refused := 0
	posted := l.posted()
	for event, accepted := range posted {
		if !accepted {
			refused++
			continue
		}
		require.True(t, stored[event], "%v was accepted and is not in the inbox", event)
	}
	t.Logf("%d cases; of %d webhooks, %d were refused or cut and found by polls; the inbox has %v", len(l.cases), len(posted), refused, counts)
}
