package ingress

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// sample identifies log lines that count as the same.
type sample struct {
	message string
	// subject is a route pattern, or the name of a configured agent.
	subject string
	cause   string
	// source is a network (see network), since a whole address is personal data.
	source string
}

// sampledLog writes the first line of each sample at once and counts the others. It writes their number as one more line: at the first
// line of any sample after the interval, or when the server stops.
type sampledLog struct {
	logger *zap.Logger
	now    func() time.Time

	mu    sync.Mutex
	began time.Time
	more  map[sample]sampled
}

type sampled struct {
	level zapcore.Level
	count int
}

const (
	sampleInterval = time.Minute
	// maxSamples bounds the lines in an interval. Beyond it, new sources share a sample.
	maxSamples   = 200
	otherSources = "other sources"
)

func newSampledLog(logger *zap.Logger, now func() time.Time) *sampledLog {
	return &sampledLog{logger: logger, now: now, more: map[sample]sampled{}}
}

func (l *sampledLog) write(level zapcore.Level, s sample, fields ...zap.Field) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.now(); now.Sub(l.began) >= sampleInterval {
		l.flush()
		l.began = now
	}
	if _, known := l.more[s]; !known && len(l.more) >= maxSamples {
		s.source = otherSources
	}
	if seen, known := l.more[s]; known {
		seen.count++
		l.more[s] = seen
		return
	}
	l.more[s] = sampled{level: level}
	l.entry(level, s, append(fields, zap.Int("count", 1))...)
}

func (l *sampledLog) flush() {
	for _, s := range slices.SortedFunc(maps.Keys(l.more), compareSamples) {
		if seen := l.more[s]; seen.count > 0 {
			l.entry(seen.level, s, zap.Int("count", seen.count))
		}
	}
	clear(l.more)
}

func (l *sampledLog) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush()
}

func (l *sampledLog) entry(level zapcore.Level, s sample, fields ...zap.Field) {
	l.logger.Log(level, s.message, append(fields, zap.String("subject", s.subject), zap.String("cause", s.cause), zap.String("source", s.source))...)
}

func compareSamples(a, b sample) int {
	return strings.Compare(a.message+a.subject+a.cause+a.source, b.message+b.subject+b.cause+b.source)
}
