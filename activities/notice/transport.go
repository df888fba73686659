package notice

import (
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
	transport := publicnet.Transport(allowPrivate, postTimeout)
	transport.ResponseHeaderTimeout = postTimeout
	transport.MaxIdleConnsPerHost = 8
	return transport
}
