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
)

// Client calls one Offload API with one key. It is safe for concurrent use.
type Client struct {
	baseURL          string
	key              func() string // not a string: fmt shows every field, but of a function only the address
	maxResponseBytes int64
	now              func() time.Time
	observe          func(context.Context, string) (context.Context, func(Call))
	reads, writes    via
}

// via is how requests of a sort are sent.
type via struct {
	http  *http.Client
	turns limiter
}

// New returns a client, or an error that names everything in the configuration that can't be used.
func New(cfg Config) (*Client, error) {
	cfg, err := cfg.normalized()
	if err != nil {
		return nil, err
	}
	return &Client{
		baseURL:          cfg.BaseURL,
		key:              func() string { return cfg.APIKey },
		maxResponseBytes: cfg.MaxResponseBytes,
		now:              cfg.Now,
		observe:          cfg.Observe,
		reads:            via{newHTTPClient(cfg.Timeout, readTransport), newLimiter(cfg.ReadsPerSecond, cfg)},
		writes:           via{newHTTPClient(cfg.Timeout, writeTransport), newLimiter(cfg.CallsPerSecond, cfg)},
	}, nil
}

// Close drops idle connections. Calls in flight go on.
func (c *Client) Close() {
	c.reads.http.CloseIdleConnections()
	c.writes.http.CloseIdleConnections()
}

// readTransport is for GET: connections are kept, and the transport may repeat a GET whose kept connection had died.
func readTransport(t *http.Transport) {
	t.ForceAttemptHTTP2 = true
	t.MaxIdleConnsPerHost = 8
	t.IdleConnTimeout = 90 * time.Second
}

// writeTransport is for POST, which must reach Offload once at most and whose failures must be told apart.
//
// Each POST has a connection of its own: a kept one may be closed by the other side just as the request goes out, and that can't
// be told from a request that was carried out. Creating a case would end up uncertain, and a person asked, for no reason but to
// save a handshake. It also shuts off net/http's own repetition, which happens on reused connections only. HTTP/1.1, since HTTP/2
// repeats requests after GOAWAY by itself.
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
		// No redirect is followed: the key would go wherever the answer points, and a POST would be sent twice.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// caseRoute is the path of a case, of which suffix is the rest.
func caseRoute(caseID string, suffix ...string) (string, error) {
	route := "/cases"
	for _, part := range append([]string{caseID}, suffix...) {
		// Dots alone survive escaping, and servers fold them away: another route would be called.
		if part == "" || part == "." || part == ".." {
			return "", fmt.Errorf("%w: %q is no ID", ErrInvalidArgument, part)
		}
		route += "/" + url.PathEscape(part)
	}
	return route, nil
}

// get reads a route, and names the fields of its data that were lost.
func get[T checked](ctx context.Context, c *Client, op, route string) (data T, lost []string, err error) {
	began := c.now()
	ctx, ended := c.observe(ctx, op)
	defer func() { ended(Call{Took: c.now().Sub(began), Lost: len(lost), Err: err}) }()
	answer, err := c.send(ctx, c.reads, request{op: op, method: http.MethodGet, route: route})
	if err != nil {
		return data, nil, err
	}
	return decode[T](answer)
}

// post writes body to a route and reads the answer. No error repeats one of the secrets, even where the answer does.
func post[T checked](ctx context.Context, c *Client, op, route string, body any, secrets ...string) (data T, err error) {
	began := c.now()
	ctx, ended := c.observe(ctx, op)
	defer func() { ended(Call{Took: c.now().Sub(began), Err: err}) }()
	raw, err := marshal(body)
	if err != nil {
		return data, &Error{Op: op, Kind: NotSent, Err: errors.Join(ErrInvalidArgument, err)}
	}
	answer, err := c.send(ctx, c.writes, request{op: op, method: http.MethodPost, route: route, body: raw, secrets: secrets})
	if err != nil {
		return data, err
	}
	data, _, err = decode[T](answer)
	return data, err
}
