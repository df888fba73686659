package logging_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
)

func TestTheLogOfTheSDKHasTheTypeOfAnActivitysErrorAndNotItsMessage(t *testing.T) {
	t.Parallel()
	const words = "my mother is ill"
	failed := temporal.NewApplicationError("offload: provide input: refused: 400: "+words, "OffloadInvalidRequest")
	for name, err := range map[string]error{
		"the error itself": failed,
		"wrapped":          fmt.Errorf("activity: %w", failed),
		"joined":           errors.Join(errors.New("first"), failed),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var written bytes.Buffer
			log, problem := logging.New(&written, "debug", "json")
			require.NoError(t, problem)
			sdk := logging.ForTemporal(log)
			given := []any{"ActivityType", "offload.provide-input", "Error", err}
			for _, write := range []func(string, ...any){sdk.Debug, sdk.Info, sdk.Warn, sdk.Error, func(msg string, fields ...any) {
				sdklog.With(sdk, fields...).Error(msg)
			}} {
				written.Reset()
				write("Activity error.", given...)
				require.Contains(t, written.String(), `"Error":"OffloadInvalidRequest"`)
				require.Contains(t, written.String(), `"ActivityType":"offload.provide-input"`)
				require.NotContains(t, written.String(), words)
				require.Equal(t, err, given[3], "the caller's values stay")
			}
		})
	}
}

// The workflow decides whether the failure of an activity is an error: many are expected and retried.
func TestAFailedActivityIsAWarning(t *testing.T) {
	t.Parallel()
	var written bytes.Buffer
	log, err := logging.New(&written, "warn", "json")
	require.NoError(t, err)
	sdk := sdklog.With(logging.ForTemporal(log), "ActivityType", "offload.create-case")
	sdk.Error("Activity error.", "Error", temporal.NewApplicationError("throttled", "OffloadThrottled"))
	require.Contains(t, written.String(), `{"level":"warn"`)
	require.Contains(t, written.String(), "OffloadThrottled")
	written.Reset()
	sdk.Error("Activity panic.")
	require.Contains(t, written.String(), `{"level":"error"`)
}

func TestADurationHasAUnit(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{"json": `"for":"5s"`, "console": `"for": "5s"`} {
		var written bytes.Buffer
		log, err := logging.New(&written, "info", format)
		require.NoError(t, err)
		log.Info("stops", zap.Duration("for", 5*time.Second))
		require.Contains(t, written.String(), want)
	}
}

func TestTheLogOfTheSDKHasTheMessagesOfOtherErrors(t *testing.T) {
	t.Parallel()
	var written bytes.Buffer
	log, err := logging.New(&written, "info", "json")
	require.NoError(t, err)
	logging.ForTemporal(log).Warn("Failed to poll for task.", "Error", errors.New("connection refused"))
	require.Contains(t, written.String(), "connection refused")
}
