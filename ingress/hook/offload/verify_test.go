package offload_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
)

func TestVerifyAcceptsEachSecretOfTheSharedRoute(t *testing.T) {
	t.Parallel()
	secrets, err := hook.NewSecrets("next", "s3cret")
	require.NoError(t, err)
	for _, good := range []string{"next", "s3cret"} {
		require.NoError(t, offload.Verify(nil, []string{good}, secrets))
	}
	for _, bad := range [][]string{nil, {""}, {"guess"}, {"s3cre"}, {"s3cret "}} {
		require.Equal(t, hook.ErrUnverified, offload.Verify(nil, bad, secrets))
	}
	require.Equal(t, hook.ErrUnverified, offload.Verify(nil, []string{""}, hook.Secrets{}), "no secrets verify nothing")
}
