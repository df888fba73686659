package notice

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/signalbox-dev/signalbox/activities/publicnet"
)

// postTimeout bounds a whole post with its response.
const postTimeout = 15 * time.Second

// newClient returns a client that follows no redirects: only the configuration decides where notices go.
func newClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		Timeout:       postTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// newTransport returns the transport for posts. It connects to public addresses only, unless private ones are allowed.
func newTransport(allowPrivate bool) *http.Transport {
	dialer := &net.Dialer{Timeout: postTimeout}
	transport := &http.Transport{
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    postTimeout,
		ResponseHeaderTimeout:  postTimeout,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        30 * time.Second,
		ForceAttemptHTTP2:      true,
	}
	if allowPrivate {
		transport.Proxy = http.ProxyFromEnvironment
	} else {
		dialer.Control = publicnet.Control
	}
	transport.DialContext = dialer.DialContext
	return transport
}
