package rules

import (
	"regexp"
	"strings"
	"unicode"
)

// What providers and people write is shown in Markdown (the Web UI's details) and in commands to paste. The functions here make it inert: it
// is seen as it was written, and does nothing.

// markdownSpecial are the characters that mean something in Markdown, in links without brackets, and in HTML.
const markdownSpecial = "\\`*_{}[]<>()#+-!|~&:@./=$^"

// Text is one line of inert Markdown text: special characters are escaped, line breaks and other control characters become blanks.
func Text(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case unprintable(r):
			b.WriteByte(' ')
		case strings.ContainsRune(markdownSpecial, r):
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Quote is a Markdown quotation of the text, line by line.
func Quote(s string) string {
	lines := strings.FieldsFunc(s, lineBreak)
	for i, line := range lines {
		lines[i] = "> " + strings.TrimSpace(Text(line))
	}
	return strings.Join(lines, "\n>\n")
}

// lineBreak says whether some Markdown reader may break the line there.
func lineBreak(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}

// Code is inert Markdown code within a line.
func Code(s string) string {
	s = strings.Map(func(r rune) rune {
		if unprintable(r) {
			return ' '
		}
		return r
	}, s)
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if fence == "`" && s != "" && strings.TrimSpace(s) == s {
		return fence + s + fence
	}
	// The blanks are needed where the code begins or ends with a backtick, and are not shown.
	return fence + " " + s + " " + fence
}

// ShellWord is one word of a command for a POSIX shell, quoted where that is needed. ok is false where the text can't be pasted safely: it holds
// characters that can't be seen, or the command would take it for an option. The command then has to name a placeholder.
func ShellWord(s string) (word string, ok bool) {
	switch {
	case strings.ContainsFunc(s, unprintable) || strings.HasPrefix(s, "-"):
		return "", false
	case plainWord.MatchString(s):
		return s, true
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'", true
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9._/:@%+,-]+$`)

// unprintable is true for control characters, for those that change the direction of text, and for other invisible ones.
func unprintable(r rune) bool { return !unicode.IsPrint(r) }
