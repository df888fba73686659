package artmailhook_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/artmailhook"
)

func secrets(tb testing.TB, list ...string) artmailhook.Secrets {
	tb.Helper()
	s, err := artmailhook.NewSecrets(list...)
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
			require.NoError(t, artmailhook.Verify(body, header, secrets(t, "s3cret")))
			require.NoError(t, artmailhook.Verify(body, header, secrets(t, "next", "s3cret")), "while a secret rolls over")
			require.NoError(t, artmailhook.Verify(body, header, secrets(t, "s3cret", "next")))
		})
	}
	require.Equal(t, signature, artmailhook.Sign(body, "s3cret"))
}

func TestVerifyAnswersEveryFailureAlike(t *testing.T) {
	t.Parallel()
	body := []byte(`{"type":"test.ping"}`)
	good := artmailhook.Sign(body, "s3cret")
	for name, tt := range map[string]struct{ body, header string }{
		"no signature":         {string(body), ""},
		"only a prefix":        {string(body), "sha256="},
		"another secret":       {string(body), artmailhook.Sign(body, "other")},
		"an empty secret":      {string(body), artmailhook.Sign(body, "")},
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
			err := artmailhook.Verify([]byte(tt.body), tt.header, secrets(t, "s3cret"))
			require.Equal(t, artmailhook.ErrSignature, err)
		})
	}
}

// Half-read hex leaves zeros behind, which must not stand for the zeros of a true signature.
func TestASignatureThatEndsInZerosNeedsThem(t *testing.T) {
	t.Parallel()
	for n := 0; ; n++ {
		body := fmt.Appendf(nil, `{"n":%d}`, n)
		if good := artmailhook.Sign(body, "s3cret"); strings.HasSuffix(good, "00") {
			require.ErrorIs(t, artmailhook.Verify(body, good[:62]+"zz", secrets(t, "s3cret")), artmailhook.ErrSignature)
			return
		}
	}
}

func TestNoSecretsVerifyNothing(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, artmailhook.Verify(nil, strings.Repeat("0", 64), artmailhook.Secrets{}), artmailhook.ErrSignature)
}

func TestAnEmptySecretIsRefused(t *testing.T) {
	t.Parallel()
	for _, list := range [][]string{nil, {""}, {"good", ""}, {" \n"}} {
		_, err := artmailhook.NewSecrets(list...)
		require.ErrorIs(t, err, artmailhook.ErrEmptySecret)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	s := secrets(t, "s3cret")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
		require.Equal(t, "artmailhook.Secrets(1)", fmt.Sprintf(verb, s))
	}
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte(`{"type":"test.ping"}`), "", "s3cret")
	f.Add([]byte{}, "sha256=", "x")
	f.Add([]byte("a"), strings.Repeat("0", 64), "y")
	f.Fuzz(func(t *testing.T, body []byte, header, secret string) {
		s, err := artmailhook.NewSecrets(secret)
		if err != nil {
			require.ErrorIs(t, err, artmailhook.ErrEmptySecret)
			return
		}
		good := artmailhook.Sign(body, secret)
		require.NoError(t, artmailhook.Verify(body, good, s))
		require.ErrorIs(t, artmailhook.Verify(append(body, 'x'), good, s), artmailhook.ErrSignature)
		if err := artmailhook.Verify(body, header, s); err == nil {
			require.Contains(t, strings.ToLower(header), good, "only the good signature fits")
		}
	})
}
