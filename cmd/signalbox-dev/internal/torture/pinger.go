package torture

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/workflows"
)

// pinger posts test webhooks of Artmail, each with a body of its own, over the wire that remembers what was acknowledged. An ingress stores
// them like any other.
type pinger struct {
	client *http.Client
	world  settings
	sent   int
}

const (
	pingTimeout = 5 * time.Second
	pingPace    = 50 * time.Millisecond
)

func newPinger(w *wire, world settings) *pinger {
	return &pinger{client: &http.Client{Transport: w, Timeout: pingTimeout}, world: world}
}

// until pings until an answer is as wanted. The error says what the last one was.
func (p *pinger) until(ctx context.Context, patience time.Duration, wanted func(*http.Response) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := p.ping(ctx, wanted)
		if err == nil {
			return nil
		}
		wait(ctx, pingPace)
		if ctx.Err() != nil {
			return err
		}
	}
}

func (p *pinger) ping(ctx context.Context, wanted func(*http.Response) error) (err error) {
	p.sent++
	body := fmt.Sprintf(`{"type":%q,"data":{"note":"ping %d"}}`, workflows.KindTestPing, p.sent)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.world.artmailHook(), strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Artmail-Signature", artmailsim.Sign(p.world.AgentSecret, []byte(body)))
	response, err := p.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	return wanted(response)
}

// refused is how an ingress answers that can't store.
func refused(r *http.Response) error {
	if r.StatusCode != http.StatusServiceUnavailable {
		return fmt.Errorf("it answered %s, want 503", r.Status)
	}
	if r.Header.Get("Retry-After") == "" {
		return errors.New("a 503 says no Retry-After")
	}
	return nil
}

func stored(r *http.Response) error {
	if r.StatusCode != http.StatusNoContent {
		return fmt.Errorf("it answered %s, want 204", r.Status)
	}
	return nil
}
