package operator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// Show implements Operations.
func (d *Desk) Show(ctx context.Context, request ShowRequest) (Shown, error) {
	one, err := d.parts.Inbox.Get(ctx, request.ID)
	if err != nil {
		return Shown{}, err
	}
	shown := Shown{Delivery: row(one)}
	plain, withheld, err := d.open(one)
	if err != nil {
		return Shown{}, err
	}
	switch {
	case withheld != "":
		shown.Withheld = withheld
		return shown, nil
	case !request.Reveal:
		shown.Body, shown.Redacted = redact(plain)
		if shown.Body == nil {
			shown.Withheld = "it is not JSON, so that what is secret in it can't be told; it is shown only when revealed"
		}
		return shown, nil
	}
	d.did(ctx, "revealed a body", zap.String("delivery", one.ID))
	if json.Valid(plain) {
		shown.Body = plain
	} else {
		shown.Raw = plain
	}
	return shown, nil
}

// unverified begins the kind of what came from the quarantine, whatever became of it since: its body is packed together with the
// signature that did not fit.
const unverified = "unverified"

// open returns the body as it came, without a byte order mark, or in words why there is none to see.
func (d *Desk) open(one inbox.Delivery) (plain []byte, withheld string, err error) {
	switch {
	case len(one.Body) == 0:
		return nil, "it is past its retention", nil
	case d.parts.Keys == nil:
		return nil, "it is sealed, and no keyring is set", nil
	}
	plain, err = d.parts.Keys.Open(one.Body, hook.BodyContext(one.Provider, one.Lane, one.ID)...)
	switch {
	case errors.Is(err, keyring.ErrOpen):
		return nil, "the keyring does not open it", nil
	case err != nil:
		return nil, "", fmt.Errorf("open body of %s: %w", one.ID, err)
	}
	if one.Lane == "" && strings.HasPrefix(one.Kind, unverified) {
		_, _, plain = hook.Unpack(plain)
	}
	return bytes.TrimPrefix(plain, []byte("\xef\xbb\xbf")), "", nil
}
