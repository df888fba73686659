package postgres

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A text of PostgreSQL holds neither NUL nor what is not UTF-8, and a provider's JSON may hold both. Such bytes are written as \xNN,
// and so that these can be told apart a backslash is written twice. All other texts, nearly all that come, stay as they are.

// escape is how the tables hold a text; equal texts have equal spellings.
func escape(s string) string {
	if utf8.ValidString(s) && !strings.ContainsAny(s, "\x00\\") {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case r == 0, r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		default:
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

// unescape is the way back. What escape has not written comes back as it is.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		before, after, found := strings.Cut(s, `\`)
		b.WriteString(before)
		if !found {
			break
		}
		switch {
		case strings.HasPrefix(after, `\`):
			b.WriteByte('\\')
			s = after[1:]
		case strings.HasPrefix(after, "x") && len(after) >= 3:
			n, err := strconv.ParseUint(after[1:3], 16, 8)
			if err != nil {
				b.WriteByte('\\')
				s = after
				continue
			}
			b.WriteByte(byte(n))
			s = after[3:]
		default:
			b.WriteByte('\\')
			s = after
		}
	}
	return b.String()
}
