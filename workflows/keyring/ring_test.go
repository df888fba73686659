package keyring_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

func generate(t testing.TB) *keyring.Ring {
	t.Helper()
	r, err := keyring.Generate()
	require.NoError(t, err)
	return r
}

func rotate(t testing.TB, r *keyring.Ring) *keyring.Ring {
	t.Helper()
	staged, err := r.Stage()
	require.NoError(t, err)
	rotated, err := staged.Promote()
	require.NoError(t, err)
	return rotated
}

// lookalikes are contexts that a careless encoding would confuse with ("a", "bc").
var lookalikes = [][]string{
	nil,
	{""},
	{"a"},
	{"abc"},
	{"ab", "c"},
	{"a", "b", "c"},
	{"a", "bc", ""},
	{"", "a", "bc"},
	{"bc", "a"},
	{"a\x02bc"},
	{"\x01a\x02bc"},
	{"A", "bc"},
	{"a", "bc "},
}

func TestSealedBytesOpenOnlyInTheirContext(t *testing.T) {
	t.Parallel()
	r := generate(t)
	sealed, err := r.Seal([]byte("the key"), "a", "bc")
	require.NoError(t, err)
	require.NotContains(t, string(sealed), "the key")

	plain, err := r.Open(sealed, "a", "bc")
	require.NoError(t, err)
	require.Equal(t, "the key", string(plain))
	for _, context := range lookalikes {
		_, err := r.Open(sealed, context...)
		require.ErrorIs(t, err, keyring.ErrOpen, "context %q", context)
	}
}

func TestSealAddsTheDocumentedLength(t *testing.T) {
	t.Parallel()
	r := generate(t)
	for _, n := range []int{0, 1, 700, 1 << 20} {
		sealed, err := r.Seal(make([]byte, n), "x")
		require.NoError(t, err)
		require.Len(t, sealed, n+33)
		plain, err := r.Open(sealed, "x")
		require.NoError(t, err)
		require.Len(t, plain, n)
	}
}

func TestSealingTheSameBytesTwiceDiffers(t *testing.T) {
	t.Parallel()
	r := generate(t)
	first, err := r.Seal([]byte("same"))
	require.NoError(t, err)
	second, err := r.Seal([]byte("same"))
	require.NoError(t, err)
	require.NotEqual(t, first, second)
}

func TestAlteredOrTruncatedBytesAreNotOpened(t *testing.T) {
	t.Parallel()
	r := generate(t)
	sealed, err := r.Seal([]byte("body"), "ctx")
	require.NoError(t, err)
	for i := range sealed {
		altered := append([]byte(nil), sealed...)
		altered[i] ^= 1
		_, err := r.Open(altered, "ctx")
		require.ErrorIs(t, err, keyring.ErrOpen, "byte %d altered", i)
		_, err = r.Open(sealed[:i], "ctx")
		require.ErrorIs(t, err, keyring.ErrOpen, "cut to %d bytes", i)
	}
}

func TestAnotherRingOpensAndVerifiesNothing(t *testing.T) {
	t.Parallel()
	r, other := generate(t), generate(t)
	sealed, err := r.Seal([]byte("body"), "ctx")
	require.NoError(t, err)
	_, err = other.Open(sealed, "ctx")
	require.ErrorIs(t, err, keyring.ErrOpen)
	require.ErrorIs(t, other.VerifyToken(r.Token("ctx"), "ctx"), keyring.ErrToken)
	require.NotEqual(t, r.Fingerprint([]byte("body")), other.Fingerprint([]byte("body")))
}

