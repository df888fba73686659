package bench

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	sdk "go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/workflows"
)

// plainServer is what Signalbox is measured against: an echo handler of a few lines.
type plainServer struct {
	http     *http.Server
	listener net.Listener
	served   chan error
}

func servePlain(handler echo.HandlerFunc) (*plainServer, error) {
	e := echo.New()
	e.POST(workflows.OffloadWebhookRoute, handler)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	p := &plainServer{
		http:     &http.Server{Handler: e, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second},
		listener: listener, served: make(chan error, 1),
	}
	go func() { p.served <- p.http.Serve(listener) }()
	return p, nil
}

func (p *plainServer) address() string { return p.listener.Addr().String() }

func (p *plainServer) close() error {
	err := p.http.Close()
	if served := <-p.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// answerOnly reads the body and answers: what HTTP alone costs here.
func answerOnly(c echo.Context) error {
	if _, err := io.Copy(io.Discard, c.Request().Body); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// signalWithin is the handler that one would write first: parse, signal, answer. It checks no token and seals nothing, so it is given
// the lighter part; what it lacks is that nothing is kept where the signal fails.
func signalWithin(temporal sdk.Client) echo.HandlerFunc {
	return func(c echo.Context) error {
		plain, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return err
		}
		parsed, err := offload.Parse(plain, workflows.EventMeta{ReceivedAt: now()})
		if err != nil {
			return echo.NewHTTPError(http.StatusBadRequest)
		}
		id := workflows.OffloadCaseWorkflowID(c.Param("reference"))
		err = temporal.SignalWorkflow(c.Request().Context(), id, "", workflows.SignalOffloadEvents, []workflows.CaseEvent{parsed.Event})
		if err != nil {
			return echo.NewHTTPError(http.StatusServiceUnavailable).SetInternal(err)
		}
		return c.NoContent(http.StatusNoContent)
	}
}
