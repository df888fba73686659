package artmailsim

import (
	"cmp"
	"net/http"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simbase"
)

// latest stands in a control's path for the newest activation, or for its newest message or run.
const latest = "latest"

// controls registers the controls of Artmail beside those of simbase. What acts on an activation answers with its Record.
func (s *Simulator) controls() {
	simbase.Control(s.Base, "GET /sim/activations", "all activations, oldest first", func(*http.Request, simbase.Empty) (any, error) {
		return s.Activations(), nil
	})
	onActivation(s, "GET /sim/activations/{id}", "one activation; {id} is everywhere an ID or latest",
		func(string, simbase.Empty) error { return nil })
	simbase.Control(s.Base, "POST /sim/agents/{slug}/activate", "a brand activates the agent", func(r *http.Request, _ simbase.Empty) (any, error) {
		id, err := s.Activate(r.PathValue("slug"))
		if err != nil {
			return nil, err
		}
		return s.Activation(id)
	})
	simbase.Control(s.Base, "PUT /sim/agents/{slug}", `from now on another webhook URL or secret: {"webhookUrl", "secret"}`,
		func(r *http.Request, b struct{ WebhookURL, Secret string }) (any, error) {
			return nil, s.SetAgent(r.PathValue("slug"), b.WebhookURL, b.Secret)
		})
	simbase.Control(s.Base, "POST /sim/agents/{slug}/test-ping", `send a test webhook: {"note"}`,
		func(r *http.Request, b struct{ Note string }) (any, error) {
			return nil, s.TestPing(r.PathValue("slug"), b.Note)
		})
	simbase.Control(s.Base, "GET /sim/test-pings", "the attempts to deliver test webhooks", func(*http.Request, simbase.Empty) (any, error) {
		return append([]courier.Attempt{}, s.TestPings()...), nil
	})
	onActivation(s, "POST /sim/activations/{id}/pause", `pause it: {"reason"}`,
		func(id string, b struct{ Reason string }) error { return s.Pause(id, cmp.Or(b.Reason, PauseUser)) })
	onActivation(s, "POST /sim/activations/{id}/resume", "resume it",
		func(id string, _ simbase.Empty) error { return s.Resume(id) })
	onActivation(s, "POST /sim/activations/{id}/deactivate", `end it: {"reason"}`,
		func(id string, b struct{ Reason string }) error {
			return s.Deactivate(id, cmp.Or(b.Reason, DeactivateUser))
		})
	onActivation(s, "POST /sim/activations/{id}/redeliver", `send its latest event of a kind again: {"event"}`,
		func(id string, b struct{ Event string }) error {
			return s.Redeliver(id, cmp.Or(b.Event, EventActivated))
		})
	onActivation(s, "POST /sim/activations/{id}/open-run", "its agent opens a run",
		func(id string, _ simbase.Empty) error {
			_, err := s.OpenRun(id)
			return err
		})
	onActivation(s, "POST /sim/activations/{id}/approval-request", `its agent asks: {"text", "runId"}`,
		func(id string, b struct{ Text, RunID string }) error {
			_, err := s.RequestApproval(id, cmp.Or(b.Text, "May I go on?"), b.RunID)
			return err
		})
	onActivation(s, "POST /sim/activations/{id}/approval-response", `answer any message: {"inResponseToId", "approved", "reason", "runId"}`,
		func(id string, b struct {
			InResponseToID, Reason, RunID string
			Approved                      bool
		},
		) error {
			_, err := s.SendApprovalResponse(id, b.InResponseToID, b.Approved, b.Reason, b.RunID)
			return err
		})
	simbase.Control(s.Base, "POST /sim/messages/{id}/respond", `the brand answers what its agent asked: {"approved", "reason", "runId"}`,
		func(r *http.Request, b struct {
			Approved      bool
			Reason, RunID string
		},
		) (any, error) {
			id, err := s.RespondApproval(s.messageNamed(r.PathValue("id")), b.Approved, b.Reason, b.RunID)
			if err != nil {
				return nil, err
			}
			return map[string]string{"messageId": id}, nil
		})
	for _, of := range []struct {
		name, help string
		step       func(runID string) error
	}{
		{"touch", "the run is active", s.TouchRun},
		{"finish", "the run ends well", s.FinishRun},
		{"force-fail", "the run was idle for too long", s.ForceFailRun},
	} {
		simbase.Control(s.Base, "POST /sim/runs/{id}/"+of.name, of.help, func(r *http.Request, _ simbase.Empty) (any, error) {
			return nil, of.step(s.runNamed(r.PathValue("id")))
		})
	}
	simbase.Control(s.Base, "GET /sim/settings", "what the run goes by: seed, envelope, timeScale, agents",
		func(*http.Request, simbase.Empty) (any, error) { return s.Settings(), nil })
	simbase.Control(s.Base, "PUT /sim/time-scale", `{"timeScale"}: 0.001 makes a minute of 60 ms`,
		func(_ *http.Request, b struct{ TimeScale float64 }) (any, error) {
			return nil, s.SetTimeScale(b.TimeScale)
		})
}

// onActivation registers a control of one activation.
func onActivation[B any](s *Simulator, pattern, help string, do func(activationID string, body B) error) {
	simbase.Control(s.Base, pattern, help, func(r *http.Request, body B) (any, error) {
		id := s.activationNamed(r.PathValue("id"))
		if err := do(id, body); err != nil {
			return nil, simbase.NotListed(err, r, "/sim/activations")
		}
		return s.Activation(id)
	})
}

func (s *Simulator) activationNamed(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return newest(name, s.order)
}

func (s *Simulator) messageNamed(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.activations[newest(latest, s.order)]; a != nil {
		return newest(name, a.messages)
	}
	return name
}

func (s *Simulator) runNamed(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.activations[newest(latest, s.order)]; a != nil {
		return newest(name, a.runs)
	}
	return name
}

// newest is the last ID for the name latest, and else the name.
func newest(name string, ids []string) string {
	if name == latest && len(ids) > 0 {
		return ids[len(ids)-1]
	}
	return name
}
