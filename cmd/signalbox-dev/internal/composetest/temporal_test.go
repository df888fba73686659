package composetest_test

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/temporal"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/temporaldev"
)

// temporalSettings are those that the server of Temporal's image reads from the file's variables. They are the process's own while the test runs.
func temporalSettings(t *testing.T, c composed) *config.Config {
	t.Helper()
	for name, value := range c.Services["temporal"].Environment {
		t.Setenv(name, value)
	}
	settings, err := config.Load(config.WithEmbedded())
	require.NoError(t, err)
	return settings
}

// The image has no such file, and the server ends at once without one.
func TestTemporalHasItsFileOfDynamicSettings(t *testing.T) {
	c := readCompose(t, addresses)
	path := temporalSettings(t, c).DynamicConfigClient.Filepath
	volumes := c.Services["temporal"].Volumes
	i := slices.IndexFunc(volumes, func(volume string) bool { return strings.HasSuffix(volume, ":"+path+":ro") })
	require.NotEqual(t, -1, i, "no volume has %s", path)
	source, _, _ := strings.Cut(volumes[i], ":")
	text, err := os.ReadFile(root + "/" + source)
	require.NoError(t, err)
	loaded := dynamicconfig.LoadYamlFile(text)
	require.NoError(t, loaded.Err())
	require.Empty(t, loaded.Warnings)
	require.Equal(t, []dynamicconfig.ConstrainedValue{{Value: temporaldev.ManyLists}}, loaded.Map[dynamicconfig.MakeKey(temporaldev.VisibilityRPS)])
}

// Each of Temporal's services has a pool for each of its databases, and each ingress two for the inbox.
func TestPostgreSQLHasAConnectionForEachPlaceInAPool(t *testing.T) {
	const (
		// ingress is what ingress/inbox/postgres opens: writers and readers.
		ingress = 12 + 4
		// spare are those that PostgreSQL keeps for administrators (3), and some for backups and commands.
		spare = 20
	)
	c := readCompose(t, addresses)
	needs := 2*ingress + spare
	for _, database := range temporalSettings(t, c).Persistence.DataStores {
		needs += len(temporal.DefaultServices) * database.SQL.MaxConns
	}
	arguments := c.Services["postgresql"].arguments(t)
	require.Len(t, arguments, 3)
	most, found := strings.CutPrefix(arguments[2], "max_connections=")
	require.True(t, found)
	has, err := strconv.Atoi(most)
	require.NoError(t, err)
	require.GreaterOrEqual(t, has, needs)
}
