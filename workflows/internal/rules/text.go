package rules

import (
	"strings"
	"unicode/utf8"
)

// JSONLen is the number of bytes of s inside JSON as the Go encoder writes it, without the quotes.
func JSONLen(s string) int {
	n := 0
	for i := 0; i < len(s); {
		if c := s[i]; c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&' {
			n, i = n+1, i+1
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		n += runeLen(r, size)
		i += size
	}
	return n
}

func runeLen(r rune, size int) int {
	switch {
	case r == '"', r == '\\', r == '\n', r == '\r', r == '\t', r == '\b', r == '\f':
		return 2
	case r < ' ', r == '<', r == '>', r == '&', r == '\u2028', r == '\u2029':
		return 6
	case r == utf8.RuneError && size == 1:
		return 6
	}
	return size
}

// Clip shortens s to at most that many bytes of JSON, marks the cut with "…", and makes it valid UTF-8.
func Clip(s string, most int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if JSONLen(s) <= most {
		return s
	}
	const mark = "…"
	n := len(mark)
	for i, r := range s {
		if n += runeLen(r, utf8.RuneLen(r)); n > most {
			return s[:i] + mark
		}
	}
	return s
}
