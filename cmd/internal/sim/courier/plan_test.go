package courier_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simtest"
)

func TestPlanTextPlansFaults(t *testing.T) {
	t.Parallel()
	const first, second = `{"key":"k","number":1}`, `{"key":"k","number":2}`
	for text, want := range map[string][]string{
		"drop":           {second},
		"drop:event.2":   {first},
		"repeat=1":       {first, first, second, second},
		"repeat=0":       {first, second},
		"drop:event.9":   {first, second},
		"drop:event.2=1": {first},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				receiver := &simtest.Receiver{}
				c := newCourier(receiver, 1)
				defer c.Close()
				require.NoError(t, c.Faults.PlanText(text))
				for number := 1; number <= 2; number++ {
					c.Send(message("k", number), nil)
					synctest.Wait()
				}
				require.Equal(t, want, receiver.Bodies())
			})
		})
	}
}

func TestAllMisspeltFaultsAreReported(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"explode":   `unknown fault "explode"`,
		"":          `unknown fault ""`,
		"=0.5":      `unknown fault ""`,
		"drop=":     `"" is not a probability`,
		"drop=much": `"much" is not a probability`,
		"drop=1.1":  `"1.1" is not a probability`,
		"drop=-0.1": `"-0.1" is not a probability`,
		"drop=NaN":  `"NaN" is not a probability`,
	} {
		c := newCourier(&simtest.Receiver{}, 1)
		err := c.Faults.PlanText(text, "burst")
		require.ErrorContains(t, err, says)
		require.ErrorContains(t, err, `unknown fault "burst"`)
		c.Close()
	}
	c := newCourier(&simtest.Receiver{}, 1)
	defer c.Close()
	require.ErrorContains(t, c.Faults.PlanText("drop=0.6", "repeat=0.6"), "sum up to 1.2")
}
