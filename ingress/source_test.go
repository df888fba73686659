package ingress_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestASourceOfBadTokensIsLimitedButItsVerifiedWebhooksAreNot(t *testing.T) {
	t.Parallel()
	c := config()
	c.Refusals, c.RefusalsPerSecond = 3, 0.001
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	f := start(t, c, nil)
	from := func(address, path string) answer { return f.post(t, path, completed, "X-Forwarded-For", address) }
	bad := "/webhooks/offload/order-1/" + strings.Repeat("A", 50)
	for range 3 {
		require.Equal(t, 401, from("203.0.113.7", bad).status)
	}
	got := from("203.0.113.7", bad)
	require.Equal(t, 429, got.status)
	require.NotEmpty(t, got.header.Get("Retry-After"))
	require.Equal(t, 429, from("203.0.113.7", "/webhooks/offload-shared/guess").status)

	require.Equal(t, 204, from("203.0.113.7", f.offloadPath("order-1")).status, "a verified event is never refused for its source")
	require.Equal(t, 204, from("203.0.113.7", "/webhooks/offload-shared/"+sharedSecret).status)
	require.Equal(t, 401, from("203.0.113.8", bad).status, "another source has its own allowance")

	for range 3 {
		require.Equal(t, 401, from("2001:db8::1", bad).status)
	}
	require.Equal(t, 429, from("2001:db8::2", bad).status, "one network is one source")
	require.Equal(t, 401, from("2001:db8:0:1::1", bad).status)
}

func TestXForwardedForOfAStrangerDoesNotCount(t *testing.T) {
	t.Parallel()
	c := config()
	c.Refusals, c.RefusalsPerSecond = 1, 0.001
	f := start(t, c, nil)
	require.Equal(t, 401, f.post(t, "/webhooks/offload/a/x", completed, "X-Forwarded-For", "203.0.113.7").status)
	require.Equal(t, 429, f.post(t, "/webhooks/offload/a/x", completed, "X-Forwarded-For", "203.0.113.8").status)
}

func TestAnAllowanceComesBackWithTime(t *testing.T) {
	t.Parallel()
	c := config()
	c.Refusals, c.RefusalsPerSecond = 1, 20
	f := start(t, c, nil)
	require.Equal(t, 401, f.post(t, "/webhooks/offload/a/x", completed).status)
	eventually(t, "answered as before", func() bool { return f.post(t, "/webhooks/offload/a/x", completed).status == 401 })
}
