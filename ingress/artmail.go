package ingress

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
)

// postArtmail answers an agent's webhook URL. Until the signature is verified, nothing depends on whether there is such an agent: the
// limits, the work and the answer are the same.
func (s *Server) postArtmail(c echo.Context) error {
	signatures := hook.Signatures(c.Request().Header.Values(artmail.SignatureHeader))
	most := s.config.MaxBody
	if !slices.ContainsFunc(signatures, couldBeSignature) {
		most = s.config.Quarantine.MaxBody
	}
	b, err := s.bodies.readUnverified(c.Response(), c.Request(), most)
	if err != nil {
		return s.unread(c, artmail.Name, err)
	}
	defer b.release()
	agent := param(c, "agent")
	secrets, known := s.artmail.of(agent)
	if err := artmail.Provider.Verify(b.bytes, signatures, secrets); err != nil {
		s.quarantine.offer(suspect{
			agent: agent, known: known, source: sourceOf(c), signatures: signatures, encoding: contentEncoding(c.Request()), body: b.bytes, at: s.now(),
		})
		return s.unproven(c, artmail.Name, outcomeBadSignature, err)
	}
	s.verified(c)
	if err := s.bodies.verify(b); err != nil {
		return s.unread(c, artmail.Name, err)
	}
	return s.accept(c, artmailWebhook(agent), b, s.config.ArtmailBudget)
}

func artmailWebhook(agent string) webhook {
	return newWebhook(artmail.Provider, agent, func(e hook.Envelope) string { return artmail.Lane(agent, e.EntityID) })
}

// couldBeSignature says whether a signature is well-formed. A body without one can't verify, so its cap is small.
func couldBeSignature(signature string) bool {
	return len(strings.TrimPrefix(signature, "sha256=")) == hex.EncodedLen(sha256.Size)
}

// artmailSecrets are the secrets of all agents, and decoys for the agents that do not exist. All have the same number of secrets, filled
// up with decoys, so that each costs the same work.
type artmailSecrets struct {
	agents map[string]hook.Secrets
	decoy  hook.Secrets
}

func newArtmailSecrets(config map[string][]string) (*artmailSecrets, error) {
	most := 1
	for agent, list := range config {
		if _, err := hook.NewSecrets(list...); err != nil {
			return nil, fmt.Errorf("agent %s: %w", agent, err)
		}
		most = max(most, len(list))
	}
	filled := func(list []string) (hook.Secrets, error) {
		list = slices.Clone(list)
		for len(list) < most {
			list = append(list, uuid.NewString())
		}
		return hook.NewSecrets(list...)
	}
	a := &artmailSecrets{agents: map[string]hook.Secrets{}}
	var err error
	if a.decoy, err = filled(nil); err != nil {
		return nil, fmt.Errorf("make decoy secrets: %w", err)
	}
	for agent, list := range config {
		if a.agents[agent], err = filled(list); err != nil {
			return nil, fmt.Errorf("agent %s: %w", agent, err)
		}
	}
	return a, nil
}

func (a *artmailSecrets) of(agent string) (secrets hook.Secrets, known bool) {
	secrets, known = a.agents[agent]
	if !known {
		return a.decoy, false
	}
	return secrets, true
}
