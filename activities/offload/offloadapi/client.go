package offloadapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/sync/semaphore"
)

// Client calls one Offload API with one key. It is safe for concurrent use.
type Client struct {
	baseURL          string
	key              func() string // a function, because fmt prints the value of a string field
	maxResponseBytes int64
	now              func() time.Time
	observe          func(context.Context, string) (context.Context, func(Call))
	reads, writes    via
}

// via is an HTTP client with its limits; reads and writes have one each.
type via struct {
	http  *http.Client
	turns limiter
	// large has the places of large responses, from the reading of the body until it is decoded.
	large *semaphore.Weighted
}

// New returns a client, or an error with all mistakes in the configuration.
func New(cfg Config) (*Client, error) {
	cfg, err := cfg.normalized()
	if err != nil {
		return nil, err
	}
	return &Client{
		baseURL:          cfg.BaseURL,
		key:              func() string { return cfg.APIKey },
		maxResponseBytes: MaxResponseBytes,
		now:              cfg.Now,
		observe:          cfg.Observe,
		reads:            via{newHTTPClient(cfg.Timeout, readTransport), newLimiter(cfg.ReadsPerSecond, cfg), semaphore.NewWeighted(largeAtOnce)},
		writes:           via{newHTTPClient(cfg.Timeout, writeTransport), newLimiter(cfg.CallsPerSecond, cfg), semaphore.NewWeighted(largeAtOnce)},
	}, nil
}

// Close drops idle connections. Calls in flight go on.
func (c *Client) Close() {
	c.reads.http.CloseIdleConnections()
	c.writes.http.CloseIdleConnections()
}

// readTransport sets up the transport for GET. It keeps connections, and net/http may repeat a GET whose kept connection had died.
func readTransport(t *http.Transport) {
	t.ForceAttemptHTTP2 = true
	t.MaxIdleConnsPerHost = 8
	t.IdleConnTimeout = 90 * time.Second
}

// writeTransport sets up the transport for POST, which must reach Offload at most once.
//
// Each POST opens a new connection. The other side may close a kept connection just as the request goes out; then it is uncertain whether
// the request was carried out, and a person has to check. A new connection also prevents net/http from repeating a request, which it does on
// reused connections only. HTTP/2 is off because it repeats requests after GOAWAY.
func writeTransport(t *http.Transport) {
	t.DisableKeepAlives = true
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
}

func newHTTPClient(timeout time.Duration, apply func(*http.Transport)) *http.Client {
	connect := min(10*time.Second, timeout)
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: connect}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connect,
		ResponseHeaderTimeout:  timeout,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
	apply(transport)
	return &http.Client{
		Transport: transport,
		Timeout:   timeout,
		// Redirects are not followed: the key would go to another server, and a POST would be sent twice.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// caseRoute returns the path of a case, with suffix behind the ID.
func caseRoute(caseID string, suffix ...string) (string, error) {
	route := "/cases"
	for _, part := range append([]string{caseID}, suffix...) {
		// url.PathEscape keeps dots, and servers resolve these two to another route.
		if part == "" || part == "." || part == ".." {
			return "", fmt.Errorf("%w: %q is not an ID", ErrInvalidArgument, part)
		}
		route += "/" + url.PathEscape(part)
	}
	return route, nil
}

// get reads a route. It returns its data and the names of fields that were lost. See withoutSecrets for its errors.
func get[T checked](ctx context.Context, c *Client, op, route string) (data T, lost []string, err error) {
	began := c.now()
	ctx, ended := c.observe(ctx, op)
	defer func() {
		err = withoutSecrets(err, c.key())
		ended(Call{Took: c.now().Sub(began), Lost: len(lost), Err: err})
	}()
	response, err := c.send(ctx, c.reads, request{op: op, method: http.MethodGet, route: route})
	if err != nil {
		return data, nil, err
	}
	defer response.done()
	return decode[T](response)
}

// post sends body to a route and reads the response. Its errors never contain the secrets, even if the response does.
func post[T checked](ctx context.Context, c *Client, op, route string, body any, secrets ...string) (data T, err error) {
	began := c.now()
	ctx, ended := c.observe(ctx, op)
	defer func() {
		err = withoutSecrets(err, append(secrets, c.key())...)
		ended(Call{Took: c.now().Sub(began), Err: err})
	}()
	raw, err := marshal(body)
	if err != nil {
		return data, &Error{Op: op, Kind: NotSent, Err: errors.Join(ErrInvalidArgument, err)}
	}
	response, err := c.send(ctx, c.writes, request{op: op, method: http.MethodPost, route: route, body: raw})
	if err != nil {
		return data, err
	}
	defer response.done()
	data, _, err = decode[T](response)
	return data, err
}
