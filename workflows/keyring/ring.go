package keyring

import (
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/mac"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Ring holds the keys that seal and the keys that make tokens. Make one with Generate, Parse
// or LoadOrCreate; the zero Ring is not usable.
type Ring struct {
	use      string
	aeadKeys *keyset.Handle
	macKeys  *keyset.Handle

	// Tink resolves keys when a primitive is built, far too slow to do per call.
	aead        tink.AEAD
	mac         tink.MAC
	fingerprint tink.MAC
}

// Generate makes a Ring with one new key in each keyset.
func Generate() (*Ring, error) { return generate("") }

// GenerateForPayloads makes a Ring as Generate does, marked as one for payloads: its document can't be taken for another one.
func GenerateForPayloads() (*Ring, error) { return generate(usePayloads) }

// ForPayloads says whether the keys are for payloads.
func (r *Ring) ForPayloads() bool { return r.use == usePayloads }

func generate(use string) (*Ring, error) {
	aeadKeys, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("keyring: generate sealing key: %w", err)
	}
	macKeys, err := keyset.NewHandle(mac.HMACSHA256Tag256KeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("keyring: generate token key: %w", err)
	}
	return newRing(use, aeadKeys, macKeys)
}

// Stage returns a Ring that knows one new key in each keyset but does not use it yet. Every
// process that shares the keys must know a new key before any of them uses it: otherwise one
// refuses the token that another has just made. So give all of them the staged Ring first,
// then the promoted one.
func (r *Ring) Stage() (*Ring, error) {
	aeadKeys, err := withNewKey(r.aeadKeys, aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("keyring: stage sealing key: %w", err)
	}
	macKeys, err := withNewKey(r.macKeys, mac.HMACSHA256Tag256KeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("keyring: stage token key: %w", err)
	}
	return newRing(r.use, aeadKeys, macKeys)
}

// Promote returns a Ring that uses the newest key of each keyset, and still opens and
// verifies with all older ones. It changes nothing where the newest is in use already.
func (r *Ring) Promote() (*Ring, error) {
	aeadKeys, err := withPrimary(r.aeadKeys, r.aeadKeys.Len()-1)
	if err != nil {
		return nil, fmt.Errorf("keyring: promote sealing key: %w", err)
	}
	macKeys, err := withPrimary(r.macKeys, r.macKeys.Len()-1)
	if err != nil {
		return nil, fmt.Errorf("keyring: promote token key: %w", err)
	}
	return newRing(r.use, aeadKeys, macKeys)
}

// String names the keys in use by their ids, which are public: each token begins with one.
// No formatting verb prints key material.
func (r *Ring) String() string {
	if r == nil || r.aeadKeys == nil {
		return "keyring.Ring(empty)"
	}
	return fmt.Sprintf("keyring.Ring(sealing key %d of %d, token key %d of %d)",
		r.aeadKeys.KeysetInfo().GetPrimaryKeyId(), r.aeadKeys.Len(),
		r.macKeys.KeysetInfo().GetPrimaryKeyId(), r.macKeys.Len())
}

// Format answers every verb with String, so that no verb reaches the fields.
func (r *Ring) Format(s fmt.State, _ rune) {
	// A failed write is the printer's own to report: fmt.State offers no way to pass it on.
	_, _ = s.Write([]byte(r.String()))
}

func newRing(use string, aeadKeys, macKeys *keyset.Handle) (*Ring, error) {
	sealer, err := aead.New(aeadKeys)
	if err != nil {
		return nil, fmt.Errorf("keyring: sealing keyset is unusable: %w", err)
	}
	tokens, err := mac.New(macKeys)
	if err != nil {
		return nil, fmt.Errorf("keyring: token keyset is unusable: %w", err)
	}
	oldest, err := oldestEnabled(macKeys)
	if err != nil {
		return nil, err
	}
	fingerprintKeys, err := withPrimary(macKeys, oldest)
	if err != nil {
		return nil, fmt.Errorf("keyring: fingerprint key: %w", err)
	}
	fingerprints, err := mac.New(fingerprintKeys)
	if err != nil {
		return nil, fmt.Errorf("keyring: fingerprint key is unusable: %w", err)
	}
	// Each makes a MAC once here, so that a keyset which cannot is refused and Token and
	// Fingerprint need no error result.
	for _, key := range []tink.MAC{tokens, fingerprints} {
		if _, err := key.ComputeMAC(nil); err != nil {
			return nil, fmt.Errorf("keyring: token keyset makes no MAC: %w", err)
		}
	}
	return &Ring{use: use, aeadKeys: aeadKeys, macKeys: macKeys, aead: sealer, mac: tokens, fingerprint: fingerprints}, nil
}

func withNewKey(keys *keyset.Handle, template *tinkpb.KeyTemplate) (*keyset.Handle, error) {
	manager := keyset.NewManagerFromHandle(keys)
	if _, err := manager.Add(template); err != nil {
		return nil, fmt.Errorf("add key: %w", err)
	}
	return manager.Handle()
}

func withPrimary(keys *keyset.Handle, index int) (*keyset.Handle, error) {
	entry, err := keys.Entry(index)
	if err != nil {
		return nil, fmt.Errorf("find key: %w", err)
	}
	manager := keyset.NewManagerFromHandle(keys)
	if err := manager.SetPrimary(entry.KeyID()); err != nil {
		return nil, fmt.Errorf("use key %d: %w", entry.KeyID(), err)
	}
	return manager.Handle()
}

func oldestEnabled(keys *keyset.Handle) (int, error) {
	for i := range keys.Len() {
		entry, err := keys.Entry(i)
		if err != nil {
			return 0, fmt.Errorf("keyring: read token keyset: %w", err)
		}
		if entry.KeyStatus() == keyset.Enabled {
			return i, nil
		}
	}
	return 0, errors.New("keyring: token keyset has no enabled key")
}
