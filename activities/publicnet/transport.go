package publicnet

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// Transport returns a transport that connects to public addresses only. With allowPrivate it connects to every address, and through the proxy of
// the environment, which Control could not check. The caller sets the timeouts that its requests need.
func Transport(allowPrivate bool, connectTimeout time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: connectTimeout}
	transport := &http.Transport{
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connectTimeout,
		MaxResponseHeaderBytes: 64 << 10,
		IdleConnTimeout:        30 * time.Second,
		ForceAttemptHTTP2:      true,
	}
	if allowPrivate {
		transport.Proxy = http.ProxyFromEnvironment
	} else {
		dialer.Control = Control
	}
	transport.DialContext = dialer.DialContext
	return transport
}
