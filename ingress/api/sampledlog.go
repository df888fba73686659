package api

import (
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// SampledLog returns a logger for what callers without a token can cause. It writes the first ten lines of each message in a minute, and then each
// thousandth, so that such a caller can't fill the log.
func SampledLog(log *zap.Logger) *zap.Logger {
	return log.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(core, time.Minute, 10, 1000)
	}))
}
