package ingress_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress"
)

func TestTheSourceIsTheLastAddressThatIsNoTrustedProxy(t *testing.T) {
	t.Parallel()
	sourceOf := ingress.Sources([]netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:f::/48"), netip.MustParsePrefix("fe80::/10"),
	})
	for _, c := range []struct {
		peer      string
		forwarded []string
		source    string
	}{
		{"198.51.100.1:80", nil, "198.51.100.1"},
		{"198.51.100.1:80", []string{"203.0.113.7"}, "198.51.100.1"},
		{"[2001:db8:1:2:3::4]:80", nil, "2001:db8:1:2::"},
		{"[fe80::1%eth0]:80", nil, "fe80::"},
		{"[fe80::1%eth0]:80", []string{"203.0.113.7"}, "203.0.113.7"},
		{"@", []string{"203.0.113.7"}, "invalid IP"},
		{"", nil, "invalid IP"},
		{"10.0.0.1:80", nil, "10.0.0.1"},
		{"10.0.0.1:80", []string{""}, "10.0.0.1"},
		{"10.0.0.1:80", []string{"203.0.113.7"}, "203.0.113.7"},
		{"[::ffff:10.0.0.1]:80", []string{"::ffff:203.0.113.7"}, "203.0.113.7"},
		{"10.0.0.1:80", []string{"198.51.100.9,203.0.113.7 , 10.0.0.2"}, "203.0.113.7"},
		{"10.0.0.1:80", []string{"198.51.100.9", "203.0.113.7, 10.0.0.2", "2001:db8:f::1"}, "203.0.113.7"},
		{"10.0.0.1:80", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"10.0.0.1:80", []string{"2001:db8:1:2:3::4"}, "2001:db8:1:2::"},
		{"10.0.0.1:80", []string{"[2001:db8:1:2:3::4]"}, "2001:db8:1:2::"},
		{"10.0.0.1:80", []string{"fd00::1%eth0"}, "fd00::"},

		// With the sender's port, as Azure's Application Gateway writes it, and AWS's load balancer on request.
		{"10.0.0.1:80", []string{"203.0.113.7:51034"}, "203.0.113.7"},
		{"10.0.0.1:80", []string{"[2001:db8:1:2:3::4]:443"}, "2001:db8:1:2::"},
		{"10.0.0.1:80", []string{"198.51.100.9:1, 203.0.113.7:51034, 10.0.0.2:51035", "[2001:db8:f::1]:443"}, "203.0.113.7"},

		// What can't be read hides all that stands before it.
		{"10.0.0.1:80", []string{"203.0.113.7, unknown"}, "10.0.0.1"},
		{"10.0.0.1:80", []string{"203.0.113.7, unknown, 10.0.0.2"}, "10.0.0.2"},
		{"10.0.0.1:80", []string{"203.0.113.7,"}, "10.0.0.1"},
		{"10.0.0.1:80", []string{"203.0.113.7:"}, "10.0.0.1"},
		{"10.0.0.1:80", []string{"203.0.113.7:65536"}, "10.0.0.1"},
		{"10.0.0.1:80", []string{"203.0.113.07"}, "10.0.0.1"},
	} {
		request := httptest.NewRequest(http.MethodPost, "/", http.NoBody)
		request.RemoteAddr = c.peer
		if c.forwarded != nil {
			request.Header["X-Forwarded-For"] = c.forwarded
		}
		require.Equal(t, c.source, sourceOf(request).String(), "%s %q", c.peer, c.forwarded)
	}
	direct := httptest.NewRequest(http.MethodPost, "/", http.NoBody)
	direct.RemoteAddr = "10.0.0.1:80"
	direct.Header.Set("X-Forwarded-For", "203.0.113.7")
	require.Equal(t, "10.0.0.1", ingress.Sources(nil)(direct).String(), "without proxies no header counts")
}

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
