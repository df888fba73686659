package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

const (
	headerTimeout = 5 * time.Second
	stopTimeout   = 5 * time.Second
)

// Serve offers the desk's operations on the listener, which it closes, until ctx ends: then what is under way is told to stop, and Serve
// returns when it has. An answer may take as long as it takes: a purge of a large inbox takes minutes, and a limit for reading the whole
// request would end it too, since the server goes on reading while it works.
func (d *Desk) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           d.handler(),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       headerTimeout,
		ErrorLog:          zap.NewStdLog(d.parts.Log),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       func(ctx context.Context, conn net.Conn) context.Context { return WithCaller(ctx, peerName(conn)) },
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("operator socket: %w", err)
	case <-ctx.Done():
	}
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := server.Shutdown(stopCtx); err != nil {
		// Somebody holds a connection open and asks nothing: no reason to call the stop a failure.
		d.parts.Log.Warn("operator socket is closed with a connection open", zap.Error(errors.Join(err, server.Close())))
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("operator socket: %w", err)
	}
	return nil
}

func (d *Desk) handler() http.Handler {
	mux := http.NewServeMux()
	route(mux, d, routeList, d.List)
	route(mux, d, routeShow, d.Show)
	route(mux, d, routeReplay, d.Replay)
	route(mux, d, routeRelease, d.Release)
	route(mux, d, routePurge, d.Purge)
	route(mux, d, routeCounts, func(ctx context.Context, _ struct{}) (Counts, error) { return d.Counts(ctx) })
	return mux
}

// route reads a request, carries it out and writes the answer.
func route[Request, Answer any](mux *http.ServeMux, d *Desk, path string, do func(context.Context, Request) (Answer, error)) {
	mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
		var request Request
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
		decoder.DisallowUnknownFields()
		err := decoder.Decode(&request)
		if err != nil {
			err = fmt.Errorf("%w: %w", inbox.ErrInvalid, err)
		}
		var answer Answer
		if err == nil {
			answer, err = do(r.Context(), request)
		}
		if err != nil {
			err = writeFailure(w, err)
		} else {
			err = writeJSON(w, http.StatusOK, answer)
		}
		if err != nil {
			d.parts.Log.Warn("operator hung up", zap.String("route", path), zap.Error(err))
		}
	})
}
