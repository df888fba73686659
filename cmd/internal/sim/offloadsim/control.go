package offloadsim

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
)

// controlRoutes registers the controls under /sim/, which are no part of Offload and ask for no API key: the same
// steps, faults and records as the Go methods. Bodies are JSON and may be empty; steps answer with the case's Record.
//
//	GET  /sim/cases[?clientReferenceId=]      GET /sim/cases/{id}
//	POST /sim/cases/{id}/first-message        no body
//	POST /sim/cases/{id}/message              no body
//	POST /sim/cases/{id}/reply                no body
//	POST /sim/cases/{id}/attachment           {"name", "type", "content" (base64)}
//	POST /sim/cases/{id}/complete             {"result"}
//	POST /sim/cases/{id}/fail                 {"resultStatus", "reason"}
//	POST /sim/cases/{id}/ask                  {"question"}
//	POST /sim/cases/{id}/resume               no body
//	POST /sim/cases/{id}/webhook              {"event", "data" (replaces fields)}
//	POST /sim/webhook-faults                  {"rules": [courier.Rule], "rates": {fault: probability}}
//	DELETE /sim/webhook-faults                forgets both
//	POST /sim/failures                        {"next": {route: [failure]}, "rates": {route: {failure: probability}}}
//	PUT  /sim/undocumented                    Undocumented, whole; durations in nanoseconds
func (s *Simulator) controlRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /sim/cases", func(w http.ResponseWriter, r *http.Request) {
		if reference := r.URL.Query().Get("clientReferenceId"); reference != "" {
			writeJSON(w, http.StatusOK, s.CasesOf(reference))
			return
		}
		writeJSON(w, http.StatusOK, s.Cases())
	})
	mux.HandleFunc("GET /sim/cases/{id}", func(w http.ResponseWriter, r *http.Request) {
		s.writeRecord(w, r.PathValue("id"), nil)
	})
	for name, step := range map[string]func(id string, body stepBody) error{
		"first-message": func(id string, _ stepBody) error { return s.SendFirstMessage(id) },
		"message":       func(id string, _ stepBody) error { return s.SendMessage(id) },
		"reply":         func(id string, _ stepBody) error { return s.ReceiveReply(id) },
		"resume":        func(id string, _ stepBody) error { return s.Resume(id) },
		"complete":      func(id string, b stepBody) error { return s.Complete(id, b.Result) },
		"fail":          func(id string, b stepBody) error { return s.Fail(id, b.ResultStatus, b.Reason) },
		"webhook":       func(id string, b stepBody) error { return s.SendWebhook(id, b.Event, b.Data) },
		"ask": func(id string, b stepBody) error {
			_, err := s.AskInput(id, b.Question)
			return err
		},
		"attachment": func(id string, b stepBody) error {
			_, err := s.ReceiveAttachment(id, b.Name, b.Type, b.Content)
			return err
		},
	} {
		mux.HandleFunc("POST /sim/cases/{id}/"+name, func(w http.ResponseWriter, r *http.Request) {
			var body stepBody
			if readControl(w, r, &body) {
				s.writeRecord(w, r.PathValue("id"), step(r.PathValue("id"), body))
			}
		})
	}
	mux.HandleFunc("POST /sim/webhook-faults", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Rules []courier.Rule            `json:"rules"`
			Rates map[courier.Fault]float64 `json:"rates"`
		}
		if !readControl(w, r, &body) {
			return
		}
		err := s.Webhooks.Faults.Plan(body.Rules...)
		if body.Rates != nil {
			err = errors.Join(err, s.Webhooks.Faults.SetRates(body.Rates))
		}
		writeControl(w, err)
	})
	mux.HandleFunc("DELETE /sim/webhook-faults", func(w http.ResponseWriter, _ *http.Request) {
		s.Webhooks.Faults.Clear()
		writeControl(w, nil)
	})
	mux.HandleFunc("POST /sim/failures", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Next  map[Route][]Failure           `json:"next"`
			Rates map[Route]map[Failure]float64 `json:"rates"`
		}
		if !readControl(w, r, &body) {
			return
		}
		var err error
		for route, next := range body.Next {
			err = errors.Join(err, s.FailNext(route, next...))
		}
		if body.Rates != nil {
			err = errors.Join(err, s.SetFailureRates(body.Rates))
		}
		writeControl(w, err)
	})
	mux.HandleFunc("PUT /sim/undocumented", func(w http.ResponseWriter, r *http.Request) {
		var body Undocumented
		if readControl(w, r, &body) {
			s.SetUndocumented(body)
			writeControl(w, nil)
		}
	})
}

// stepBody holds the fields of all steps; each uses its own.
type stepBody struct {
	Result       map[string]any `json:"result"`
	ResultStatus string         `json:"resultStatus"`
	Reason       string         `json:"reason"`
	Question     string         `json:"question"`
	Name         string         `json:"name"`
	Type         string         `json:"type"`
	Content      []byte         `json:"content"`
	Event        string         `json:"event"`
	Data         map[string]any `json:"data"`
}

// readControl reads a JSON body, empty or strict, and answers 400 where it cannot.
func readControl(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyLimit))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		writeGateway(w, http.StatusBadRequest, err.Error())
		return false
	}
	return true
}

func (s *Simulator) writeRecord(w http.ResponseWriter, caseID string, err error) {
	record, lookupErr := s.Case(caseID)
	switch {
	case lookupErr != nil:
		writeGateway(w, http.StatusNotFound, lookupErr.Error())
	case errors.Is(err, ErrTransition):
		writeGateway(w, http.StatusConflict, err.Error())
	case err != nil:
		writeGateway(w, http.StatusBadRequest, err.Error())
	default:
		writeJSON(w, http.StatusOK, record)
	}
}

func writeControl(w http.ResponseWriter, err error) {
	if err != nil {
		writeGateway(w, http.StatusBadRequest, err.Error())
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
