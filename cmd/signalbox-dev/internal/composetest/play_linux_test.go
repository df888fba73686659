package composetest_test

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
	"github.com/signalbox-dev/signalbox/ingress/inbox/postgres/pgtest"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

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

const agentSecret = "secret-of-the-agent"

// The services of the file run as processes. Each ingress and each worker is killed and halted while webhooks arrive, and nothing is lost, counted twice or
// stuck.
func TestTheServicesOfTheFileLoseNothingWhenEachIsKilledAndHalted(t *testing.T) {
	t.Parallel()
	proxy := testenv.Program(t, "haproxy", "haproxy")
	testenv.Program(t, "psql", "postgresql-client")
	database := pgtest.Start(t)
	s := &stage{folder: t.TempDir(), variables: imageEnvironment(t)}
	public := freeAddress(t)
	providers, err := sim.Start(sim.Options{
		Listen: "127.0.0.1:0", PublicURL: "http://" + public, OffloadKey: "key", AgentSecret: agentSecret, Pace: 200 * time.Millisecond,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, providers.Stop()) })
	s.services = readCompose(t, map[string]string{"SIGNALBOX_PUBLIC_URL": "http://" + public, "SIGNALBOX_OFFLOAD_BASE_URL": providers.OffloadURL()}).Services
	s.binary = filepath.Join(s.folder, "signalbox")
	output, err := exec.CommandContext(t.Context(), "go", "build", "-o", s.binary, root+"/cmd/signalbox").CombinedOutput()
	require.NoError(t, err, string(output))
	require.NoError(t, os.Mkdir(filepath.Join(s.folder, "data"), 0o700))
	address := administrator(t, database, s.services["postgresql"].Environment["POSTGRES_USER"])
	s.makeSecrets(t, address)
	s.configure(t, sim.Agent, agentSecret)

	shards, err := strconv.Atoi(s.services["temporal"].Environment["NUM_HISTORY_SHARDS"])
	require.NoError(t, err)
	server, err := temporaldev.Start(t.Context(), temporaldev.Options{Postgres: address.String(), Shards: int32(shards)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	s.replace = []string{"temporal:7233", server.FrontendAddr()}

	s.once(t, "signalbox-keys")
	s.once(t, "signalbox-setup")
	workers := []*running{s.start(t, "signalbox-worker-1", ""), s.start(t, "signalbox-worker-2", "")}
	ingresses := []*running{s.start(t, "signalbox-ingress-1", freeAddress(t)), s.start(t, "signalbox-ingress-2", freeAddress(t))}
	// A killed worker's calls are given up after a minute, in which the ingresses have their turn.
	all := append(workers, ingresses...)
	for _, one := range all {
		s.awaitHealthy(t, one)
	}
	s.haproxy(t, proxy, public, ingresses...)

	temporal, err := server.Dial(t.Context())
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	l := startLoad(t, s, temporal, "http://"+public, providers)
	l.checkActivation(t)
	for i, one := range all {
		l.awaitWebhooks(t)
		one.kill(t)
		all[i] = s.start(t, one.name, one.address)
		s.awaitHealthy(t, all[i])
	}
	for _, one := range all {
		l.awaitWebhooks(t)
		one.stop(t, func() { l.webhooksWithin(longestHalt) })
	}
	l.end(t)
	l.checkCases(t)
	l.checkTranscript(t, s, all[len(all)-1])
	l.checkInbox(t, s)
}
