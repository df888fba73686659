package inboxadmin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// Shown is a delivery with Body if its body is JSON, or Raw if it is not. Withheld says why it has neither.
type Shown struct {
	inbox.Delivery
	Body     json.RawMessage `json:"body,omitempty"`
	Raw      []byte          `json:"raw,omitempty"`
	Redacted bool            `json:"redacted,omitempty"`
	Withheld string          `json:"withheld,omitempty"`
}

// Show returns a delivery without the secret and personal parts of its body.
func (a Admin) Show(ctx context.Context, id string) (Shown, error) {
	shown, plain, err := a.open(ctx, id)
	if err != nil || shown.Withheld != "" {
		return shown, err
	}
	body, hidden, ok := hook.Redact(plain)
	if !ok {
		shown.Withheld = "the body is not JSON, so its secret parts can't be hidden; reveal the delivery to see it"
		return shown, nil
	}
	shown.Body, shown.Redacted = body, hidden
	return shown, nil
}

// Reveal returns a delivery with its whole body, after the inbox has recorded the person.
func (a Admin) Reveal(ctx context.Context, id string) (Shown, error) {
	shown, plain, err := a.open(ctx, id)
	if err != nil || shown.Withheld != "" {
		return shown, err
	}
	if err := a.record(ctx, actReveal, id); err != nil {
		return Shown{}, err
	}
	if json.Valid(plain) {
		shown.Body = plain
	} else {
		shown.Raw = plain
	}
	return shown, nil
}

// unverifiedKind is the prefix of the kind of a quarantined delivery, whose body is packed with the signatures.
const unverifiedKind = "unverified"

// open returns the whole body, or a Shown that says why it is withheld.
func (a Admin) open(ctx context.Context, id string) (shown Shown, plain []byte, err error) {
	one, err := a.Inbox.Get(ctx, id)
	if err != nil {
		return Shown{}, nil, err
	}
	shown = Shown{Delivery: one}
	switch {
	case len(one.Body) == 0:
		shown.Withheld = "the body was purged"
		return shown, nil, nil
	case a.Keys == nil:
		shown.Withheld = "the body is sealed, and no keyring is set; set --keyring (SIGNALBOX_KEYRING)"
		return shown, nil, nil
	}
	plain, err = a.Keys.Open(one.Body, hook.BodyContext(one.Provider, one.Lane, one.ID)...)
	switch {
	case errors.Is(err, keyring.ErrOpen):
		shown.Withheld = "this keyring can't open the body"
		return shown, nil, nil
	case err != nil:
		return Shown{}, nil, fmt.Errorf("open body of %s: %w", one.ID, err)
	}
	if providers[one.Provider].quarantines && one.Lane == "" && strings.HasPrefix(one.Kind, unverifiedKind) {
		_, _, plain = hook.Unpack(plain)
	}
	return shown, plain, nil
}
