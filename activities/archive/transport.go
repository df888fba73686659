package archive

import (
	"net/http"
	"time"

	"github.com/signalbox-dev/signalbox/activities/publicnet"
)

// newTransport returns the transport for downloads. It limits every wait except the one for the body, which the attempt's
// deadline and the stall timeout limit.
func newTransport(allowPrivate bool) *http.Transport {
	transport := publicnet.Transport(allowPrivate, 10*time.Second)
	transport.ResponseHeaderTimeout = 30 * time.Second
	transport.MaxIdleConnsPerHost = 2
	transport.DisableCompression = true // files are stored unchanged
	return transport
}
