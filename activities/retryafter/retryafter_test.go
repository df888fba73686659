package retryafter_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/activities/retryafter"
)

var now = time.Date(2026, 3, 21, 15, 42, 0, 0, time.UTC)

func TestParse(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"":                              0,
		"7":                             7 * time.Second,
		" 120 ":                         2 * time.Minute,
		"0":                             0,
		"-5":                            0,
		"1.5":                           0,
		"soon":                          0,
		"Sat, 21 Mar 2026 15:43:30 GMT": 90 * time.Second,
		"Sat, 21 Mar 2026 15:41:00 GMT": 0,
		"9223372036854775807":           1<<63 - 1,
		"99999999999999999999":          0,
	} {
		require.Equal(t, want, retryafter.Parse(header, now), "%q", header)
	}
}

func FuzzAPauseIsNeverNegative(f *testing.F) {
	for _, seed := range []string{"", "1", "-1", "9223372036854775807", "Sat, 21 Mar 2026 15:43:30 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		require.GreaterOrEqual(t, retryafter.Parse(header, now), time.Duration(0))
	})
}
