package publicnet_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/activities/publicnet"
)

func TestOnlyAddressesOfThePublicInternetArePublic(t *testing.T) {
	t.Parallel()
	for address, public := range map[string]bool{
		"1.1.1.1":              true,
		"9.255.255.255":        true,
		"11.0.0.0":             true,
		"172.15.255.255":       true,
		"172.32.0.0":           true,
		"100.63.255.255":       true,
		"100.128.0.0":          true,
		"2606:4700::1111":      true,
		"::ffff:1.1.1.1":       true,
		"64:ff9b::1.1.1.1":     true,
		"10.0.0.1":             false,
		"172.16.0.1":           false,
		"172.31.255.255":       false,
		"192.168.1.1":          false,
		"127.0.0.1":            false,
		"127.8.8.8":            false,
		"169.254.169.254":      false,
		"100.100.100.200":      false,
		"0.0.0.0":              false,
		"0.1.2.3":              false,
		"192.0.0.192":          false,
		"198.18.0.1":           false,
		"203.0.113.9":          false,
		"224.0.0.1":            false,
		"255.255.255.255":      false,
		"::":                   false,
		"::1":                  false,
		"::127.0.0.1":          false,
		"::ffff:10.0.0.1":      false,
		"::ffff:127.0.0.1":     false,
		"64:ff9b::10.0.0.1":    false,
		"64:ff9b:1::1":         false,
		"fc00::1":              false,
		"fd00:ec2::254":        false,
		"fe80::1":              false,
		"fe80::1%eth0":         false,
		"fec0::1":              false,
		"ff02::1":              false,
		"2001::1":              false,
		"2001:db8::1":          false,
		"2002:a00:1::1":        false,
		"2002:7f00:1::":        false,
		"2606:4700::1111%eth0": true,
	} {
		require.Equal(t, public, publicnet.Public(netip.MustParseAddr(address)), address)
	}
	require.False(t, publicnet.Public(netip.Addr{}))
}

func TestADialerWithTheControlRefusesPrivateAddresses(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)

	for _, host := range []string{"127.0.0.1", "localhost", "::ffff:127.0.0.1", "0.0.0.0"} {
		dialer := &net.Dialer{Control: publicnet.Control, Resolver: &net.Resolver{PreferGo: true}}
		conn, err := dialer.DialContext(t.Context(), "tcp", net.JoinHostPort(host, port))
		require.Nil(t, conn, host)
		require.ErrorIs(t, err, publicnet.ErrNotPublic, host)
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", listener.Addr().String())
	require.NoError(t, err, "without it, the same address can be reached")
	require.NoError(t, conn.Close())
}

func TestATransportUsesAProxyOnlyIfItMayReachPrivateAddresses(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	get := func(allowPrivate bool) error {
		transport := publicnet.Transport(allowPrivate, time.Minute)
		t.Cleanup(transport.CloseIdleConnections)
		require.Equal(t, allowPrivate, transport.Proxy != nil)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		require.NoError(t, err)
		response, err := transport.RoundTrip(request)
		if err == nil {
			require.NoError(t, response.Body.Close())
		}
		return err
	}
	require.ErrorIs(t, get(false), publicnet.ErrNotPublic)
	require.NoError(t, get(true))
}

func TestTheControlRefusesAnUnparseableAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "1.1.1.1", "example.com:443", "/run/docker.sock"} {
		require.ErrorIs(t, publicnet.Control("tcp", address, nil), publicnet.ErrNotPublic, address)
	}
	require.NoError(t, publicnet.Control("tcp", "1.1.1.1:443", nil))
	require.NoError(t, publicnet.Control("tcp6", "[2606:4700::1111]:443", nil))
}
