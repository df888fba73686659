package torture

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/artmailsim"
	"github.com/signalbox-dev/signalbox/workflows"
)

// filler takes the ingress's disk away and gives it back, and pings meanwhile: what can't be stored has to be refused with 503, and when there
// is room again the same process has to store again.
type filler struct {
	pinger *pinger
	// growing is the file that each write to the inbox makes longer.
	growing string
	// noticed bounds the time until the first 503 after the disk is full; mended bounds the time until the first 204 after it has room again.
	noticed, mended time.Duration
}

// fillTimeout is long enough for a busy machine.
const fillTimeout = 5 * time.Minute

// growthTimeout bounds the time until the first 503 on a full disk: SQLite first overwrites its log, then the ingress retries for 4 seconds.
const growthTimeout = 6 * time.Second

// fill returns what the ingress did wrong. The process is not restarted during it, so a process that ended fails the check.
func (f filler) fill(ctx context.Context, p *process, how fault) error {
	served := p.command.Process
	err := f.take(ctx, served, how.readOnly)
	if err != nil {
		err = fmt.Errorf("%s with a full disk: %w", p.role, err)
	}
	wait(ctx, how.away)
	if err := errors.Join(err, unlimitFileSize(served)); err != nil {
		return err
	}
	if err := f.pinger.until(ctx, f.mended, stored); err != nil {
		return fmt.Errorf("%s after its disk was full: %w", p.role, err)
	}
	return nil
}

// take takes the disk away and waits until that is noticed.
func (f filler) take(ctx context.Context, from *os.Process, readOnly bool) error {
	if info, err := os.Stat(f.growing); err == nil && !readOnly {
		if err := limitFileSize(from, info.Size()); err != nil {
			return err
		}
		if f.pinger.until(ctx, growthTimeout, refused) == nil {
			return nil
		}
	}
	if err := limitFileSize(from, 0); err != nil {
		return err
	}
	return f.pinger.until(ctx, f.noticed, refused)
}

// pinger posts test webhooks of Artmail, each with its own body, over the wire that remembers what was acknowledged. An ingress stores
// them like any other.
type pinger struct {
	client *http.Client
	world  settings
	sent   int
}

const (
	pingTimeout = 8 * time.Second
	pingPace    = 50 * time.Millisecond
)

func newPinger(w *wire, world settings) *pinger {
	return &pinger{client: &http.Client{Transport: w, Timeout: pingTimeout}, world: world}
}

// until pings until an answer is as wanted. The error says what was wrong with the last ping that had its time.
func (p *pinger) until(ctx context.Context, timeout time.Duration, wanted func(*http.Response) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var wrong error
	for {
		err := p.ping(ctx, wanted)
		if err == nil {
			return nil
		}
		if wrong == nil || ctx.Err() == nil {
			wrong = err
		}
		wait(ctx, pingPace)
		if ctx.Err() != nil {
			return wrong
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
