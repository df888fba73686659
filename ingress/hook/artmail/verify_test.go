package artmail_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
)

func secrets(tb testing.TB, list ...string) hook.Secrets {
	tb.Helper()
	s, err := hook.NewSecrets(list...)
	require.NoError(tb, err)
	return s
}

func TestVerifyAcceptsEverySpellingOfAGoodSignature(t *testing.T) {
	t.Parallel()
	body := []byte(`{"type":"test.ping"}`)
	// Computed with: printf '{"type":"test.ping"}' | openssl dgst -sha256 -hmac s3cret
	const signature = "bb0261da40f7f691779e7e994479b3505d8b8a42274329e8fbffffb69cd15369"
	for name, header := range map[string]string{
		"lower case":         signature,
		"upper case":         strings.ToUpper(signature),
		"with a prefix":      "sha256=" + signature,
		"with a loud prefix": "SHA256=" + strings.ToUpper(signature),
		"with spaces around": " " + signature + "\t",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, artmail.Verify(body, []string{header}, secrets(t, "s3cret")))
			require.NoError(t, artmail.Verify(body, []string{header}, secrets(t, "next", "s3cret")), "while a secret rolls over")
			require.NoError(t, artmail.Verify(body, []string{header}, secrets(t, "s3cret", "next")))
		})
	}
	require.Equal(t, signature, artmail.Sign(body, "s3cret"))
}

func TestAnyOfSeveralSignaturesVerifies(t *testing.T) {
	t.Parallel()
	body := []byte(`{"type":"test.ping"}`)
	good, old := artmail.Sign(body, "s3cret"), artmail.Sign(body, "old")
	for _, given := range [][]string{{good, old}, {old, good}, {"", "x", "sha256=" + good}} {
		require.NoError(t, artmail.Verify(body, given, secrets(t, "s3cret")))
	}
	require.Equal(t, hook.ErrUnverified, artmail.Verify(body, []string{old, "x"}, secrets(t, "s3cret")))
}

func TestVerifyAnswersEveryFailureAlike(t *testing.T) {
	t.Parallel()
	body := []byte(`{"type":"test.ping"}`)
	good := artmail.Sign(body, "s3cret")
	for name, tt := range map[string]struct{ body, header string }{
		"no signature":         {string(body), ""},
		"only a prefix":        {string(body), "sha256="},
		"another secret":       {string(body), artmail.Sign(body, "other")},
		"an empty secret":      {string(body), artmail.Sign(body, "")},
		"another body":         {string(body) + " ", good},
		"cut":                  {string(body), good[:62]},
		"longer":               {string(body), good + "00"},
		"not hex":              {string(body), strings.Repeat("z", 64)},
		"not hex at the end":   {string(body), good[:63] + "z"},
		"two prefixes":         {string(body), "sha256=sha256=" + good},
		"zeros":                {string(body), strings.Repeat("0", 64)},
		"another known prefix": {string(body), "sha512=" + good},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := artmail.Verify([]byte(tt.body), []string{tt.header}, secrets(t, "s3cret"))
			require.Equal(t, hook.ErrUnverified, err)
		})
	}
}

// Half-read hex leaves zeros behind, which must not stand for the zeros of a true signature.
func TestACutSignatureDoesNotMatchOneThatEndsInZeros(t *testing.T) {
	t.Parallel()
	for n := 0; ; n++ {
		body := fmt.Appendf(nil, `{"n":%d}`, n)
		if good := artmail.Sign(body, "s3cret"); strings.HasSuffix(good, "00") {
			require.ErrorIs(t, artmail.Verify(body, []string{good[:62] + "zz"}, secrets(t, "s3cret")), hook.ErrUnverified)
			return
		}
	}
}

func TestASignatureIsWellFormedInEachFormThatIsVerified(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("0a", 32)
	for signature, want := range map[string]bool{
		sum: true, strings.ToUpper(sum): true, "sha256=" + sum: true, "SHA256=" + sum: true, " sha256=" + sum + " ": true,
		"": false, sum[1:]: false, sum + "0": false, strings.Repeat("z", 64): false, "sha256=" + strings.Repeat("z", 64): false, "sha1=" + sum: false,
	} {
		require.Equal(t, want, artmail.WellFormed(signature), signature)
	}
}

func TestWithoutSecretsNothingIsVerified(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, artmail.Verify(nil, []string{strings.Repeat("0", 64)}, hook.Secrets{}), hook.ErrUnverified)
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte(`{"type":"test.ping"}`), "", "s3cret")
	f.Add([]byte{}, "sha256=", "x")
	f.Add([]byte("a"), strings.Repeat("0", 64), "y")
	f.Fuzz(func(t *testing.T, body []byte, header, secret string) {
		s, err := hook.NewSecrets(secret)
		if err != nil {
			require.ErrorIs(t, err, hook.ErrEmptySecret)
			return
		}
		good := artmail.Sign(body, secret)
		require.NoError(t, artmail.Verify(body, []string{good}, s))
		require.ErrorIs(t, artmail.Verify(append(body, 'x'), []string{good}, s), hook.ErrUnverified)
		if err := artmail.Verify(body, []string{header}, s); err == nil {
			require.Contains(t, strings.ToLower(header), good, "only the good signature fits")
		}
	})
}
