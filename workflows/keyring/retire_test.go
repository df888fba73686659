package keyring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

func TestSealedByCurrentNamesTheSealingKey(t *testing.T) {
	t.Parallel()
	old := generate(t)
	sealed, err := old.Seal([]byte("body"), "ctx")
	require.NoError(t, err)
	require.True(t, old.SealedByCurrent(sealed))
	require.Equal(t, sealed[:5], old.SealedPrefix())
	staged, err := old.Stage()
	require.NoError(t, err)
	require.True(t, staged.SealedByCurrent(sealed), "a staged key is not in use yet")
	rotated := rotate(t, old)
	require.False(t, rotated.SealedByCurrent(sealed))
	again, err := rotated.Seal([]byte("body"), "ctx")
	require.NoError(t, err)
	require.True(t, rotated.SealedByCurrent(again))
	require.False(t, old.SealedByCurrent(again))
	for _, nothing := range [][]byte{nil, {}, sealed[:4]} {
		require.False(t, old.SealedByCurrent(nothing))
	}
}

func TestARetiredKeyOpensNothingAndAllElseStays(t *testing.T) {
	t.Parallel()
	first := generate(t)
	second := rotate(t, first)
	third, err := rotate(t, second).Stage()
	require.NoError(t, err)
	require.Equal(t, 0, first.OlderSealingKeys())
	require.Equal(t, 2, third.OlderSealingKeys())
	current, err := third.Seal([]byte("body"), "ctx")
	require.NoError(t, err)

	retired, err := third.Retire()
	require.NoError(t, err)
	require.Zero(t, retired.OlderSealingKeys())
	for _, older := range []*keyring.Ring{first, second} {
		sealed, err := older.Seal([]byte("body"), "ctx")
		require.NoError(t, err)
		_, err = third.Open(sealed, "ctx")
		require.NoError(t, err)
		_, err = retired.Open(sealed, "ctx")
		require.ErrorIs(t, err, keyring.ErrOpen)
		require.NoError(t, retired.VerifyToken(older.Token("ctx"), "ctx"), "capability URLs go on working")
	}
	require.True(t, retired.SealedByCurrent(current))
	_, err = retired.Open(current, "ctx")
	require.NoError(t, err)
	require.Equal(t, first.Fingerprint([]byte("body")), retired.Fingerprint([]byte("body")), "fingerprints survive")

	promoted, err := retired.Promote()
	require.NoError(t, err)
	require.False(t, promoted.SealedByCurrent(current), "the staged key was kept")
	parsed, err := keyring.Parse(marshal(t, retired))
	require.NoError(t, err)
	require.Equal(t, retired.String(), parsed.String())

	again, err := retired.Retire()
	require.NoError(t, err)
	require.Equal(t, retired.String(), again.String(), "there is nothing left to retire")
}
