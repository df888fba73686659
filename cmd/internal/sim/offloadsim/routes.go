package offloadsim

import (
	"errors"
	"io"
	"net/http"
)

// bodyLimit is the gateway's; a larger body never reaches Offload.
const bodyLimit = 10 << 20

// Route names one of Offload's four public routes.
type Route string

const (
	RouteCreate     Route = "create"     // POST /cases
	RouteGet        Route = "get"        // GET /cases/{id}
	RouteAttachment Route = "attachment" // GET /cases/{id}/attachments/{attachmentId}
	RouteInput      Route = "input"      // POST /cases/{id}/input
)

var allRoutes = []string{string(RouteCreate), string(RouteGet), string(RouteAttachment), string(RouteInput)}

// answer is what a route's handler decides; it is written, or lost, by serve.
type answer struct {
	status int
	data   any
	err    *apiError
}

func fail(err *apiError) answer { return answer{err: err} }

func (a answer) write(w http.ResponseWriter) {
	if a.err != nil {
		a.err.write(w)
		return
	}
	writeData(w, a.status, a.data)
}

func (s *Simulator) routes() {
	mux := s.Mux
	mux.Handle("POST /cases", s.serve(RouteCreate, s.createCase))
	mux.Handle("GET /cases/{id}", s.serve(RouteGet, s.getCase))
	mux.Handle("GET /cases/{$}", s.serve(RouteGet, s.getCase))
	mux.Handle("GET /cases/{id}/attachments/{attachmentId}", s.serve(RouteAttachment, s.getAttachment))
	mux.Handle("POST /cases/{id}/input", s.serve(RouteInput, s.provideInput))
	mux.HandleFunc("GET /downloads/{token}", s.download)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeGateway(w, http.StatusNotFound, "Not Found")
	})
}

// serve authenticates, reads the body, and lets a planned failure happen before or after the work is done.
func (s *Simulator) serve(route Route, handle func(r *http.Request, owner string, body []byte) answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge):
			writeGateway(w, http.StatusRequestEntityTooLarge, "Request Too Long")
			return
		case err != nil:
			return // The client went away while it was sending.
		}
		failure := s.Calls.Next("", string(route))
		if s.failBefore(w, failure) {
			return
		}
		key, apiErr := s.authenticate(r)
		if apiErr != nil {
			apiErr.write(w)
			return
		}
		result := handle(r, key.Owner, body)
		if s.failAfter(w, r, failure) {
			return
		}
		result.write(w)
	})
}

func (s *Simulator) authenticate(r *http.Request) (Key, *apiError) {
	key, known := s.keys[r.Header.Get("x-api-key")]
	switch {
	case !known:
		return Key{}, errNoKey
	case key.Inactive:
		return Key{}, errInactiveKey
	}
	return key, nil
}
