package rules_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

var hostile = []string{
	"plain words", "**bold** and _soft_", "[a link](http://evil.example)", "http://evil.example", "www.evil.example", "pat@evil.example",
	"<script>alert(1)</script>", "<http://evil.example>", "&lt;b&gt;", "# heading", "one\r# heading", "one\n\n# heading", "one\n> two", "one\u2028**two**",
	"    code", "\tcode", "```\ncode", "- list", "1. list", "a | b\n--|--", "~~gone~~", "![x](http://evil.example/x.png)", "text\n===", "text\n---",
	"right\u202eleft", "nul\x00", "\x1b[2J", "`tick`", "``", " ` ", "[ref]: http://evil.example", "a\\", "[^1]", "ftp://evil.example", "'; rm -rf ~; '", "$(id)", "`id`", "--help", "",
}

// kinds parses Markdown as the Web UI does and returns the kinds of nodes in it.
func kinds(t *testing.T, source string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	parser := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote)).Parser()
	err := ast.Walk(parser.Parse(text.NewReader([]byte(source))), func(n ast.Node, _ bool) (ast.WalkStatus, error) {
		found[n.Kind().String()] = true
		return ast.WalkContinue, nil
	})
	require.NoError(t, err)
	return found
}

func requireOnly(t *testing.T, source string, allowed ...string) {
	t.Helper()
	for kind := range kinds(t, source) {
		require.Contains(t, allowed, kind, "%q", source)
	}
}

func FuzzTextIsInertInMarkdown(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		requireOnly(t, "Asked: "+rules.Text(s)+" (end)", "Document", "Paragraph", "Text")
		requireOnly(t, rules.Quote(s), "Document", "Blockquote", "Paragraph", "Text")
		requireOnly(t, "before\n\n"+rules.Quote(s)+"\n\nafter", "Document", "Blockquote", "Paragraph", "Text")
		requireOnly(t, "ID "+rules.Code(s)+" (end)", "Document", "Paragraph", "Text", "CodeSpan")
	})
}

func TestTextReadsAsItWasWritten(t *testing.T) {
	t.Parallel()
	require.Equal(t, "Is a signed PDF ok?", rules.Text("Is a signed PDF ok?"))
	require.Equal(t, "> first\n>\n> second", rules.Quote("first\n\nsecond"))
	require.Equal(t, "`m-1`", rules.Code("m-1"))
	require.Equal(t, "`` a`b ``", rules.Code("a`b"))
}

func TestAShellWordIsOneArgumentAndRunsNothing(t *testing.T) {
	t.Parallel()
	for _, s := range append(hostile, "q-1", "it's", "a b", "*", "~", "!x", "a\\b", "ü") {
		requireOneArgument(t, s)
	}
	for s, want := range map[string]string{"q-1": "q-1", "a/b:c@d": "a/b:c@d", "": "''", "a b": "'a b'"} {
		word, ok := rules.ShellWord(s)
		require.True(t, ok)
		require.Equal(t, want, word)
	}
	for _, s := range []string{"-h", "--api=x", "a\nb", "\u202e"} {
		_, ok := rules.ShellWord(s)
		require.False(t, ok, "%q", s)
	}
}

func FuzzAShellWordIsOneArgument(f *testing.F) {
	for _, seed := range append(hostile, "", "q-1", "it's", "a b", "*", "~", "!x", "a\\b", "ü", "-h", "--api=x", "a\nb", "\u202e", "\xff", "'\"'$(id)`id`") {
		f.Add(seed)
	}
	f.Fuzz(requireOneArgument)
}

// requireOneArgument has a real shell print the word of a text: unchanged, and as one argument. Only an option, or a text with other than
// printable ASCII characters, may have no word.
func requireOneArgument(t *testing.T, s string) {
	t.Helper()
	word, ok := rules.ShellWord(s)
	if !ok {
		option := strings.HasPrefix(s, "-")
		require.True(t, option || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }), "%q", s)
		return
	}
	out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf '<%s>' "+word+" end").Output()
	require.NoError(t, err, "%q", s)
	require.Equal(t, "<"+s+"><end>", string(out))
}
