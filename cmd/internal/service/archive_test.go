package service_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/service"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

func TestAWrongBucketSettingEndsTheProcess(t *testing.T) {
	t.Parallel()
	ring, err := keyring.Generate()
	require.NoError(t, err)
	usable := "file://" + t.TempDir()
	for name, row := range map[string]struct {
		change func(*config.Config)
		says   string
	}{
		"a bucket of no known kind": {func(c *config.Config) { c.Bucket = "ftp://files" }, "--bucket (SIGNALBOX_BUCKET)"},
		"a folder without a root":   {func(c *config.Config) { c.Bucket = "file://files" }, "--bucket (SIGNALBOX_BUCKET): bucket URL: want file:///absolute/folder"},
		"a size cap below zero":     {func(c *config.Config) { c.Bucket, c.BucketMaxFile = usable, -1 }, "max bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := config.Config{
				PublicURL: "https://hooks.example.com",
				Accounts:  map[string]config.Account{"default": {BaseURL: "https://offload.example.com", APIKey: "key"}},
			}
			row.change(&c)
			err := service.Run(t.Context(), service.Settings{
				Config: c, Parts: config.Worker, Keyring: ring, Temporal: client.Options{HostPort: "127.0.0.1:1"}, Log: zap.NewNop(),
			})
			require.ErrorContains(t, err, row.says)
		})
	}
}
