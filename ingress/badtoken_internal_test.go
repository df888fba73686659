package ingress

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheMemoryOfBadTokensIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	f := newBadTokenLimiter(func() time.Time { return now }, 2, 1)
	at := func(n int) source {
		return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	}
	for n := range 3 * maxSources {
		f.refused(at(n))
		require.LessOrEqual(t, len(f.sources), maxSources)
	}
	for n := 3 * maxSources; len(f.sources) < maxSources; n++ {
		f.refused(at(n))
	}
	now = now.Add(time.Hour)
	f.refused(at(-1))
	require.Len(t, f.sources, 1, "who has behaved since is forgotten first")
}
