package rules

import (
	"regexp"
	"strings"
)

// MarkdownQuote is a text of others as Markdown that shows it as it is: every line is quoted code, so nothing in it becomes bold, a link, or a
// line outside the quotation.
func MarkdownQuote(text string) string { return "> " + strings.Join(codeLines(text), "\n> ") }

// MarkdownCode is a text of this program, with words of others in it, as a block of Markdown code.
func MarkdownCode(text string) string { return strings.Join(codeLines(text), "\n") }

func codeLines(text string) []string {
	lines := lineBreak.Split(text, -1)
	for i, line := range lines {
		lines[i] = "    " + line
	}
	return lines
}

// lineBreak is whatever a reader of text may take for the end of a line.
var lineBreak = regexp.MustCompile("\r\n|[\n\r\v\f\u0085\u2028\u2029]")

var plainWord = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// IsPlainWord says whether s can stand in Markdown and in a shell command as it is.
func IsPlainWord(s string) bool { return plainWord.MatchString(s) }

// ShellWord is s as one word of a shell command that is safe to paste.
func ShellWord(s string) string {
	if IsPlainWord(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
