package courier_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simtest"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestMain(m *testing.M) { testenv.RunWithoutLeaks(m) }

const (
	timeout  = 8 * time.Second
	maxDelay = time.Minute
	maxHold  = time.Hour
)

func newCourier(receiver *simtest.Receiver, seed uint64) *courier.Courier {
	return courier.New(courier.Options{
		Transport: receiver, Timeout: timeout, MaxDelay: maxDelay, MaxHold: maxHold,
		Now: time.Now, Dice: courier.NewDice(seed),
	})
}

func message(key string, number int) courier.Message {
	return courier.Message{
		ID: fmt.Sprintf("%s-%d", key, number), Event: fmt.Sprintf("event.%d", number), Key: key,
		URL: "http://receiver.test/hook", Header: http.Header{"X-Test": {"yes"}},
		Body: fmt.Appendf(nil, `{"key":%q,"number":%d}`, key, number),
	}
}

func TestEachFaultDoesWhatItSays(t *testing.T) {
	t.Parallel()
	const first, second = `{"key":"k","number":1}`, `{"key":"k","number":2}`
	for fault, want := range map[courier.Fault]struct {
		bodies    []string
		delivered bool // as the sender saw the first message
	}{
		courier.None:       {bodies: []string{first, second}, delivered: true},
		courier.Drop:       {bodies: []string{second}},
		courier.Repeat:     {bodies: []string{first, first, second}, delivered: true},
		courier.Delay:      {bodies: []string{second, first}, delivered: true},
		courier.Reorder:    {bodies: []string{second, first}, delivered: true},
		courier.LoseAnswer: {bodies: []string{first, second}},
	} {
		t.Run("fault "+string(fault), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				receiver := &simtest.Receiver{}
				c := newCourier(receiver, 1)
				defer c.Close()
				require.NoError(t, c.Faults.Plan(courier.Rule{Fault: fault}))
				var outcome courier.Attempt
				c.Send(message("k", 1), func(_ context.Context, a courier.Attempt) { outcome = a })
				c.Send(message("k", 2), nil)
				simtest.Pass(maxDelay)
				require.Equal(t, want.bodies, receiver.Bodies())
				require.Equal(t, want.delivered, outcome.Delivered())
				require.Equal(t, fault, outcome.Fault)
				require.Equal(t, "yes", receiver.Received()[0].Header.Get("X-Test"))
			})
		})
	}
}

func TestCorruptedBodyIsNeverValidJSON(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		receiver := &simtest.Receiver{}
		c := newCourier(receiver, 1)
		defer c.Close()
		require.NoError(t, c.Faults.Plan(courier.Rule{Fault: courier.Corrupt, Times: -1}))
		for number := range 100 {
			c.Send(message("k", number), nil)
		}
		synctest.Wait()
		require.Len(t, receiver.Bodies(), 100)
		for _, body := range receiver.Bodies() {
			require.False(t, json.Valid([]byte(body)), body)
		}
	})
}

func TestMessagesOfOneKeyKeepTheirOrderAndOthersDoNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		receiver := &simtest.Receiver{}
		receiver.Answer(simtest.InTurn(simtest.Hang, simtest.Status(204)))
		c := newCourier(receiver, 1)
		defer c.Close()
		c.Send(message("slow", 1), nil)
		synctest.Wait()
		for number := 2; number < 6; number++ {
			c.Send(message("slow", number), nil)
		}
		c.Send(message("quick", 1), nil)
		synctest.Wait()
		require.Equal(t, []string{`{"key":"slow","number":1}`, `{"key":"quick","number":1}`}, receiver.Bodies())
		simtest.Pass(timeout)
		require.Equal(t, []string{
			`{"key":"slow","number":1}`, `{"key":"quick","number":1}`, `{"key":"slow","number":2}`,
			`{"key":"slow","number":3}`, `{"key":"slow","number":4}`, `{"key":"slow","number":5}`,
		}, receiver.Bodies())
	})
}

func TestAReorderedMessageArrivesEvenIfNoOtherFollows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		receiver := &simtest.Receiver{}
		c := newCourier(receiver, 1)
		defer c.Close()
		require.NoError(t, c.Faults.Plan(courier.Rule{Fault: courier.Reorder}))
		c.Send(message("k", 1), nil)
		simtest.Pass(maxHold - 1)
		require.Empty(t, receiver.Bodies())
		simtest.Pass(1)
		require.Len(t, receiver.Bodies(), 1)
	})
}

