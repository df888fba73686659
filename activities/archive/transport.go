package archive

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/signalbox-dev/signalbox/activities/publicnet"
)

// newTransport returns the transport for downloads. It limits every wait except the one for the body, which the attempt's
// deadline and the stall timeout limit.
func newTransport(allowPrivate bool) *http.Transport {
	const connect = 10 * time.Second
	dialer := &net.Dialer{Timeout: connect}
	transport := &http.Transport{
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connect,
		ResponseHeaderTimeout:  30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        30 * time.Second,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // files are stored unchanged
	}
	if allowPrivate {
		transport.Proxy = http.ProxyFromEnvironment
	} else {
		dialer.Control = publicnet.Control
	}
	transport.DialContext = dialer.DialContext
	return transport
}
