package rules

import (
	"regexp"
	"strings"
	"unicode"
)

// Texts of providers and people appear in Markdown (the Web UI's details) and in commands to paste. These functions make them inert: a
// reader sees the text as it was written, and it has no effect.

// markdownSpecial are the characters with a meaning in Markdown, in bare links, or in HTML.
const markdownSpecial = "\\`*_{}[]<>()#+-!|~&:@./=$^"

// Text returns one line of inert Markdown: special characters are escaped; line breaks and control characters become spaces.
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

// Quote returns the text as a Markdown quotation, line by line.
func Quote(s string) string {
	lines := strings.FieldsFunc(s, lineBreak)
	for i, line := range lines {
		lines[i] = "> " + strings.TrimSpace(Text(line))
	}
	return strings.Join(lines, "\n>\n")
}

// lineBreak reports whether a Markdown reader may break the line at r.
func lineBreak(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}

// Code returns the text as inert inline code in Markdown.
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
	// Markdown needs these spaces if the code begins or ends with a backtick, and does not show them.
	return fence + " " + s + " " + fence
}

// ShellWord returns the text as one word of a POSIX shell command, quoted if needed. ok is false if the text can't be pasted safely: it
// has invisible characters, or begins like an option. Use a placeholder then.
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

// unprintable reports control characters, characters that change the direction of text, and other invisible ones.
func unprintable(r rune) bool { return !unicode.IsPrint(r) }
