package health_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/signalbox-dev/signalbox/cmd/internal/health"
)

// stage is a board whose only check answers what the test says, and a clock that the test moves.
type stage struct {
	*health.Board
	answer error
	at     time.Time
	logs   *observer.ObservedLogs
}

func newStage(t *testing.T, others ...health.Check) *stage {
	t.Helper()
	core, logs := observer.New(zap.InfoLevel)
	s := &stage{at: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), logs: logs}
	var err error
	s.Board, err = health.New(append([]health.Check{{Name: "inbox", Receiving: true, Probe: func(context.Context) error { return s.answer }}}, others...),
		prometheus.NewRegistry(), zap.New(core), func() time.Time { return s.at })
	require.NoError(t, err)
	return s
}

func (s *stage) state(t *testing.T) health.State {
	t.Helper()
	_, states := s.Ready()
	return states[0]
}

func TestReceivingDoesNotWaitForAProbeThatHangs(t *testing.T) {
	t.Parallel()
	hangs := make(chan struct{})
	s := newStage(t, health.Check{Name: "bucket", Probe: func(context.Context) error { <-hangs; return nil }})
	require.False(t, s.Receives(), "the inbox was not probed yet")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { s.Run(ctx); close(ended) }()
	require.Eventually(t, s.Receives, time.Minute, time.Millisecond)
	ready, _ := s.Ready()
	require.False(t, ready)
	close(hangs)
	require.Eventually(t, func() bool { ready, _ := s.Ready(); return ready }, time.Minute, time.Millisecond)
	stop()
	<-ended
}

func TestAChangeOfStateIsLoggedOnceAndKeepsItsTime(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	away := s.at.Add(time.Minute)
	s.Refresh(t.Context())
	s.at, s.answer = away, &health.Problem{Text: "it does not answer", Fix: "start it", Cause: errors.New("dial tcp 10.1.2.3:5432: refused")}
	for range 5 {
		s.Refresh(t.Context())
		s.at = s.at.Add(time.Second)
	}
	require.Equal(t, health.State{Name: "inbox", Since: away, Problem: "it does not answer", Fix: "start it"}, s.state(t), "without the address")
	require.Equal(t, 1, s.logs.FilterMessage("check fails").Len())
	require.Equal(t, "dial tcp 10.1.2.3:5432: refused", s.logs.FilterMessage("check fails").All()[0].ContextMap()["error"])
	back := s.at
	s.answer = nil
	s.Refresh(t.Context())
	s.Refresh(t.Context())
	require.Equal(t, health.State{Name: "inbox", OK: true, Since: back}, s.state(t))
	require.Equal(t, 1, s.logs.FilterMessage("check passes").Len())
}

func TestOnlyTheTextOfAProblemIsShown(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.answer = errors.New("dial tcp 10.1.2.3:5432")
	s.Refresh(t.Context())
	require.Equal(t, "the check fails", s.state(t).Problem)
}

func TestAStoppingProcessIsNotReady(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.Refresh(t.Context())
	require.True(t, s.Receives())
	s.Stop()
	require.False(t, s.Receives())
	ready, states := s.Ready()
	require.False(t, ready)
	require.Equal(t, "process", states[1].Name)
}
