package hash_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox/internal/hash"
)

func TestStoredHashesNeverChange(t *testing.T) {
	t.Parallel()
	require.Equal(t, int64(-1444252967861565025), hash.Lane("offload-case/order-1"))
	require.Equal(t, "2d39301143a05ce5b1829c1081d46b61", fmt.Sprintf("%x", hash.Key("offload", "default", "offload-case/order-1", "evt_1")))
}

func TestListsOfPartsNeverShareAKey(t *testing.T) {
	t.Parallel()
	lists := [][]string{
		nil,
		{""},
		{"", ""},
		{"a"},
		{"a", ""},
		{"", "a"},
		{"abc"},
		{"ab", "c"},
		{"a", "bc"},
		{"a", "b", "c"},
		{"\x01a"},
		{"\x01a\x02bc"},
		{string(make([]byte, 127))},
		{string(make([]byte, 128))},
		{string(make([]byte, 300))},
	}
	seen := map[[hash.KeySize]byte][]string{}
	for _, parts := range lists {
		key := hash.Key(parts...)
		require.NotContains(t, seen, key, "%q and %q", parts, seen[key])
		seen[key] = parts
	}
}

// Two lists of parts that are not the same list have other keys, however their parts run together.
func FuzzListsOfPartsNeverShareAKey(f *testing.F) {
	f.Add("a|bc", "ab|c")
	f.Add("", "|")
	f.Add("\x01a|\x02bc", "\x01a\x02bc")
	f.Fuzz(func(t *testing.T, one, other string) {
		same := one == other
		require.Equal(t, same, hash.Key(strings.Split(one, "|")...) == hash.Key(strings.Split(other, "|")...))
	})
}
