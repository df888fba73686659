package artmailsim_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simbase"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simtest"
)

// waits lists the pauses between the attempts that the receiver saw.
func waits(received []simtest.Received) []time.Duration {
	var between []time.Duration
	for i := 1; i < len(received); i++ {
		between = append(between, received[i].At.Sub(received[i-1].At))
	}
	return between
}

func TestEventIsTriedDirectlyThenByTheQueueThenTheActivationIsPaused(t *testing.T) {
	t.Parallel()
	for _, scale := range []float64{1, 0.001} {
		run(t, artmailsim.Options{
			Envelope: plain, TimeScale: scale, Undocumented: artmailsim.Undocumented{OmitFailurePauseEvent: true},
		}, func(t *testing.T, b bench) {
			b.receiver.Answer(simtest.Status(503))
			id := b.activate()
			scaled := func(d time.Duration) time.Duration { return time.Duration(float64(d) * scale) }
			simtest.Pass(scaled(4 * time.Hour))
			require.Equal(t, artmailsim.Active, b.activation(id).Status)
			simtest.Pass(scaled(20 * time.Hour))

			require.Equal(t, []time.Duration{
				scaled(time.Second), scaled(2 * time.Second), scaled(4 * time.Second),
				scaled(12 * time.Minute), scaled(48 * time.Minute), scaled(3 * time.Hour),
			}, waits(b.receiver.Received()), "1+3 directly, 3 by the queue, over hours")
			for _, received := range b.receiver.Received() {
				require.Equal(t, b.receiver.Received()[0].Body, received.Body)
				require.NotEmpty(t, received.Header.Get("X-Artmail-Signature"))
			}
			record := b.activation(id)
			require.Equal(t, artmailsim.Paused, record.Status)
			require.Equal(t, "webhook_failure", record.PauseReason)
			require.Equal(t, "the webhook answered 503", record.WebhookLastError)

			b.receiver.Answer(nil)
			require.NoError(t, b.Resume(id))
			synctest.Wait()
			require.Empty(t, b.activation(id).WebhookLastError)
		})
	}
}

func TestPauseForWebhookFailureIsAnnouncedToTheFailingURLOnce(t *testing.T) {
	t.Parallel()
	run(t, artmailsim.Options{Envelope: plain}, func(t *testing.T, b bench) {
		b.receiver.Answer(simtest.Status(500))
		id := b.activate()
		simtest.Pass(5 * 24 * time.Hour)
		require.Len(t, b.events(), 14, "two events, seven attempts each")
		require.Equal(t, "agent.paused", b.lastEvent()["type"])
		require.Equal(t, "webhook_failure", b.lastEvent()["reason"])
		require.Equal(t, artmailsim.Paused, b.activation(id).Status)
	})
}

func TestFirstSuccessEndsTheRetries(t *testing.T) {
	t.Parallel()
	for attempts := 1; attempts <= 7; attempts++ {
		run(t, artmailsim.Options{}, func(t *testing.T, b bench) {
			answers := make([]func(*http.Request) (*http.Response, error), attempts)
			for i := range answers {
				answers[i] = simtest.Status(500)
			}
			answers[attempts-1] = simtest.Status(204)
			b.receiver.Answer(simtest.InTurn(answers...))
			id := b.activate()
			simtest.Pass(5 * 24 * time.Hour)
			require.Len(t, b.receiver.Received(), attempts)
			require.Equal(t, artmailsim.Active, b.activation(id).Status)
		})
	}
}

func TestAttemptTimesOutAfterEightSeconds(t *testing.T) {
	t.Parallel()
	for scale, want := range map[float64]time.Duration{
		1:      8 * time.Second,
		0.0001: 2 * time.Second, // the receiver's work takes its real time
	} {
		run(t, artmailsim.Options{TimeScale: scale, Undocumented: artmailsim.Undocumented{
			DirectBackoff: []time.Duration{0}, QueueIntervals: []time.Duration{},
		}}, func(t *testing.T, b bench) {
			b.receiver.Answer(simtest.Hang)
			began := time.Now()
			id := b.activate()
			simtest.Pass(time.Minute)
			attempts := b.activation(id).Webhooks
			require.Equal(t, want, attempts[1].At.Sub(began))
			require.Contains(t, b.activation(id).WebhookLastError, "deadline exceeded")
		})
	}
}

