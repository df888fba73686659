package workflows

import (
	"strings"
	"unicode/utf8"
)

// JSONLen returns the length of s in JSON as the Go encoder writes it, in bytes without the quotes.
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

// rawLen returns an upper bound of the length of a JSON value as the Go encoder writes it, in bytes. It also counts blanks between
// tokens.
func rawLen(raw []byte) int {
	n := len(raw)
	for i, c := range raw {
		switch {
		case c == '<', c == '>', c == '&':
			n += 5
		case c == 0xe2 && i+2 < len(raw) && raw[i+1] == 0x80 && raw[i+2]&^1 == 0xa8: // U+2028 and U+2029
			n += 3
		}
	}
	return n
}

// Clip shortens s to at most so many bytes of JSON, marks the cut with "…", and makes s valid UTF-8.
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