func TestRotationKeepsOldValuesUsableAndMakesNewOnes(t *testing.T) {
	t.Parallel()
	old := generate(t)
	sealed, err := old.Seal([]byte("body"), "ctx")
	require.NoError(t, err)
	token := old.Token("ctx")

	current := old
	for range 3 {
		current = rotate(t, current)
		plain, err := current.Open(sealed, "ctx")
		require.NoError(t, err)
		require.Equal(t, "body", string(plain))
		require.NoError(t, current.VerifyToken(token, "ctx"))
	}
	require.NotEqual(t, token, current.Token("ctx"))
	require.NoError(t, current.VerifyToken(current.Token("ctx"), "ctx"))
	require.ErrorIs(t, old.VerifyToken(current.Token("ctx"), "ctx"), keyring.ErrToken, "rotation does not change the old Ring")
	resealed, err := current.Seal([]byte("body"), "ctx")
	require.NoError(t, err)
	_, err = old.Open(resealed, "ctx")
	require.ErrorIs(t, err, keyring.ErrOpen)
}

func TestStagedKeysAreKnownBeforeTheyAreUsed(t *testing.T) {
	t.Parallel()
	old := generate(t)
	staged, err := old.Stage()
	require.NoError(t, err)
	require.Equal(t, old.Token("ctx"), staged.Token("ctx"), "a staged Ring still uses the old key")

	promoted, err := staged.Promote()
	require.NoError(t, err)
	require.NotEqual(t, old.Token("ctx"), promoted.Token("ctx"))
	require.NoError(t, staged.VerifyToken(promoted.Token("ctx"), "ctx"))
	sealed, err := promoted.Seal([]byte("body"))
	require.NoError(t, err)
	plain, err := staged.Open(sealed)
	require.NoError(t, err)
	require.Equal(t, "body", string(plain))

	again, err := promoted.Promote()
	require.NoError(t, err)
	require.Equal(t, promoted.Token("ctx"), again.Token("ctx"))
}

func TestFingerprintComparesBodiesWithinOneContextAndSurvivesRotation(t *testing.T) {
	t.Parallel()
	r := generate(t)
	base := r.Fingerprint([]byte("body"), "a", "bc")
	require.Len(t, base, 37)
	require.Equal(t, base, r.Fingerprint([]byte("body"), "a", "bc"))
	require.Equal(t, base, rotate(t, rotate(t, r)).Fingerprint([]byte("body"), "a", "bc"))
	require.NotEqual(t, base, r.Fingerprint([]byte("Body"), "a", "bc"))
	for _, context := range lookalikes {
		require.NotEqual(t, base, r.Fingerprint([]byte("body"), context...), "context %q", context)
	}
	require.NotEqual(t, r.Fingerprint([]byte("bc"), "a"), r.Fingerprint(nil, "a", "bc"), "data and context are kept apart")
}

func TestNoFormattingShowsKeyMaterial(t *testing.T) {
	t.Parallel()
	r := generate(t)
	document, err := r.Marshal()
	require.NoError(t, err)
	var doc struct {
		AEAD, MAC struct {
			Key []struct{ KeyData struct{ Value string } }
		}
	}
	require.NoError(t, json.Unmarshal(document, &doc))
	secrets := []string{doc.AEAD.Key[0].KeyData.Value, doc.MAC.Key[0].KeyData.Value}

	asJSON, err := json.Marshal(map[string]any{"keys": r})
	require.NoError(t, err)
	shown := []string{r.String(), string(asJSON)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%p"} {
		shown = append(shown, fmt.Sprintf(verb, r), fmt.Sprintf(verb, struct{ Keys *keyring.Ring }{r}))
	}
	for _, text := range shown {
		for _, secret := range secrets {
			require.NotEmpty(t, secret)
			require.NotContains(t, text, secret)
		}
		require.Less(t, len(text), 200, "more than a summary: %s", text)
	}
	require.True(t, strings.HasPrefix(fmt.Sprintf("%#v", r), "keyring.Ring(sealing key "))
	require.Equal(t, "keyring.Ring(empty)", fmt.Sprint(&keyring.Ring{}))
}

func BenchmarkSeal(b *testing.B) {
	r := generate(b)
	body := make([]byte, 700)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Seal(body, "offload", "default", "delivery-id"); err != nil {
			b.Fatal(err)
		}
	}
}
