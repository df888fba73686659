package composetest_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// playIt lets the play run.
const playIt = "SIGNALBOX_TEST_COMPOSE"

// administrator makes the first role of the file's database image, and returns the address that it connects to. The tests' own first role has the name of the
// inbox's role and makes way for that.
func administrator(t *testing.T, database *pgtest.Server, role string) (address *url.URL) {
	t.Helper()
	address, err := url.Parse(database.URL("postgres"))
	require.NoError(t, err)
	query := address.Query()
	first := query.Get("user")
	execute(t, address, "CREATE ROLE "+role+" SUPERUSER LOGIN")
	query.Set("user", role)
	address.RawQuery = query.Encode()
	execute(t, address, "ALTER ROLE "+first+" RENAME TO first")
	return address
}

func execute(t *testing.T, address *url.URL, statement string) {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), address.String())
	require.NoError(t, err)
	defer func() { require.NoError(t, connection.Close(context.WithoutCancel(t.Context()))) }()
	_, err = connection.Exec(t.Context(), statement)
	require.NoError(t, err)
}

// The services of the file run as processes: an ingress and a worker are killed under load, and nothing is lost, counted twice or stuck.
func TestTheServicesOfTheFileLoseNothingWhenTwoAreKilled(t *testing.T) {
	t.Parallel()
	if os.Getenv(playIt) == "" {
		t.Skipf("the play takes minutes: set %s=1", playIt)
	}
	proxy := program(t, "haproxy")
	program(t, "psql")
	database := pgtest.Start(t)
	s := &stage{folder: t.TempDir(), variables: imageEnvironment(t)}
	public := freeAddress(t)
	providers, err := sim.Start(sim.Options{Listen: "127.0.0.1:0", PublicURL: "http://" + public, OffloadKey: "key", AgentSecret: "secret", Pace: 2 * time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, providers.Stop()) })
	s.services = readCompose(t, map[string]string{"SIGNALBOX_PUBLIC_URL": "http://" + public, "SIGNALBOX_OFFLOAD_BASE_URL": providers.OffloadURL()}).Services
	s.binary = filepath.Join(s.folder, "signalbox")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", s.binary, root+"/cmd/signalbox").CombinedOutput()
	require.NoError(t, err, string(output))
	require.NoError(t, os.Mkdir(filepath.Join(s.folder, "data"), 0o700))
	address := administrator(t, database, s.services["postgresql"].Environment["POSTGRES_USER"])
	s.makeSecrets(t, address)

	shards, err := strconv.Atoi(s.services["temporal"].Environment["NUM_HISTORY_SHARDS"])
	require.NoError(t, err)
	server, err := temporaldev.Start(t.Context(), temporaldev.Options{Postgres: address.String(), Shards: int32(shards)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	s.replace = []string{"temporal:7233", server.FrontendAddr()}

	s.once(t, "signalbox-keys")
	s.once(t, "signalbox-setup")
	ingresses := []*running{s.start(t, "signalbox-ingress-1", freeAddress(t)), s.start(t, "signalbox-ingress-2", freeAddress(t))}
	workers := []*running{s.start(t, "signalbox-worker-1", ""), s.start(t, "signalbox-worker-2", "")}
	for _, one := range append(ingresses, workers...) {
		s.awaitHealthy(t, one)
	}
	s.haproxy(t, proxy, public, ingresses...)

	temporal, err := server.Dial(t.Context())
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	cases := startLoad(t, s, temporal, "http://"+public)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	// A creation that is cut is uncertain only after its time is over, for which the test would wait.
	require.NoError(t, attend(ctx, cases, providers, func(state workflows.CaseState) bool { return state.Status != workflows.CaseCreating }))
	ingresses[0].kill(t)
	workers[0].kill(t)
	var playing sync.WaitGroup
	var attended error
	playing.Go(func() {
		attended = attend(ctx, cases, providers, func(state workflows.CaseState) bool { return state.Status.Ended() })
	})
	again := []*running{s.start(t, ingresses[0].name, ingresses[0].address), s.start(t, workers[0].name, "")}
	for _, one := range again {
		s.awaitHealthy(t, one)
	}
	playing.Wait()
	require.NoError(t, attended)
	for i, one := range cases {
		outcome, err := one.Wait(ctx)
		require.NoError(t, err, "%s is stuck", one.Reference())
		require.Equal(t, ends[i%len(ends)].status, outcome.Status, one.Reference())
		made := providers.Offload.CasesOf(one.Reference())
		require.Len(t, made, 1, "%s was made once", one.Reference())
		require.LessOrEqual(t, len(made[0].Answers), 1, "%s was answered once", one.Reference())
	}
	checkInbox(t, s, providers)
}

// ends are the scripts of the cases and how each ends.
var ends = []struct {
	script string
	status workflows.CaseStatus
}{{"complete", workflows.CaseCompleted}, {"question", workflows.CaseCompleted}, {"reject", workflows.CaseFailed}}

func startLoad(t *testing.T, s *stage, temporal client.Client, public string) (cases []*signalbox.Case) {
	t.Helper()
	ring, err := keyring.LoadOrCreate(filepath.Join(s.folder, "data", "keyring.json"))
	require.NoError(t, err)
	apps, err := signalbox.New(temporal, signalbox.Options{Keyring: ring, PublicURL: public})
	require.NoError(t, err)
	for i := range 60 {
		one, err := apps.StartCase(t.Context(), workflows.CaseStart{
			Reference: fmt.Sprint("compose_", i),
			// A webhook that was being read by the killed process is lost to it: Offload does not repeat it, and a poll finds the news.
			Options: workflows.CaseOptions{
				ReconcileAfter: workflows.Duration(3 * time.Second), PollFloor: workflows.Duration(time.Second), PollCeiling: workflows.Duration(2 * time.Second),
			},
			Request: &workflows.CaseRequest{
				Channel: "EMAIL", Goal: workflows.CaseGoal{Objective: "Obtain a signed W-9"},
				Counterparty:  workflows.Counterparty{Address: ends[i%len(ends)].script + "@vendor.example", Name: "Ada"},
				SenderPersona: workflows.SenderPersona{Name: "Grace"},
			},
		})
		require.NoError(t, err)
		cases = append(cases, one)
	}
	return cases
}

// attend is the person who answers questions, and says what uncertain creations came to, until the condition holds for each case. An error is met again at
// the next look.
func attend(ctx context.Context, cases []*signalbox.Case, providers *sim.Providers, holds func(workflows.CaseState) bool) error {
	open := slices.Clone(cases)
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for {
		open = slices.DeleteFunc(open, func(one *signalbox.Case) bool {
			call, end := context.WithTimeout(ctx, 5*time.Second)
			defer end()
			state, err := one.State(call)
			if err != nil {
				return false
			}
			switch made := providers.Offload.CasesOf(one.Reference()); {
			case state.Status == workflows.CaseInputNeeded && state.Question != nil:
				_, _ = one.ProvideInput(call, workflows.ProvideInput{QuestionID: state.Question.ID, Text: "12 High Street", By: "pat"})
			case state.Status == workflows.CaseCreateUncertain && len(made) > 0:
				_, _ = one.Adopt(call, workflows.AdoptCase{CaseID: made[0].CaseID, By: "pat"})
			case state.Status == workflows.CaseCreateUncertain:
				_, _ = one.RetryCreate(call, workflows.RetryCreate{By: "pat"})
			}
			return holds(state)
		})
		if len(open) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			state, err := open[0].State(context.WithoutCancel(ctx))
			return fmt.Errorf("%d cases wait, %s is %s (%w): %w", len(open), open[0].Reference(), state.Status, err, ctx.Err())
		case <-again.C:
		}
	}
}

