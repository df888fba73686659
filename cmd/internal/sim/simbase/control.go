package simbase

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/courier"
)

// bodyLimit bounds the body of a control, in bytes.
const bodyLimit = 1 << 20

// Control registers a control, such as "POST /sim/cases/{id}/ask". A control is not part of the provider's API and needs no key. GET /sim/ lists it
// with its help, which names the fields of the body and the effect. The body is JSON with the fields of B, all optional, and may be empty; an
// unknown field is refused with 400. A nil answer is 204.
func Control[B any](b *Base, pattern, help string, do func(r *http.Request, body B) (answer any, err error)) {
	b.controls = append(b.controls, fmt.Sprintf("%-50s %s\n", pattern, help))
	b.Mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		var body B
		var answer any
		err := ReadJSON(w, r, &body)
		if err == nil {
			answer, err = do(r, body)
		}
		Answer(w, http.StatusOK, answer, err)
	})
}

// Answer answers with a status and JSON that a person can read, 204 where there is no body, or with the status of an error and {"error": …}: 404 for ErrUnknown,
// 409 for ErrTransition, else 400.
func Answer(w http.ResponseWriter, status int, body any, err error) {
	switch {
	case errors.Is(err, ErrUnknown):
		WriteError(w, http.StatusNotFound, err)
	case errors.Is(err, ErrTransition):
		WriteError(w, http.StatusConflict, err)
	case err != nil:
		WriteError(w, http.StatusBadRequest, err)
	case body == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		writeJSON(w, status, body, "  ")
	}
}

// NotListed adds to ErrUnknown which control lists the IDs. It returns other errors unchanged.
func NotListed(err error, r *http.Request, list string) error {
	if !errors.Is(err, ErrUnknown) {
		return err
	}
	prefix, _, _ := strings.Cut(r.RequestURI, "/sim/") // which was stripped from the path
	return fmt.Errorf("%w: not created yet, or misspelt; GET %s lists all", err, prefix+list)
}

// Empty is the body of a control without fields.
type Empty = struct{}

// commonControls registers the controls that all simulators have.
func (b *Base) commonControls() {
	b.Mux.HandleFunc("GET /sim/{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		// The list shows the paths of the caller, with the prefix that was stripped before /sim/.
		list := strings.ReplaceAll(strings.Join(b.controls, ""), " /sim/", " "+strings.TrimSuffix(r.RequestURI, "/sim/")+"/sim/")
		_, _ = io.WriteString(w, list) // an error means that the client is gone
	})
	PlanControls(b, "webhook-faults", "drop, drop:EVENT: the next webhook; drop=0.2: each by chance; or repeat, delay, reorder, corrupt, lose-answer", b.Webhooks.Faults)
}

// PlanControls registers the controls of a Plan: POST /sim/NAME/{plan} and DELETE /sim/NAME.
func PlanControls[F ~string](b *Base, name, help string, plan *courier.Plan[F]) {
	Control(b, "POST /sim/"+name+"/{plan}", help, func(r *http.Request, _ Empty) (any, error) {
		return nil, plan.PlanText(r.PathValue("plan"))
	})
	Control(b, "DELETE /sim/"+name, "forget all of them", func(*http.Request, Empty) (any, error) {
		plan.Clear()
		return nil, nil
	})
}

// ReadJSON reads a body that is empty or JSON with known fields only.
func ReadJSON(w http.ResponseWriter, r *http.Request, into any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyLimit))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the body: %w", err)
	}
	return nil
}

// WriteError answers {"error": …}.
func WriteError(w http.ResponseWriter, status int, err error) {
	WriteJSON(w, status, map[string]string{"error": err.Error()})
}

// WriteJSON answers with JSON in one line, as providers do.
func WriteJSON(w http.ResponseWriter, status int, body any) { writeJSON(w, status, body, "") }

func writeJSON(w http.ResponseWriter, status int, body any, indent string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", indent)
	_ = encoder.Encode(body) // an error means that the client is gone
}
