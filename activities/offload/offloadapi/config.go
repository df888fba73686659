package offloadapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/url"
	"strings"
	"time"
	"unicode"
)

const (
	// DefaultTimeout bounds a whole call. The only host that Offload has published is an AWS API gateway, which by default answers or gives up
	// within 30 seconds. A shorter timeout would make calls uncertain that are about to be answered.
	DefaultTimeout = 30 * time.Second
	// MaxResponseBytes bounds the decompressed body of a response. It is far above what Offload can store for a case (DynamoDB holds at most
	// 400 KB in an item).
	MaxResponseBytes = 16 << 20
	// smallResponseBytes is how much of MaxResponseBytes each response may always use. largeAtOnce is how many reads, and how many writes, may use
	// more at a time: a thousand polls with the largest responses would fill the memory.
	smallResponseBytes = 64 << 10
	largeAtOnce        = 4
)

// Config says which Offload to call and as whom. BaseURL and APIKey are required.
type Config struct {
	// BaseURL is the API's root, such as https://offload.example.com/prod. Offload publishes no fixed host.
	BaseURL string
	// APIKey is sent as x-api-key. Errors and a formatted Config never contain it.
	APIKey string `json:"-"`
	// AllowPlainHTTP allows http to another machine, so that the key is sent unencrypted. For simulators on a private network.
	AllowPlainHTTP bool
	// Timeout bounds one call from dialing to the last byte of the response. Default DefaultTimeout. The start-to-close timeout of an activity
	// must be longer, or the activity ends before the result of the call is known.
	Timeout time.Duration
	// CallsPerSecond limits the POSTs of this client, ReadsPerSecond its GETs. A request waits up to 5 seconds for its turn; if its turn is
	// later, it fails as NotSent and ErrPaced, with RetryAfter. 0 means no limit.
	CallsPerSecond, ReadsPerSecond float64
	// Now is the clock with which a Retry-After date is compared. Required.
	Now func() time.Time
	// Observe is called when a call begins, with its operation as in Error. It returns the context for the call, and a function for the result. It
	// may be nil.
	Observe func(ctx context.Context, op string) (context.Context, func(Call))
}

// Call describes a finished call.
type Call struct {
	Took time.Duration
	// Lost is how many fields of the response could not be read.
	Lost int
	// Err is nil, or an *Error.
	Err error
}

// Format prints the base URL only, for every verb: the key must not get into logs.
func (c Config) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, "offloadapi.Config("+c.BaseURL+")") // fmt has nowhere to report a failed write
}

// normalized returns the Config with defaults, or an error with all mistakes.
func (c Config) normalized() (Config, error) {
	var wrong []error
	base, err := parseBaseURL(c.BaseURL, c.AllowPlainHTTP)
	if err != nil {
		wrong = append(wrong, fmt.Errorf("base URL: %w", err))
	}
	c.BaseURL = base
	if err := CheckAPIKey(c.APIKey); err != nil {
		wrong = append(wrong, fmt.Errorf("api key: %w", err))
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Timeout < 0 {
		wrong = append(wrong, fmt.Errorf("timeout: %s is negative", c.Timeout))
	}
	if !UsableRate(c.CallsPerSecond) {
		wrong = append(wrong, fmt.Errorf("calls per second: %v is not between 0 and %d", c.CallsPerSecond, math.MaxInt32))
	}
	if !UsableRate(c.ReadsPerSecond) {
		wrong = append(wrong, fmt.Errorf("reads per second: %v is not between 0 and %d", c.ReadsPerSecond, math.MaxInt32))
	}
	if c.Observe == nil {
		c.Observe = func(ctx context.Context, _ string) (context.Context, func(Call)) { return ctx, func(Call) {} }
	}
	if c.Now == nil {
		wrong = append(wrong, errors.New("clock: missing"))
	}
	if len(wrong) > 0 {
		return Config{}, fmt.Errorf("offload client: %w", errors.Join(wrong...))
	}
	return c, nil
}

// CheckBaseURL returns what is wrong with the BaseURL of a Config without AllowPlainHTTP. The error does not contain a password.
func CheckBaseURL(text string) error {
	_, err := parseBaseURL(text, false)
	return err
}

// CheckAPIKey returns what is wrong with the APIKey of a Config. The error does not contain the key.
func CheckAPIKey(key string) error {
	switch {
	case key == "":
		return errors.New("must not be empty")
	case strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("must have only printable ASCII characters and no spaces or line breaks")
	}
	return nil
}

// parseBaseURL returns the URL without a slash at its end, so that a route can be appended.
func parseBaseURL(text string, allowPlainHTTP bool) (string, error) {
	if text == "" {
		return "", errors.New("must not be empty; Offload publishes no fixed host, so set it to yours")
	}
	u, err := url.Parse(text)
	// Only the host is shown: a password or a key may be in any other part, or in a text that is no URL.
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" || strings.ContainsFunc(text, unicode.IsSpace):
		return "", errors.New("want an absolute https URL without spaces and line ends")
	case u.User != nil:
		return "", errors.New("must have no user name or password; the API key has its own setting")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("must have no query and no fragment")
	case u.Scheme == "http" && !allowPlainHTTP && !isThisMachine(u.Hostname()):
		return "", fmt.Errorf("use https for %s: plain HTTP would send the API key unencrypted", u.Host)
	}
	return strings.TrimRight(u.String(), "/"), nil
}

func isThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
