package offloadsim_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/offloadsim"
)

func TestFailuresArePlannedAsTheyAreNamed(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		require.NoError(t, b.FailText("create:throttle", "create:internal-after", "get:forbidden=1"))
		create := func() int { return b.call("POST", "/cases", goodKey, createBody(t, nil)).status }
		require.Equal(t, 429, create())
		require.Equal(t, 500, create())
		require.Len(t, b.Cases(), 1, "the second was carried out")
		id := b.create(nil)
		for range 3 {
			require.Equal(t, 403, b.call("GET", "/cases/"+id, goodKey, "").status)
		}
	})
}

func TestFailuresThatAreMisspeltAreNamed(t *testing.T) {
	t.Parallel()
	run(t, offloadsim.Options{}, func(t *testing.T, b bench) {
		for text, says := range map[string]string{
			"throttle":            "want ROUTE:FAILURE",
			"list:throttle":       `unknown route "list", want one of ["create" "get" "attachment" "input"]`,
			"list:throttle=0.5":   `unknown route "list"`,
			"create:explode":      `unknown failure "explode", want one of ["throttle"`,
			"create:explode=0.5":  `unknown failure "explode"`,
			"create:throttle=two": `"two" is no probability`,
			"create:=0.5":         "want ROUTE:FAILURE",
		} {
			require.ErrorContains(t, b.FailText(text), says, text)
		}
		require.ErrorContains(t, b.FailText("get:gateway=0.7", "get:internal=0.7"), "sum up to 1.4")
	})
}