// checkInbox checks that every webhook that was answered with a 2xx is in the inbox and was handed over.
func checkInbox(t *testing.T, s *stage, providers *sim.Providers) {
	t.Helper()
	address, err := os.ReadFile(filepath.Join(s.folder, "secrets", "inbox_url"))
	require.NoError(t, err)
	store, err := postgres.Open(t.Context(), strings.TrimSpace(string(address)), postgres.Options{Existing: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	var counts map[inbox.State]int64
	require.Eventually(t, func() bool {
		counts, err = store.Counts(t.Context())
		return err == nil && counts[inbox.StatePending] == 0
	}, patience, 100*time.Millisecond, "the inbox is handed over")
	var accepted, kept int64
	for _, record := range providers.Offload.Cases() {
		for _, attempt := range record.Webhooks {
			if attempt.Delivered() {
				accepted++
			}
		}
	}
	for _, n := range counts {
		kept += n
	}
	require.Positive(t, accepted)
	require.GreaterOrEqual(t, kept, accepted, "%v", counts)
	for _, state := range []inbox.State{inbox.StateDead, inbox.StateUnmatched, inbox.StateQuarantined} {
		require.Zero(t, counts[state], state)
	}
	t.Logf("%d webhooks were accepted, the inbox has %v", accepted, counts)
}
