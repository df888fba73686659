package composetest_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"

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
