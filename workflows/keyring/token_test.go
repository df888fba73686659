package keyring_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

func TestATokenIsShortStableAndSafeInAURL(t *testing.T) {
	t.Parallel()
	r := generate(t)
	token := r.Token("offload", "order-7")
	require.Regexp(t, regexp.MustCompile(`^[A-Za-z0-9_-]{50}$`), token)
	require.Equal(t, token, r.Token("offload", "order-7"))
	require.NoError(t, r.VerifyToken(token, "offload", "order-7"))
}

func TestATokenOpensOnlyItsContext(t *testing.T) {
	t.Parallel()
	r := generate(t)
	token := r.Token("a", "bc")
	require.NoError(t, r.VerifyToken(token, "a", "bc"))
	for _, context := range lookalikes {
		require.ErrorIs(t, r.VerifyToken(token, context...), keyring.ErrToken, "context %q", context)
	}
}

func TestEveryWrongTokenGivesTheSameError(t *testing.T) {
	t.Parallel()
	r := generate(t)
	token := r.Token("ctx")
	wrong := map[string]string{
		"empty":                  "",
		"cut":                    token[:len(token)-1],
		"longer":                 token + "A",
		"padded":                 token + "==",
		"not base64":             strings.Repeat("!", 50),
		"line break inside":      token[:10] + "\n" + token[10:],
		"only the key id":        token[:7],
		"key id and no MAC":      token[:7] + strings.Repeat("A", 43),
		"another spelling":       respell(token),
		"of an unknown key":      generate(t).Token("ctx"),
		"for another context":    r.Token("other"),
		"very long":              strings.Repeat("A", 1<<16),
		"a fingerprint as token": fingerprintAsToken(r),
	}
	for name, token := range wrong {
		require.Equal(t, keyring.ErrToken, r.VerifyToken(token, "ctx"), name)
	}
}

func TestEachCharacterOfATokenCounts(t *testing.T) {
	t.Parallel()
	r := generate(t)
	token := r.Token("ctx")
	for i := range token {
		altered := []byte(token)
		altered[i] = otherCharacter(altered[i])
		require.ErrorIs(t, r.VerifyToken(string(altered), "ctx"), keyring.ErrToken, "character %d", i)
	}
}

// respell sets the bits of the last character that base64 leaves unused (37 bytes leave four).
func respell(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + string(alphabet[last|1])
}

func otherCharacter(c byte) byte {
	if c == 'A' {
		return 'B'
	}
	return 'A'
}

func fingerprintAsToken(r *keyring.Ring) string {
	return keyring.EncodeToken(r.Fingerprint(nil, "ctx"))
}

func FuzzVerifyToken(f *testing.F) {
	r := generate(f)
	rotated := rotate(f, r)
	f.Add(r.Token("a", "b"), "a", "b")
	f.Add("", "", "")
	f.Add(rotated.Token("a", "b"), "a", "bc")
	f.Add("AAAAAAA", "a", "b")
	f.Fuzz(func(t *testing.T, token, first, second string) {
		valid := token == rotated.Token(first, second) || token == r.Token(first, second)
		err := rotated.VerifyToken(token, first, second)
		require.Equal(t, valid, err == nil, "a token is valid exactly when one of the keys makes it")
		if err != nil {
			require.Equal(t, keyring.ErrToken, err)
		}
	})
}

func BenchmarkToken(b *testing.B) {
	r := generate(b)
	b.ReportAllocs()
	for b.Loop() {
		r.Token("offload", "order-2048")
	}
}

func BenchmarkVerifyToken(b *testing.B) {
	r := generate(b)
	token := r.Token("offload", "order-2048")
	b.ReportAllocs()
	for b.Loop() {
		if err := r.VerifyToken(token, "offload", "order-2048"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFingerprint(b *testing.B) {
	r := generate(b)
	body := make([]byte, 700)
	b.ReportAllocs()
	for b.Loop() {
		r.Fingerprint(body, "offload", "default")
	}
}