func TestRulesApplyByKeyEventAndTimesBeforeTheRates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		receiver := &simtest.Receiver{}
		c := newCourier(receiver, 1)
		defer c.Close()
		require.NoError(t, c.Faults.SetRates(map[courier.Fault]float64{courier.Repeat: 1}))
		require.NoError(t, c.Faults.Plan(
			courier.Rule{Fault: courier.Drop, Event: "event.99"},
			courier.Rule{Fault: courier.Drop, Key: "a", Times: 2},
			courier.Rule{Fault: courier.None, Event: "event.1"},
		))
		for _, m := range []courier.Message{
			message("a", 1), message("a", 2), message("b", 1), message("a", 3), message("b", 2),
		} {
			c.Send(m, nil)
			synctest.Wait()
		}
		require.Equal(t, []string{
			`{"key":"b","number":1}`,
			`{"key":"a","number":3}`, `{"key":"a","number":3}`,
			`{"key":"b","number":2}`, `{"key":"b","number":2}`,
		}, receiver.Bodies())
		c.Faults.Clear()
		c.Send(message("c", 1), nil)
		synctest.Wait()
		require.Len(t, c.Attempts("c"), 1)
		require.Len(t, c.Attempts(""), 8)
	})
}

func TestOneSeedGivesOneRun(t *testing.T) {
	t.Parallel()
	faults := func(seed uint64) (drawn []courier.Fault) {
		synctest.Test(t, func(t *testing.T) {
			c := newCourier(&simtest.Receiver{}, seed)
			defer c.Close()
			require.NoError(t, c.Faults.SetRates(map[courier.Fault]float64{courier.Drop: 0.3, courier.LoseAnswer: 0.3}))
			for number := range 200 {
				drawn = append(drawn, c.Post(t.Context(), message("k", number)).Fault)
			}
		})
		return drawn
	}
	require.Equal(t, faults(7), faults(7))
	require.NotEqual(t, faults(7), faults(8))
	dropped := 0
	for _, fault := range faults(7) {
		if fault == courier.Drop {
			dropped++
		}
	}
	require.InDelta(t, 60, dropped, 25)
}

func TestInvalidRulesAndRatesAreRefused(t *testing.T) {
	t.Parallel()
	c := newCourier(&simtest.Receiver{}, 1)
	defer c.Close()
	require.ErrorContains(t, c.Faults.Plan(courier.Rule{Fault: "explode"}), `unknown fault "explode"`)
	for name, rates := range map[string]map[courier.Fault]float64{
		"unknown":  {"explode": 0.1},
		"negative": {courier.Drop: -0.1},
		"too much": {courier.Drop: 0.6, courier.Delay: 0.6},
	} {
		require.Error(t, c.Faults.SetRates(rates), name)
	}
}

func TestSlowReceiverAndRedirectAreNotDeliveries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		receiver := &simtest.Receiver{}
		receiver.Answer(simtest.InTurn(simtest.Hang, func(req *http.Request) (*http.Response, error) {
			resp, err := simtest.Status(http.StatusTemporaryRedirect)(req)
			resp.Header.Set("Location", "http://elsewhere.test/")
			return resp, err
		}))
		c := newCourier(receiver, 1)
		defer c.Close()
		began := time.Now()
		slow := c.Post(t.Context(), message("k", 1))
		require.Equal(t, timeout, time.Since(began))
		require.False(t, slow.Delivered())
		require.NotContains(t, slow.Error, "receiver.test", "a capability URL must not show in the record")

		redirected := c.Post(t.Context(), message("k", 2))
		require.Equal(t, http.StatusTemporaryRedirect, redirected.Status)
		require.False(t, redirected.Delivered())
		require.Len(t, receiver.Received(), 2)
	})
}

func TestCloseEndsMessagesUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // fails if a goroutine is left
		receiver := &simtest.Receiver{}
		receiver.Answer(simtest.Hang)
		c := newCourier(receiver, 1)
		require.NoError(t, c.Faults.Plan(courier.Rule{Fault: courier.Delay}, courier.Rule{Fault: courier.Reorder}))
		for number := range 5 {
			c.Send(message("k", number), nil)
		}
		synctest.Wait()
		began := time.Now()
		c.Close()
		require.Zero(t, time.Since(began))
		c.Send(message("k", 9), nil)
		c.Close()
		require.Len(t, receiver.Received(), 1)
	})
}
