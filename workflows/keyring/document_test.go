package keyring_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

func marshal(t testing.TB, r *keyring.Ring) []byte {
	t.Helper()
	b, err := r.Marshal()
	require.NoError(t, err)
	return b
}

// field returns one keyset of a document as it stands there.
func field(t testing.TB, document []byte, name string) string {
	t.Helper()
	var fields map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(document, &fields))
	return string(fields[name])
}

func TestAMarshalledRingParsesToTheSameKeys(t *testing.T) {
	t.Parallel()
	r := rotate(t, generate(t))
	sealed, err := r.Seal([]byte("body"), "ctx")
	require.NoError(t, err)

	parsed, err := keyring.Parse(marshal(t, r))
	require.NoError(t, err)
	require.Equal(t, r.Token("ctx"), parsed.Token("ctx"))
	require.Equal(t, r.Fingerprint([]byte("body")), parsed.Fingerprint([]byte("body")))
	plain, err := parsed.Open(sealed, "ctx")
	require.NoError(t, err)
	require.Equal(t, "body", string(plain))
	require.Equal(t, r.String(), parsed.String())
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	good := marshal(t, generate(t))
	aead, mac := field(t, good, "aead"), field(t, good, "mac")
	disabled := strings.ReplaceAll(mac, "ENABLED", "DISABLED")
	for name, tc := range map[string]struct{ document, want string }{
		"not JSON":           {"AES256 key please", "not valid JSON"},
		"an array":           {"[]", "not valid JSON"},
		"cut":                {string(good[:len(good)/2]), "not valid JSON"},
		"unknown field":      {`{"version":1,"aaed":{}}`, "unknown field"},
		"two documents":      {string(good) + string(good), "followed by more data"},
		"no version":         {`{"aead":` + aead + `,"mac":` + mac + `}`, "the document is no keyring: it has no version"},
		"another document":   {`{}`, "the document is no keyring: it has no version"},
		"newer version":      {`{"version":2,"aead":` + aead + `,"mac":` + mac + `}`, "version 2"},
		"no sealing keyset":  {`{"version":1,"mac":` + mac + `}`, `no "aead" keyset`},
		"null token keyset":  {`{"version":1,"aead":` + aead + `,"mac":null}`, `no "mac" keyset`},
		"empty keyset":       {`{"version":1,"aead":{},"mac":` + mac + `}`, `"aead" in the key document is not a valid Tink keyset`},
		"keyset of a string": {`{"version":1,"aead":` + aead + `,"mac":"x"}`, `"mac" in the key document is not a valid Tink keyset`},
		"keysets swapped":    {`{"version":1,"aead":` + mac + `,"mac":` + aead + `}`, "sealing keyset is unusable"},
		"twice sealing keys": {`{"version":1,"aead":` + aead + `,"mac":` + aead + `}`, "token keyset is unusable"},
		"disabled primary":   {`{"version":1,"aead":` + aead + `,"mac":` + disabled + `}`, `"mac" in the key document is not a valid Tink keyset`},
	} {
		r, err := keyring.Parse([]byte(tc.document))
		require.ErrorContains(t, err, tc.want, name)
		require.NotErrorIs(t, err, keyring.ErrEmpty, name)
		require.Nil(t, r, name)
	}
}

func TestParseRefusesAnEmptyDocumentBySentinel(t *testing.T) {
	t.Parallel()
	for _, blank := range []string{"", " ", "\n\t\r\n"} {
		_, err := keyring.Parse([]byte(blank))
		require.ErrorIs(t, err, keyring.ErrEmpty)
	}
}

func TestParseErrorsDoNotQuoteKeys(t *testing.T) {
	t.Parallel()
	good := string(marshal(t, generate(t)))
	var doc struct {
		AEAD struct {
			Key []struct{ KeyData struct{ Value string } }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(good), &doc))
	secret := doc.AEAD.Key[0].KeyData.Value
	for _, damaged := range []string{
		strings.Replace(good, secret, "!"+secret, 1),
		strings.Replace(good, secret, secret[:len(secret)/2], 1),
		strings.Replace(good, `"`+secret+`"`, `["`+secret+`"]`, 1),
	} {
		_, err := keyring.Parse([]byte(damaged))
		require.Error(t, err)
		require.NotContains(t, err.Error(), secret[:8])
	}
}

func FuzzParse(f *testing.F) {
	good := marshal(f, rotate(f, generate(f)))
	f.Add(good)
	f.Add(good[:len(good)-20])
	f.Add([]byte(`{"version":1,"aead":{},"mac":{}}`))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := keyring.Parse(b)
		if err != nil {
			require.Nil(t, r)
			return
		}
		again, err := keyring.Parse(marshal(t, r))
		require.NoError(t, err, "what parses can be written and parsed again")
		require.NoError(t, again.VerifyToken(r.Token("a"), "a"))
		sealed, err := r.Seal([]byte("body"), "a")
		require.NoError(t, err)
		plain, err := again.Open(sealed, "a")
		require.NoError(t, err)
		require.Equal(t, "body", string(plain))
	})
}

func TestADocumentSaysWhetherItIsForPayloads(t *testing.T) {
	t.Parallel()
	sealing := generate(t)
	require.False(t, sealing.ForPayloads())
	require.NotContains(t, string(marshal(t, sealing)), `"use"`)
	payloads, err := keyring.GenerateForPayloads()
	require.NoError(t, err)
	for _, change := range []func() (*keyring.Ring, error){payloads.Stage, payloads.Promote, payloads.Retire} {
		changed, err := change()
		require.NoError(t, err)
		parsed, err := keyring.Parse(marshal(t, changed))
		require.NoError(t, err)
		require.True(t, parsed.ForPayloads())
	}
	_, err = keyring.Parse(bytes.Replace(marshal(t, payloads), []byte(`"payloads"`), []byte(`"else"`), 1))
	require.ErrorContains(t, err, "does not know")

	path := filepath.Join(t.TempDir(), "keys.json")
	made, err := keyring.LoadOrCreateForPayloads(path)
	require.NoError(t, err)
	again, err := keyring.LoadOrCreateForPayloads(path)
	require.NoError(t, err)
	require.Equal(t, made.SealingKeyIDs(), again.SealingKeyIDs())
	require.Equal(t, []uint32{made.SealingKeyID()}, made.SealingKeyIDs())
}
