package lifecycle

import (
	"bytes"

	"github.com/signalbox-dev/signalbox/workflows"
)

// CheckReseal says why the API key can't be replaced by another seal of it.
func (s *State) CheckReseal(r workflows.ResealAPIKey) error {
	switch {
	case s.Ended != nil:
		return refuse(workflows.ErrTypeActivationEnded, "the activation has ended, and its API key is gone")
	case len(r.SealedAPIKey) == 0:
		return refuse(workflows.ErrTypeInvalidArgument, "sealedApiKey: it is required")
	case len(r.SealedAPIKey) > maxSealedKey:
		return refuse(workflows.ErrTypeInvalidArgument, "sealedApiKey: %d bytes, at most %d", len(r.SealedAPIKey), maxSealedKey)
	case s.Activated == nil || len(s.Activated.SealedAPIKey) == 0:
		return refuse(workflows.ErrTypeOtherAPIKey, "the activation holds no API key")
	case !bytes.Equal(s.Activated.SealedAPIKey, r.SealedAPIKey) && !bytes.Equal(s.Activated.SealedAPIKey, r.Replaces):
		return refuse(workflows.ErrTypeOtherAPIKey, "the activation no longer holds the API key that is to be replaced")
	}
	return nil
}

// Reseal keeps the same API key in another seal. Its fingerprint stays: it is the key's.
func (s *State) Reseal(r workflows.ResealAPIKey) (workflows.APIKeyReceipt, error) {
	if err := s.CheckReseal(r); err != nil {
		return workflows.APIKeyReceipt{}, err
	}
	if bytes.Equal(s.Activated.SealedAPIKey, r.SealedAPIKey) {
		return workflows.APIKeyReceipt{}, nil
	}
	s.Activated.SealedAPIKey = r.SealedAPIKey
	return workflows.APIKeyReceipt{Resealed: true}, nil
}
