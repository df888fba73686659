package ingress

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"go.uber.org/zap"
)

const routeReady = "/readyz"

// givenRequestID returns a proxy's request ID, or "" if it is missing, longer than 64 bytes or unsafe in a log.
func givenRequestID(r *http.Request) string {
	id := r.Header.Get(echo.HeaderXRequestID)
	if len(id) > 64 {
		return ""
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '-' && c != '_' && c != '.' {
			return ""
		}
	}
	return id
}

var errStopped = errors.New("the server has stopped")

// observe is the only middleware: request ID, recovery from panics, answer to errors, metric and log line. It holds s.underWay, so that a
// stop waits for the request.
func (s *Server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		s.underWay.RLock()
		defer s.underWay.RUnlock()
		if s.stopped {
			answerError(&refusal{status: http.StatusServiceUnavailable, outcome: outcomeUnavailable, cause: errStopped}, c)
			return nil
		}
		began := s.now()
		s.beginTrace(c, began)
		id := givenRequestID(c.Request())
		if id == "" {
			id = rand.Text()
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		if s.health.draining.Load() {
			c.Response().Header().Set("Connection", "close")
		}
		err = s.recovered(next, c)
		if err != nil {
			answerError(err, c)
		}
		route := c.Path()
		if route == "" {
			route = "unknown"
		}
		took := s.now().Sub(began)
		status := c.Response().Status
		s.metrics.countRequest(route, status, took)
		s.endTrace(c, status, err)
		s.log(c, route, id, status, took, err)
		return nil
	}
}

var errPanic = errors.New("panic")

// recovered turns a panic into a 500. It does not log the panic's value, which could contain a part of the body.
func (s *Server) recovered(next echo.HandlerFunc, c echo.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			s.logger.Error("handler panicked", zap.String("type", fmt.Sprintf("%T", v)), zap.ByteString("stack", debug.Stack()))
			err = &refusal{status: http.StatusInternalServerError, outcome: outcomeUnavailable, cause: errPanic}
		}
	}()
	return next(c)
}

// log writes accepted requests at debug level only, since the inbox has a row for each. It writes refused requests in samples.
func (s *Server) log(c echo.Context, route, id string, status int, took time.Duration, err error) {
	if entry := s.logger.Check(zap.DebugLevel, "request"); entry != nil {
		entry.Write(
			zap.String("method", c.Request().Method), zap.String("route", route), zap.String("request_id", id),
			zap.Int("status", status), zap.Duration("took", took), zap.Error(err),
		)
	}
	if status < http.StatusBadRequest || err == nil {
		return
	}
	level := zap.InfoLevel
	if status >= http.StatusInternalServerError {
		level = zap.WarnLevel
	}
	cause := strconv.Itoa(status)
	var r *refusal
	if errors.As(err, &r) {
		cause = string(r.outcome)
	}
	s.refusals.write(level, sample{"request refused", route, cause, network(s.sourceOf(c.Request()))}, zap.Int("status", status), zap.String("request_id", id), zap.Error(err))
}
