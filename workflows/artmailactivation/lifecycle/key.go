package lifecycle

import (
	"bytes"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// CheckResealAPIKey returns why the sealed API key can't be replaced, or nil.
func CheckResealAPIKey(a Activation, r workflows.ResealAPIKey) error {
	s := &a.State
	switch {
	case s.Ended != nil:
		return rules.Refuse(workflows.ErrTypeActivationEnded, "the activation has ended, and its API key is gone")
	case len(r.SealedAPIKey) == 0:
		return rules.Invalid("sealedApiKey: it is missing: set it")
	case len(r.SealedAPIKey) > maxSealedKey:
		return rules.Invalid("sealedApiKey: %d bytes, at most %d: reseal the API key itself", len(r.SealedAPIKey), maxSealedKey)
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
