// Package retryafter reads the header Retry-After of an HTTP response.
package retryafter

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Parse returns the pause that the header asks for, in seconds or as an HTTP date (RFC 9110, 10.2.3). It returns 0 for any other value and for a
// date before now. The pause has no limit: the caller sets one.
func Parse(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if seconds, err := strconv.ParseInt(header, 10, 64); err == nil {
		if seconds > int64(math.MaxInt64/time.Second) {
			return math.MaxInt64
		}
		return time.Duration(max(seconds, 0)) * time.Second
	}
	date, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return max(date.Sub(now), 0)
}
