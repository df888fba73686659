package artmailsim

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
)

const bodyLimit = 1 << 20

func (s *Simulator) routes() *http.ServeMux {
	mux := http.NewServeMux()
	s.agentRoutes(mux)
	s.controlRoutes(mux)
	s.faultRoutes(mux)
	s.settingRoutes(mux)
	return mux
}

// controlRoutes registers the controls under /sim/, which are no part of Artmail and ask for no key: the same steps
// and records as the Go methods. Bodies are JSON and may be empty; steps answer with the activation's Record.
//
//	GET  /sim/activations                            GET /sim/activations/{id}
//	PUT  /sim/agents/{slug}                          {"webhookUrl", "secret"}
//	POST /sim/agents/{slug}/activate                 no body
//	POST /sim/agents/{slug}/test-ping                {"note"}
//	GET  /sim/test-pings
//	POST /sim/activations/{id}/pause                 {"reason"}
//	POST /sim/activations/{id}/resume                no body
//	POST /sim/activations/{id}/deactivate            {"reason"}
//	POST /sim/activations/{id}/redeliver             {"event"}
//	POST /sim/activations/{id}/open-run              no body
//	POST /sim/activations/{id}/approval-request      {"text", "runId"}
//	POST /sim/activations/{id}/approval-response     {"inResponseToId", "approved", "reason", "runId"}
//	POST /sim/messages/{id}/respond                  {"approved", "reason", "runId"}
//	POST /sim/runs/{id}/touch|finish|force-fail      no body
//	POST /sim/webhook-faults                         {"rules": [courier.Rule], "rates": {fault: probability}}
//	DELETE /sim/webhook-faults                       forgets both
func (s *Simulator) controlRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /sim/activations", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, s.Activations())
	})
	mux.HandleFunc("GET /sim/activations/{id}", func(w http.ResponseWriter, r *http.Request) {
		s.writeRecord(w, r.PathValue("id"), nil)
	})
	mux.HandleFunc("GET /sim/test-pings", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, append([]courier.Attempt{}, s.TestPings()...))
	})
	control(mux, "PUT /sim/agents/{slug}", func(w http.ResponseWriter, slug string, b stepBody) {
		writeResult(w, http.StatusNoContent, nil, s.SetAgent(slug, b.WebhookURL, b.Secret))
	})
	control(mux, "POST /sim/agents/{slug}/activate", func(w http.ResponseWriter, slug string, _ stepBody) {
		id, err := s.Activate(slug)
		s.writeRecord(w, id, err)
	})
	control(mux, "POST /sim/agents/{slug}/test-ping", func(w http.ResponseWriter, slug string, b stepBody) {
		writeResult(w, http.StatusNoContent, nil, s.TestPing(slug, b.Note))
	})
	for name, step := range map[string]func(id string, b stepBody) error{
		"pause":      func(id string, b stepBody) error { return s.Pause(id, b.Reason) },
		"resume":     func(id string, _ stepBody) error { return s.Resume(id) },
		"deactivate": func(id string, b stepBody) error { return s.Deactivate(id, b.Reason) },
		"redeliver":  func(id string, b stepBody) error { return s.Redeliver(id, b.Event) },
		"open-run": func(id string, _ stepBody) error {
			_, err := s.OpenRun(id)
			return err
		},
		"approval-request": func(id string, b stepBody) error {
			_, err := s.RequestApproval(id, b.Text, b.RunID)
			return err
		},
		"approval-response": func(id string, b stepBody) error {
			_, err := s.SendApprovalResponse(id, b.InResponseToID, b.Approved, b.Reason, b.RunID)
			return err
		},
	} {
		control(mux, "POST /sim/activations/{id}/"+name, func(w http.ResponseWriter, id string, b stepBody) {
			s.writeRecord(w, id, step(id, b))
		})
	}
	control(mux, "POST /sim/messages/{id}/respond", func(w http.ResponseWriter, id string, b stepBody) {
		responseID, err := s.RespondApproval(id, b.Approved, b.Reason, b.RunID)
		writeResult(w, http.StatusOK, map[string]string{"messageId": responseID}, err)
	})
	for name, step := range map[string]func(string) error{
		"touch": s.TouchRun, "finish": s.FinishRun, "force-fail": s.ForceFailRun,
	} {
		control(mux, "POST /sim/runs/{id}/"+name, func(w http.ResponseWriter, id string, _ stepBody) {
			writeResult(w, http.StatusNoContent, nil, step(id))
		})
	}
}

func (s *Simulator) faultRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /sim/webhook-faults", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Rules []courier.Rule            `json:"rules"`
			Rates map[courier.Fault]float64 `json:"rates"`
		}
		if !readJSON(w, r, &body) {
			return
		}
		err := s.Webhooks.Faults.Plan(body.Rules...)
		if body.Rates != nil {
			err = errors.Join(err, s.Webhooks.Faults.SetRates(body.Rates))
		}
		writeResult(w, http.StatusNoContent, nil, err)
	})
	mux.HandleFunc("DELETE /sim/webhook-faults", func(w http.ResponseWriter, _ *http.Request) {
		s.Webhooks.Faults.Clear()
		w.WriteHeader(http.StatusNoContent)
	})
}

// stepBody holds the fields of all steps; each uses its own.
type stepBody struct {
	WebhookURL     string `json:"webhookUrl"`
	Secret         string `json:"secret"`
	Note           string `json:"note"`
	Reason         string `json:"reason"`
	Event          string `json:"event"`
	Text           string `json:"text"`
	RunID          string `json:"runId"`
	InResponseToID string `json:"inResponseToId"`
	Approved       bool   `json:"approved"`
}

// control registers a route that reads a stepBody; id is the path's one variable.
func control(mux *http.ServeMux, pattern string, serve func(w http.ResponseWriter, id string, b stepBody)) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		var body stepBody
		if readJSON(w, r, &body) {
			serve(w, r.PathValue("id")+r.PathValue("slug"), body)
		}
	})
}

func (s *Simulator) writeRecord(w http.ResponseWriter, activationID string, err error) {
	record, lookupErr := s.Activation(activationID)
	if err == nil {
		err = lookupErr
	}
	writeResult(w, http.StatusOK, record, err)
}

// readJSON reads a JSON body, empty or strict, and answers 400 where it cannot.
func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyLimit))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		writeError(w, http.StatusBadRequest, err.Error())
		return false
	}
	return true
}

func writeError(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]string{"error": message})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// An error here means that the client is gone, and there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(body)
}
