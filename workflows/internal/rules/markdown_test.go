package rules_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

func TestEveryLineOfAQuotationIsQuotedCode(t *testing.T) {
	t.Parallel()
	require.Equal(t, ">     a", rules.MarkdownQuote("a"))
	for _, lineBreak := range []string{"\n", "\r", "\r\n", "\v", "\f", "\u0085", "\u2028", "\u2029"} {
		require.Equal(t, ">     a\n>     **b**", rules.MarkdownQuote("a"+lineBreak+"**b**"), "%q", lineBreak)
		require.Equal(t, "    a\n    b", rules.MarkdownCode("a"+lineBreak+"b"), "%q", lineBreak)
	}
}

func TestAShellWordIsOneWord(t *testing.T) {
	t.Parallel()
	require.Equal(t, "q1", rules.ShellWord("q1"))
	for _, odd := range []string{"", "-x", "a b", "$(x)", "`x`", "a'b", "~", "a;b"} {
		word := rules.ShellWord(odd)
		require.Equal(t, "'"+strings.ReplaceAll(odd, "'", `'\''`)+"'", word)
		require.False(t, rules.IsPlainWord(odd))
	}
}
