package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

func (p process) inboxShow() *cobra.Command {
	var reveal, asJSON bool
	show := p.operate(&cobra.Command{
		Use:   "show ID",
		Short: "Show a delivery, and of its body what is neither secret nor personal",
		Long: `Show a delivery, and of its body what is neither secret nor personal: documented IDs, times, numbers, flags and statuses. API keys, people,
their words, results and undocumented fields are hidden. With --reveal the body is shown as it came, after the inbox has recorded who asked.`,
		Args: cobra.ExactArgs(1),
	}, func(cmd *cobra.Command, args []string, on desk) error {
		d, err := on.Get(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		plain, withheld, err := on.openBody(d)
		if err != nil {
			return err
		}
		shown := shownDelivery{Delivery: d, Withheld: withheld}
		switch {
		case withheld != "":
		case reveal:
			if err := on.record(cmd.Context(), actReveal, d.ID); err != nil {
				return err
			}
			shown.reveal(plain)
		default:
			shown.redact(plain)
		}
		if err := p.show(cmd, asJSON, shown, deliveryRows(d)); err != nil || asJSON {
			return err
		}
		return p.showBody(cmd, shown)
	}, "keyring")
	show.Flags().BoolVar(&reveal, "reveal", false, "show the body as it came, with keys and personal data; the inbox records who asked")
	jsonFlag(show, &asJSON)
	return show
}

// shownDelivery is a delivery with at most one of Body, where it is JSON, and Raw, where it is not. Withheld says why neither is there.
type shownDelivery struct {
	inbox.Delivery
	Body     json.RawMessage `json:"body,omitempty"`
	Raw      []byte          `json:"raw,omitempty"`
	Redacted bool            `json:"redacted,omitempty"`
	Withheld string          `json:"withheld,omitempty"`
}

func (s *shownDelivery) reveal(plain []byte) {
	if json.Valid(plain) {
		s.Body = plain
	} else {
		s.Raw = plain
	}
}

func (s *shownDelivery) redact(plain []byte) {
	body, hidden, ok := hook.Redact(plain)
	if !ok {
		s.Withheld = "it is not JSON, so its secret parts can't be hidden; --reveal shows it"
		return
	}
	s.Body, s.Redacted = body, hidden
}

// unverifiedKind begins the kind of what came from the quarantine: its body is packed with the signature that did not fit.
const unverifiedKind = "unverified"

// openBody returns the body as it came, or in words why it can't be seen.
func (d desk) openBody(one inbox.Delivery) (plain []byte, withheld string, err error) {
	switch {
	case len(one.Body) == 0:
		return nil, "it has been purged", nil
	case d.settings.Keyring == "":
		return nil, "it is sealed, and no keyring is set: --keyring (SIGNALBOX_KEYRING)", nil
	}
	keys, err := readKeyring(d.settings.Keyring)
	if err != nil {
		return nil, "", err
	}
	plain, err = keys.Open(one.Body, hook.BodyContext(one.Provider, one.Lane, one.ID)...)
	switch {
	case errors.Is(err, keyring.ErrOpen):
		return nil, "the keyring does not open it", nil
	case err != nil:
		return nil, "", fmt.Errorf("open body of %s: %w", one.ID, err)
	}
	if one.Provider == artmail.Name && one.Lane == "" && strings.HasPrefix(one.Kind, unverifiedKind) {
		_, _, plain = hook.Unpack(plain)
	}
	return plain, "", nil
}

func (p process) showBody(cmd *cobra.Command, shown shownDelivery) error {
	switch {
	case shown.Withheld != "":
		return p.say(cmd, "body: not shown: %s\n", shown.Withheld)
	case shown.Raw != nil:
		return p.say(cmd, "body (not JSON):\n%s\n", printable(string(shown.Raw)))
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, shown.Body, "", "  "); err != nil {
		return fmt.Errorf("format body: %w", err)
	}
	title := "body"
	if shown.Redacted {
		title = "body (redacted)"
	}
	// The values of a document may hold what JSON allows and a terminal obeys.
	return p.say(cmd, "%s:\n%s\n", title, printable(indented.String()))
}
