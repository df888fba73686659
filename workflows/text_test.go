package workflows_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

// requireJSONLen compares JSONLen with the encoder.
func requireJSONLen(t *testing.T, text string) {
	t.Helper()
	encoded, err := json.Marshal(text)
	require.NoError(t, err)
	require.Equal(t, len(encoded)-2, workflows.JSONLen(text), "%q", text)
}

func requireClipped(t *testing.T, text string, most int) {
	t.Helper()
	clipped := workflows.Clip(text, most)
	require.LessOrEqual(t, workflows.JSONLen(clipped), most, "%q to %d", text, most)
	require.True(t, utf8.ValidString(clipped), "%q to %d", text, most)
	valid := strings.ToValidUTF8(text, "\uFFFD")
	if workflows.JSONLen(valid) <= most {
		require.Equal(t, valid, clipped)
		return
	}
	kept, cut := strings.CutSuffix(clipped, "…")
	require.True(t, cut && strings.HasPrefix(valid, kept), "%q to %d gives %q", text, most, clipped)
}

func TestEscapesOfEachCharacterAreCounted(t *testing.T) {
	t.Parallel()
	for r := range rune(0x3000) {
		requireJSONLen(t, string(r))
	}
	for _, text := range []string{"", "a", "😀", "\u2028\u2029", "\xff", "a\xffb", "\xe2\x80", "&&&\xa0\x80", "<&>\"\\\x7f", "\uFFFD", strings.Repeat("<", 1000)} {
		requireJSONLen(t, text)
		for _, most := range []int{3, 4, 8, 20, 27, 200} {
			requireClipped(t, text, most)
		}
	}
}

func TestClipKeepsAsMuchAsFits(t *testing.T) {
	t.Parallel()
	require.Equal(t, "abcdef", workflows.Clip("abcdef", 6))
	require.Equal(t, "ab…", workflows.Clip("abcdef", 5))
	require.Equal(t, "<…", workflows.Clip("<<", 11))
	require.Equal(t, "…", workflows.Clip("<<", 8))
	require.Equal(t, "…", workflows.Clip("日本語", 5))
	require.Equal(t, "日…", workflows.Clip("日本語", 8))
}

func FuzzClip(f *testing.F) {
	for _, text := range []string{"", "plain", "&&&\xa0\x80", "<\x00\xff\u2028", "日本語", "\xed\xa0\x80", "a\xc3"} {
		f.Add(text, 7)
		f.Add(text, 27)
	}
	f.Fuzz(func(t *testing.T, text string, most int) {
		requireJSONLen(t, text)
		if most >= len("…") && most < 1<<20 {
			requireClipped(t, text, most)
		}
	})
}

func TestTheSizeAsJSONIsThatOnTheWire(t *testing.T) {
	t.Parallel()
	require.Equal(t, len(`{"a":"\u003c"}`), workflows.JSONSize(map[string]string{"a": "<"}))
	require.Greater(t, workflows.JSONSize(func() {}), 1<<30, "what can't be encoded is too large to keep")
}
