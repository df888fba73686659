package offloadapi

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"
)

// Defaults of Config.
const (
	// DefaultTimeout bounds a whole call. The one host that Offload ever published was an AWS API gateway, which by default gives up
	// after 29 or 30 seconds; giving up earlier would call uncertain what is about to be answered.
	DefaultTimeout = 30 * time.Second
	// defaultMaxResponseBytes is far above what Offload can store for a case (DynamoDB holds at most 400 KB in an item).
	defaultMaxResponseBytes = 16 << 20
)

// Config says which Offload to call and as whom. BaseURL and APIKey are required.
type Config struct {
	// BaseURL is the API's root, such as https://offload.example.com/prod. Offload publishes no fixed host.
	BaseURL string
	// APIKey is sent as x-api-key. It appears in no error and in no formatted Config.
	APIKey string `json:"-"`
	// AllowPlainHTTP lets the key travel unencrypted to a host other than this machine. For simulators on a private network.
	AllowPlainHTTP bool
	// Timeout bounds one call from dialing to the last byte of the answer. Default DefaultTimeout. An activity's start-to-close
	// timeout has to be longer, or it ends before the call can say what happened.
	Timeout time.Duration
	// MaxResponseBytes bounds the decompressed body of an answer. 0: 16 MiB.
	MaxResponseBytes int64
	// CallsPerSecond limits POSTs, ReadsPerSecond GETs: of this client alone. A request waits for its turn for some seconds; one whose
	// turn is later fails as NotSent and ErrPaced, with RetryAfter. 0: no limit.
	CallsPerSecond, ReadsPerSecond float64
	// Now is the clock against which a Retry-After date is read. Required.
	Now func() time.Time
	// Observe gets every call that has ended. It may be nil.
	Observe func(Call)
}

// Call is how a call ended.
type Call struct {
	// Op is the call, as in Error.
	Op   string
	Took time.Duration
	// Lost is how many fields of the answer could not be read.
	Lost int
	// Err is nil, or an *Error.
	Err error
}

// Format keeps the key out of logs whatever the verb.
func (c Config) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, "offloadapi.Config("+c.BaseURL+")") // fmt has nowhere to report a failed write
}

// normalized fills in defaults and names everything that can't be used.
func (c Config) normalized() (Config, error) {
	var wrong []error
	base, err := parseBaseURL(c.BaseURL, c.AllowPlainHTTP)
	if err != nil {
		wrong = append(wrong, err)
	}
	c.BaseURL = base
	switch {
	case c.APIKey == "":
		wrong = append(wrong, errors.New("api key: it is empty"))
	case strings.ContainsFunc(c.APIKey, func(r rune) bool { return r <= ' ' || r > '~' }):
		wrong = append(wrong, errors.New("api key: it has a space, a line break or a character that no header can carry"))
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Timeout < 0 {
		wrong = append(wrong, fmt.Errorf("timeout: %s is negative", c.Timeout))
	}
	if c.MaxResponseBytes == 0 {
		c.MaxResponseBytes = defaultMaxResponseBytes
	}
	if c.MaxResponseBytes < 0 {
		wrong = append(wrong, fmt.Errorf("max response bytes: %d is negative", c.MaxResponseBytes))
	}
	if !usableRate(c.CallsPerSecond) {
		wrong = append(wrong, fmt.Errorf("calls per second: %v is no rate", c.CallsPerSecond))
	}
	if !usableRate(c.ReadsPerSecond) {
		wrong = append(wrong, fmt.Errorf("reads per second: %v is no rate", c.ReadsPerSecond))
	}
	if c.Observe == nil {
		c.Observe = func(Call) {}
	}
	if c.Now == nil {
		wrong = append(wrong, errors.New("clock: it is missing"))
	}
	if len(wrong) > 0 {
		return Config{}, fmt.Errorf("offload client: %w", errors.Join(wrong...))
	}
	return c, nil
}

// parseBaseURL returns the URL without a slash at its end, so that a route can be put behind it.
func parseBaseURL(text string, allowPlainHTTP bool) (string, error) {
	if text == "" {
		return "", errors.New("base URL: it is empty; Offload publishes no fixed host, so it has to be configured")
	}
	u, err := url.Parse(text)
	if err != nil {
		// The parser's own message repeats the URL, which may hold a password.
		return "", errors.New("base URL: it is not a URL")
	}
	switch {
	case u.User != nil:
		return "", errors.New("base URL: it must hold no user name or password; the API key is its own setting")
	case u.Hostname() == "":
		return "", fmt.Errorf("base URL %q: it names no host", text)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", fmt.Errorf("base URL %q: it must have no query and no fragment", text)
	case u.Scheme == "https":
	case u.Scheme == "http" && (allowPlainHTTP || isThisMachine(u.Hostname())):
	case u.Scheme == "http":
		return "", fmt.Errorf("base URL %q: use https, or allow plain HTTP: the API key would travel unencrypted", text)
	default:
		return "", fmt.Errorf("base URL %q: want https", text)
	}
	return strings.TrimRight(u.String(), "/"), nil
}

func isThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
