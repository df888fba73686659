package archive

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/signalbox-dev/signalbox/activities/publicnet"
)

// newTransport returns the transport for downloads. It bounds every wait but that for the body, which the attempt and the stall bound.
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
