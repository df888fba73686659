package ingress

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/offloadhook"
	"github.com/signalbox-dev/signalbox/workflows"
)

// offload answers a case's capability URL. Whether a workflow with the reference exists is neither asked nor told.
func (s *Server) offload(c echo.Context) error {
	reference := param(c, "reference")
	err := s.keys.VerifyToken(param(c, "token"), workflows.OffloadTokenContext(reference)...)
	fits := err == nil && workflows.ValidateReference(reference) == nil
	return s.unsigned(c, fits, func(offloadhook.Envelope) string { return offloadhook.CaseLane(reference) })
}

// offloadShared answers the route of cases whose URL can't be their own.
func (s *Server) offloadShared(c echo.Context) error {
	return s.unsigned(c, s.shared.fit(param(c, "secret")), func(e offloadhook.Envelope) string { return offloadhook.SharedLane(e.CaseID) })
}

// unsigned takes a webhook whose path is all that proves it. The body is read before a bad path is refused, so that a size over
// the cap is answered alike for good and bad ones; but not again and again for one source.
func (s *Server) unsigned(c echo.Context, fits bool, lane func(offloadhook.Envelope) string) error {
	from := sourceOf(c)
	if !fits && s.forgers.over(from) {
		return s.refuse(offloadhook.Provider, http.StatusTooManyRequests, outcomeForger, errToken)
	}
	b, err := s.read(c, offloadhook.Provider, from)
	if err != nil {
		return err
	}
	defer b.release()
	if !fits {
		s.forgers.refused(from)
		return s.refuse(offloadhook.Provider, http.StatusUnauthorized, outcomeRefused, errToken)
	}
	return s.acceptOffload(c, b.bytes, lane)
}

func (s *Server) acceptOffload(c echo.Context, plain []byte, lane func(offloadhook.Envelope) string) error {
	envelope, err := offloadhook.Peek(plain)
	d := inbox.Delivery{
		Provider: offloadhook.Provider, Lane: lane(envelope), Kind: envelope.Kind,
		DedupeKey: envelope.DedupeKey, OccurredAt: envelope.OccurredAt, State: inbox.StatePending,
	}
	switch {
	case err != nil:
		d.State, d.Reason = inbox.StateDead, err.Error()
	case !envelope.Known:
		d.State, d.Reason = inbox.StateIgnored, "unknown kind"
	}
	return s.accept(c, d, plain, offloadhook.BodyContext)
}

// sharedSecrets are compared by their hashes: equal length, constant time.
type sharedSecrets struct{ sums [][sha256.Size]byte }

// newSharedSecrets returns nil without secrets: the route is off.
func newSharedSecrets(secrets []string) *sharedSecrets {
	if len(secrets) == 0 {
		return nil
	}
	s := &sharedSecrets{}
	for _, secret := range secrets {
		s.sums = append(s.sums, sha256.Sum256([]byte(secret)))
	}
	return s
}

func (s *sharedSecrets) fit(given string) bool {
	sum := sha256.Sum256([]byte(given))
	fits := 0
	for _, want := range s.sums {
		fits |= subtle.ConstantTimeCompare(sum[:], want[:])
	}
	return fits == 1
}
