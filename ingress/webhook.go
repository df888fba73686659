package ingress

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// webhook makes deliveries of the verified bodies of one sender.
type webhook struct {
	provider, scope string
	peek            func(body []byte) (hook.Envelope, error)
	lane            func(hook.Envelope) string
	// encoding is the Content-Encoding of the request; empty for none.
	encoding string
}

func newWebhook[E any](of hook.Provider[E], scope string, lane func(hook.Envelope) string) webhook {
	return webhook{provider: of.Name, scope: scope, peek: of.Peek, lane: lane}
}

// delivery returns the delivery of a body: with its ID, dedupe key and fingerprint, and with the body sealed for this ID and lane alone. It
// fails only if the body can't be sealed.
func (w webhook) delivery(keys *keyring.Ring, plain []byte, at time.Time) (inbox.Delivery, error) {
	e, peekErr := w.peek(plain)
	id := inbox.NewID(at)
	d := inbox.Delivery{
		ID: id, Provider: w.provider, Scope: w.scope, Lane: w.lane(e), Kind: e.Kind, DedupeKey: e.DedupeKey,
		OccurredAt: e.OccurredAt, ReceivedAt: at, State: inbox.StatePending,
	}
	switch {
	case peekErr != nil:
		d.State, d.Reason = inbox.StateDead, peekErr.Error()
		if w.encoding != "" {
			d.Reason = fmt.Sprintf("Content-Encoding %q: %s", w.encoding, d.Reason)
		}
	case e.Ignored != "":
		d.State, d.Reason = inbox.StateIgnored, e.Ignored
	}
	d.Fingerprint = keys.Fingerprint(plain, d.Provider, d.Scope, d.Lane)
	if e.KeyByBody {
		d.DedupeKey = e.Kind + "/body/" + base64.RawURLEncoding.EncodeToString(d.Fingerprint)
	}
	var err error
	d.Body, err = keys.Seal(plain, hook.BodyContext(d.Provider, d.Lane, id)...)
	return d, err
}

// contentEncoding returns the Content-Encoding in lower case, cut to 40 bytes; empty for none and for identity.
func contentEncoding(r *http.Request) string {
	encoding := strings.ToLower(strings.ReplaceAll(strings.Join(r.Header.Values("Content-Encoding"), ","), " ", ""))
	if encoding == "identity" {
		return ""
	}
	const most = 40
	return encoding[:min(len(encoding), most)]
}
