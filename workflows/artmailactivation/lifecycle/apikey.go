package lifecycle

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// CheckResealAPIKey returns why the sealed API key can't be replaced, or nil.
func CheckResealAPIKey(a Activation, r workflows.ResealAPIKey) error {
	s := &a.State
	switch {
	case len(r.SealedAPIKey) == 0:
		return rules.Invalid("sealedApiKey: it is missing: set it")
	case len(r.SealedAPIKey) > maxSealedKey:
		return rules.Invalid("sealedApiKey: %d bytes, at most %d: reseal the API key itself", len(r.SealedAPIKey), maxSealedKey)
	case s.Ended != nil:
		return rules.Refuse(workflows.ErrTypeActivationEnded, "the activation has ended, and its API key is gone")
	case s.Activated == nil || len(s.Activated.SealedAPIKey) == 0:
		return rules.Refuse(workflows.ErrTypeOtherAPIKey, "the activation holds no API key")
	case !bytes.Equal(s.Activated.SealedAPIKey, r.SealedAPIKey) && !bytes.Equal(s.Activated.SealedAPIKey, r.Replaces):
		return rules.Refuse(workflows.ErrTypeOtherAPIKey, "the activation holds another API key than the one to replace: read its state again")
	}
	return nil
}

// ResealAPIKey replaces the sealed API key; CheckResealAPIKey has accepted it. The fingerprint stays, because it depends on the key only.
func ResealAPIKey(a Activation, r workflows.ResealAPIKey) (Activation, workflows.APIKeyReceipt) {
	if bytes.Equal(a.State.Activated.SealedAPIKey, r.SealedAPIKey) {
		return a, workflows.APIKeyReceipt{}
	}
	a = clone(a)
	a.State.Activated.SealedAPIKey = r.SealedAPIKey
	return a, workflows.APIKeyReceipt{Resealed: true}
}

func isOtherKey(s *State, fingerprint []byte) bool {
	return slices.ContainsFunc(s.OtherKeys, func(known []byte) bool { return bytes.Equal(known, fingerprint) })
}

// bringsFirstKey reports whether an event has the API key that the known activation lacks.
func bringsFirstKey(s *State, e workflows.ActivationEvent) bool {
	return e.Kind == workflows.KindAgentActivated && s.Activated != nil && len(s.Activated.SealedAPIKey) == 0 && len(e.SealedAPIKey) > 0
}

// bringsOtherKey reports whether an event has another key than the known one. It compares fingerprints, because sealing the same key
// twice gives different bytes. Without fingerprints the answer is no.
func bringsOtherKey(s *State, e workflows.ActivationEvent) bool {
	return e.Kind == workflows.KindAgentActivated && s.Activated != nil &&
		len(e.APIKeyFingerprint) > 0 && len(s.Activated.Fingerprint) > 0 && !bytes.Equal(e.APIKeyFingerprint, s.Activated.Fingerprint)
}

func keyBefore(a, b *Activated) bool {
	return cmp.Or(a.At.Compare(b.At), bytes.Compare(a.Fingerprint, b.Fingerprint)) < 0
}
