// Package logging makes the logger of a process and adapts it to Temporal's SDK.
package logging

import (
	"errors"
	"fmt"
	"io"
	"slices"

	sdklog "go.temporal.io/sdk/log"
	sdk "go.temporal.io/sdk/temporal"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// New returns a logger that writes to w, as "json" for machines or as "console" for people. The level is one of debug, info, warn, error.
func New(w io.Writer, level, format string) (*zap.Logger, error) {
	parsed, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, fmt.Errorf("log level %q: %w", level, err)
	}
	config := zap.NewProductionEncoderConfig()
	config.EncodeTime = zapcore.ISO8601TimeEncoder
	config.EncodeDuration = zapcore.StringDurationEncoder
	encoder := zapcore.NewJSONEncoder(config)
	if format == "console" {
		config.EncodeLevel = zapcore.CapitalLevelEncoder
		encoder = zapcore.NewConsoleEncoder(config)
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), parsed)), nil
}

// ForTemporal returns the logger for the SDK. It writes the SDK's info lines at debug level, since they are for developers of the SDK. Of the error of
// an activity it writes the type only: the message may quote a provider, and so a person. The workflow's history has the message. A failed attempt of
// an activity is a warning: the workflow decides whether it is an error.
func ForTemporal(log *zap.Logger) sdklog.Logger {
	return temporal{log.Named("temporal").WithOptions(zap.AddCallerSkip(1)).Sugar()}
}

type temporal struct{ log *zap.SugaredLogger }

func (t temporal) Debug(msg string, keyvals ...any) { t.log.Debugw(msg, withoutMessages(keyvals)...) }

func (t temporal) Info(msg string, keyvals ...any) { t.log.Debugw(msg, withoutMessages(keyvals)...) }

func (t temporal) Warn(msg string, keyvals ...any) { t.log.Warnw(msg, withoutMessages(keyvals)...) }

func (t temporal) Error(msg string, keyvals ...any) {
	write := t.log.Errorw
	if msg == "Activity error." {
		write = t.log.Warnw
	}
	write(msg, withoutMessages(keyvals)...)
}

// With returns a logger that adds fields to each line. The SDK adds the workflow and the activity.
func (t temporal) With(keyvals ...any) sdklog.Logger {
	return temporal{t.log.With(withoutMessages(keyvals)...)}
}

// withoutMessages replaces the errors of activities by their types.
func withoutMessages(keyvals []any) []any {
	keyvals = slices.Clone(keyvals)
	for i, value := range keyvals {
		var failed *sdk.ApplicationError
		if err, isError := value.(error); isError && errors.As(err, &failed) {
			keyvals[i] = failed.Type()
		}
	}
	return keyvals
}
