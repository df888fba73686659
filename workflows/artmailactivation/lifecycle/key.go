package lifecycle

import (
	"bytes"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// CheckReseal says why the API key can't be replaced by another seal of it.
func CheckReseal(a Activation, r workflows.ResealAPIKey) error {
	s := &a.State
	switch {
	case s.Ended != nil:
		return rules.Refuse(workflows.ErrTypeActivationEnded, "the activation has ended, and its API key is gone")
	case len(r.SealedAPIKey) == 0:
		return rules.Invalid("sealedApiKey: it is required")
	case len(r.SealedAPIKey) > maxSealedKey:
		return rules.Invalid("sealedApiKey: %d bytes, at most %d", len(r.SealedAPIKey), maxSealedKey)
	case s.Activated == nil || len(s.Activated.SealedAPIKey) == 0:
		return rules.Refuse(workflows.ErrTypeOtherAPIKey, "the activation holds no API key")
	case !bytes.Equal(s.Activated.SealedAPIKey, r.SealedAPIKey) && !bytes.Equal(s.Activated.SealedAPIKey, r.Replaces):
		return rules.Refuse(workflows.ErrTypeOtherAPIKey, "the activation no longer holds the API key that is to be replaced")
	}
	return nil
}

// Reseal keeps the same API key in another seal, which CheckReseal has passed. Its fingerprint stays: it is the key's.
func Reseal(a Activation, r workflows.ResealAPIKey) (Activation, workflows.APIKeyReceipt) {
	if bytes.Equal(a.State.Activated.SealedAPIKey, r.SealedAPIKey) {
		return a, workflows.APIKeyReceipt{}
	}
	a = clone(a)
	a.State.Activated.SealedAPIKey = r.SealedAPIKey
	return a, workflows.APIKeyReceipt{Resealed: true}
}
