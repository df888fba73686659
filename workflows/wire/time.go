package wire

import (
	"strings"
	"time"
)

const (
	// never, in Unix milliseconds, is the last second of the year 9999. Offload sends it, with or without 999 ms, if nothing is scheduled. A
	// later time can't be written as JSON.
	never, afterNever = 253402300799000, 253402300800000
	// millisFrom separates milliseconds from seconds: in seconds it is in the year 5138, in milliseconds in March 1973.
	millisFrom = 1e11
)

// layouts are the formats with a zone, and those without, which mean UTC. Go also reads a fraction of a second in each.
var layouts = []string{
	time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07", "2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 Z0700", "2006-01-02 15:04:05Z0700", "2006-01-02 15:04:05",
	"Mon, 2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 -0700", "Monday, 02-Jan-06 15:04:05 -0700", time.ANSIC,
}

// instant reads a time, in UTC and to the millisecond: Unix milliseconds or seconds, with or without a fraction or quotes; RFC 3339, also
// without a zone or without the colon in it; RFC 1123, RFC 850 and ANSI C, as in HTTP dates. Offload's "never" and the number 0 become
// the zero time.
func instant(raw []byte) (time.Time, bool) {
	s, read := text(raw)
	if !read {
		return time.Time{}, false
	}
	s = strings.TrimSpace(s)
	if n, isNumber := parseNumber(s); isNumber {
		if n < millisFrom {
			n *= 1000
		}
		if n < 0 || n >= afterNever {
			return time.Time{}, false
		}
		return fromMillis(int64(n)), true
	}
	s = strings.ToUpper(s)
	for _, name := range []string{" GMT", " UTC", " UT"} {
		// Go would read any zone name, such as PST, as UTC; so only these names are accepted.
		if rest, cut := strings.CutSuffix(s, name); cut {
			s = rest + " +0000"
			break
		}
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			ms := t.UnixMilli()
			return fromMillis(ms), ms >= 0 && ms < afterNever
		}
	}
	return time.Time{}, false
}

func fromMillis(ms int64) time.Time {
	if ms <= 0 || ms >= never {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
