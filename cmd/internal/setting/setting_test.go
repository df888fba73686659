package setting_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
)

func TestAProcessGetsMoreAddressesThanItsPartHas(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 600 {
		address, err := setting.FreeAddress()
		require.NoError(t, err)
		require.False(t, seen[address])
		seen[address] = true
	}
}

func TestAnAddressThatCanNotBeUsedIsRefusedWithItsSettingAndWhatToDo(t *testing.T) {
	t.Parallel()
	listener, err := setting.Listen("--listen", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	require.IsType(t, &net.TCPListener{}, listener)
	for address, says := range map[string]string{
		listener.Addr().String(): "--listen: another process listens on " + listener.Addr().String() + ": stop it, or give another address",
		"8080":                   "--listen: listen tcp: address 8080: missing port in address: want an address of this machine, such as 127.0.0.1:8080",
	} {
		_, err := setting.Listen("--listen", address)
		require.ErrorIs(t, err, setting.ErrWrong)
		require.ErrorContains(t, err, says)
	}
}
