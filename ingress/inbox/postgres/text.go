package postgres

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A text of PostgreSQL holds neither NUL nor what is not UTF-8, and a provider's JSON may hold both. Such bytes are written as \xNN, and
// so that these can be told apart a backslash is written twice. In an expression U+FFFD also matches each byte that is not UTF-8.
var unfit, escaped = regexp.MustCompile(`[\\\x00\x{FFFD}]`), regexp.MustCompile(`\\(?:\\|x[0-9a-f]{2})`)

// escape is how the tables hold a text; equal texts have equal spellings.
func escape(s string) string {
	if utf8.ValidString(s) && !strings.ContainsAny(s, "\x00\\") {
		return s
	}
	return unfit.ReplaceAllStringFunc(s, func(one string) string {
		switch one {
		case `\`:
			return `\\`
		case "\uFFFD":
			return one
		default:
			return fmt.Sprintf(`\x%02x`, one[0])
		}
	})
}

// unescape is the way back. What escape has not written comes back as it is.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return escaped.ReplaceAllStringFunc(s, func(one string) string {
		n, err := strconv.ParseUint(strings.TrimPrefix(one, `\x`), 16, 8)
		if err != nil {
			return `\`
		}
		return string([]byte{byte(n)})
	})
}