func TestTestPingsPauseNothing(t *testing.T) {
	t.Parallel()
	run(t, artmailsim.Options{}, func(t *testing.T, b bench) {
		id := b.activate()
		b.receiver.Answer(simtest.Status(500))
		require.NoError(t, b.TestPing(agent, ""))
		simtest.Pass(5 * 24 * time.Hour)
		require.Equal(t, artmailsim.Active, b.activation(id).Status)
		require.Len(t, b.TestPings(), 7)
		require.Equal(t, 500, b.TestPings()[0].Status, "shown in the dashboard")
	})
}

func TestQueuedEventIsOvertakenByLaterOnes(t *testing.T) {
	t.Parallel()
	run(t, artmailsim.Options{Envelope: plain}, func(t *testing.T, b bench) {
		id := b.activate()
		require.NoError(t, b.Webhooks.Faults.Plan(courier.Rule{Fault: courier.Drop, Event: artmailsim.EventPaused, Times: 4}))
		require.NoError(t, b.Pause(id, artmailsim.PauseUser))
		require.NoError(t, b.Resume(id))
		simtest.Pass(time.Hour)
		var order []any
		for _, event := range b.events() {
			order = append(order, event["type"])
		}
		require.Equal(t, []any{"agent.activated", "agent.resumed", "agent.paused"}, order)
		require.Greater(t, b.events()[1]["timestamp"], b.events()[2]["timestamp"])
	})
}

func TestLostAnswerBringsTheEventAgain(t *testing.T) {
	t.Parallel()
	run(t, artmailsim.Options{}, func(t *testing.T, b bench) {
		require.NoError(t, b.Webhooks.Faults.Plan(courier.Rule{Fault: courier.LoseAnswer}))
		b.activate()
		simtest.Pass(time.Hour)
		require.Len(t, b.receiver.Bodies(), 2)
		require.Equal(t, b.receiver.Bodies()[0], b.receiver.Bodies()[1])
	})
}

func TestEventCanBeDeliveredAgainByteForByte(t *testing.T) {
	t.Parallel()
	run(t, artmailsim.Options{}, func(t *testing.T, b bench) {
		id := b.activate()
		require.NoError(t, b.Deactivate(id, artmailsim.DeactivateUser))
		synctest.Wait()
		require.NoError(t, b.SetAgent(agent, "http://moved.test/", "rotated"))
		require.NoError(t, b.Redeliver(id, artmailsim.EventActivated))
		synctest.Wait()
		require.Equal(t, b.receiver.Bodies()[0], b.receiver.Bodies()[2])
		require.Equal(t, b.receiver.Received()[0].Header, b.receiver.Received()[2].Header)
		require.Equal(t, "http://moved.test/", b.receiver.Received()[2].URL)
		require.ErrorIs(t, b.Redeliver(id, artmailsim.EventPaused), simbase.ErrUnknown)
		require.ErrorIs(t, b.Redeliver("nope", artmailsim.EventPaused), simbase.ErrUnknown)
	})
}

func TestQueueMayLeaveTheSignatureOff(t *testing.T) {
	t.Parallel()
	run(t, artmailsim.Options{Undocumented: artmailsim.Undocumented{QueueUnsigned: true}}, func(t *testing.T, b bench) {
		b.receiver.Answer(simtest.Status(500))
		b.activate()
		simtest.Pass(20 * time.Minute)
		received := b.receiver.Received()
		require.Len(t, received, 5)
		require.NotEmpty(t, received[3].Header.Get("X-Artmail-Signature"))
		require.Empty(t, received[4].Header.Get("X-Artmail-Signature"))
	})
}

func TestCloseEndsRetriesAndRuns(t *testing.T) {
	t.Parallel()
	run(t, artmailsim.Options{}, func(t *testing.T, b bench) { // fails if a goroutine is left
		id := b.activate()
		_, err := b.OpenRun(id)
		require.NoError(t, err)
		b.receiver.Answer(simtest.Status(500))
		require.NoError(t, b.Pause(id, artmailsim.PauseUser))
		synctest.Wait()
		began := time.Now()
		require.NoError(t, b.Close())
		require.Zero(t, time.Since(began))
		require.Equal(t, artmailsim.PauseUser, b.activation(id).PauseReason)
	})
}
