package artmailsim

import (
	"errors"
	"net/http"
	"strings"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simbase"
)

var (
	errKey     = errors.New("the API key is unknown, revoked or not usable now")
	errMessage = errors.New("a message needs the type APPROVAL_REQUEST and a text")
)

// agentAPI registers what an agent calls. Artmail documents nothing of it but that the key is a Bearer token: paths
// and bodies are invented.
//
//	POST /agent-api/messages             {"type": "APPROVAL_REQUEST", "text", "runId"} → 201 {"messageId"}
//	GET  /agent-api/messages/{id}        → {"messageId", "type", "text", "runId", "response": null or Response}
//	POST /agent-api/runs                 → 201 {"runId"}
//	POST /agent-api/runs/{id}/heartbeat  → 204
//	POST /agent-api/runs/{id}/finish     → 204
func (s *Simulator) agentAPI() {
	handle := func(pattern string, serve func(w http.ResponseWriter, r *http.Request, activationID string)) {
		s.Mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			activationID, status := s.authenticate(r)
			if status != http.StatusOK {
				simbase.WriteError(w, status, errKey)
				return
			}
			serve(w, r, activationID)
		})
	}
	handle("POST /agent-api/messages", s.postMessage)
	handle("GET /agent-api/messages/{id}", s.getMessage)
	handle("POST /agent-api/runs", func(w http.ResponseWriter, _ *http.Request, activationID string) {
		id, err := s.OpenRun(activationID)
		simbase.Answer(w, http.StatusCreated, map[string]string{"runId": id}, err)
	})
	for path, step := range map[string]func(runID string) error{"heartbeat": s.TouchRun, "finish": s.FinishRun} {
		handle("POST /agent-api/runs/{id}/"+path, func(w http.ResponseWriter, r *http.Request, activationID string) {
			id := r.PathValue("id")
			if !s.ownsRun(activationID, id) {
				simbase.Answer(w, 0, nil, simbase.ErrUnknown)
				return
			}
			simbase.Answer(w, http.StatusNoContent, nil, step(id))
		})
	}
}

func (s *Simulator) authenticate(r *http.Request) (activationID string, status int) {
	key, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	defer s.mu.Unlock()
	id, known := s.keyOwner[key]
	if !isBearer || !known {
		return "", http.StatusUnauthorized
	}
	return id, http.StatusOK
}

func (s *Simulator) ownsRun(activationID, runID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.runs[runID]
	return ok && r.activationID == activationID
}

func (s *Simulator) postMessage(w http.ResponseWriter, r *http.Request, activationID string) {
	var body struct {
		Type  string `json:"type"`
		Text  string `json:"text"`
		RunID string `json:"runId"`
	}
	if err := simbase.ReadJSON(w, r, &body); err != nil {
		simbase.Answer(w, 0, nil, err)
		return
	}
	if body.Type != "APPROVAL_REQUEST" || body.Text == "" {
		simbase.Answer(w, 0, nil, errMessage)
		return
	}
	id, err := s.RequestApproval(activationID, body.Text, body.RunID)
	simbase.Answer(w, http.StatusCreated, map[string]string{"messageId": id}, err)
}

func (s *Simulator) getMessage(w http.ResponseWriter, r *http.Request, activationID string) {
	s.mu.Lock()
	m, ok := s.messages[r.PathValue("id")]
	var view MessageRecord
	if ok {
		view = m.record()
	}
	s.mu.Unlock()
	if !ok || view.ActivationID != activationID {
		simbase.Answer(w, 0, nil, simbase.ErrUnknown)
		return
	}
	simbase.Answer(w, http.StatusOK, view, nil)
}
