package ingress

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/ratelimit"
)

// Kinds of unverified deliveries. The body decides the kind; since it can't be trusted, the kind only decides which ones Trim removes last. An
// extra activation is beyond the limits of its source or agent, and was kept because there was room.
const (
	kindUnverified           = "unverified"
	kindExtraActivation      = "unverified agent.activated, extra"
	kindUnverifiedActivation = "unverified agent.activated"
)

// lastKinds are removed last: a full quarantine removes other bodies first, then extra activations, then activations within the limits. Of each
// kind it removes the body first that has not arrived for the longest time.
var lastKinds = []string{kindExtraActivation, kindUnverifiedActivation}

// quarantine keeps unverified bodies, sealed and in a bounded number, so that a person can correct a wrong secret and release the events:
// Artmail shows an API key only once.
//
// It writes in the background. If a refusal waited for the disk, it would take longer than one for an agent that does not exist, and many
// forged webhooks would delay real ones. A crash, a full queue or a stop while the inbox can't write loses only bodies that were never
// acknowledged: Artmail sends them again.
// Bodies that look like agent.activated have a separate queue, which is written first, so that many other bodies can't delay an API key.
//
// Each agent keeps a bounded number of bodies. Of each kind it takes a bounded number in an hour, from all sources and from each source. So a
// flood writes a bounded amount to the disk, and one source needs hours to displace the activations that others sent within the limits.
// Repetitions of a kept body have a limit of their own, quarantineRetries × Keep an hour for each source and kind, since Artmail repeats an
// event six times. A body that looks like agent.activated is kept beyond the limits while the agent has fewer than Keep of them, even if it
// displaces other bodies: behind a proxy that is not trusted, forged and true ones have one source. It is not kept beyond them if its source has
// used up its repetitions.
type quarantine struct {
	server *Server
	wake   chan struct{} // has one element when a body was queued
	done   sync.WaitGroup
	cancel context.CancelFunc // ends all writes

	mu                  sync.Mutex
	activations, others []unverifiedWebhook
	rooms               rooms

	bySource *ratelimit.Limiter[sourceKind]
	// repeats bounds the repetitions that count neither against the limits nor against the room of extra activations.
	repeats *ratelimit.Limiter[sourceKind]
	byAgent *ratelimit.Limiter[agentKind]
}

// unverifiedWebhook is a webhook that no secret of its agent verifies.
type unverifiedWebhook struct {
	agent, encoding string
	// known is true if the agent exists.
	known      bool
	source     source
	signatures []string
	body       []byte
	at         time.Time
	kind       string
}

// agentKind and sourceKind are the keys of the quarantine's limiters.
type (
	agentKind  struct{ agent, kind string }
	sourceKind struct {
		agentKind
		source source
	}
)

func (w unverifiedWebhook) ofAgent() agentKind   { return agentKind{w.agent, w.kind} }
func (w unverifiedWebhook) ofSource() sourceKind { return sourceKind{w.ofAgent(), w.source} }

// kept says whether the quarantine keeps a body, or why it does not.
type kept string

const (
	keptYes         kept = "yes"
	keptTooLarge    kept = "too_large"
	keptEmpty       kept = "empty"
	keptRateLimited kept = "rate_limited"
	keptQueueFull   kept = "queue_full"
)

// keptResults lists every value of kept. The metrics show each of them from the start, with the value zero.
var keptResults = []kept{keptYes, keptTooLarge, keptEmpty, keptRateLimited, keptQueueFull}

const (
	// The two queues of quarantineQueue bodies and one batch of quarantineBatch hold at most 36 MiB with the default size of a body.
	quarantineQueue = 256
	quarantineBatch = 64
	// quarantineBudget bounds one try to write a batch, and quarantinePause is the time until the next one.
	quarantineBudget, quarantinePause = 10 * time.Second, time.Second
	// quarantineRetries is how often Artmail tries an event again.
	quarantineRetries = 6
)

func newQuarantine(s *Server) *quarantine {
	const hour = 60 * 60
	c := s.config.Quarantine
	repeats := quarantineRetries * c.Keep
	return &quarantine{
		server: s, wake: make(chan struct{}, 1), rooms: newRooms(c.Keep),
		bySource: ratelimit.New[sourceKind](s.now, c.SourcePerHour, float64(c.SourcePerHour)/hour),
		repeats:  ratelimit.New[sourceKind](s.now, repeats, float64(repeats)/hour),
		byAgent:  ratelimit.New[agentKind](s.now, c.Keep, float64(c.Keep)/hour),
	}
}

func (q *quarantine) start() {
	ctx, cancel := context.WithCancel(context.Background())
	q.cancel = cancel
	q.done.Go(func() { q.run(ctx) })
}

// stop writes the queued bodies, for at most StopTimeout. Do not call offer after stop.
func (q *quarantine) stop() {
	close(q.wake)
	defer q.cancel()
	defer time.AfterFunc(q.server.config.Quarantine.StopTimeout, q.cancel).Stop()
	q.done.Wait()
}

// offer queues an unverified webhook, or drops it beyond a limit. For an unknown agent it does the same work, but queues nothing.
func (q *quarantine) offer(w unverifiedWebhook) {
	result := q.enqueue(w)
	subject, cause := "unknown agent", "not kept: the agent is not configured" // a sender must not choose what is logged
	if w.known {
		q.server.metrics.countBadSignature(result)
		subject, cause = w.agent, "quarantined: "+string(result)
	}
	q.server.refusals.write(zap.WarnLevel, sample{
		"bad signature: if the agent's webhook secret is wrong, Artmail will pause its activations", subject, cause, network(w.source),
	})
}

func (q *quarantine) enqueue(w unverifiedWebhook) kept {
	switch {
	case len(w.body) == 0:
		return keptEmpty
	case int64(len(w.body)) > q.server.config.Quarantine.MaxBody:
		return keptTooLarge
	}
	queue := &q.others
	if w.kind = kindUnverified; artmail.LooksLikeActivation(w.body) {
		queue, w.kind = &q.activations, kindUnverifiedActivation
	}
	if !w.known {
		w.agent = "" // agents that do not exist share one bound
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case len(*queue) == quarantineQueue: // before the limits, so that it counts against none
		return keptQueueFull
	case q.bySource.Allow(w.ofSource()) && q.byAgent.Allow(w.ofAgent()):
	case w.kind == kindUnverifiedActivation && q.hasRoom(w) && q.repeats.Allow(w.ofSource()): // write gives it back for a new body
		w.kind = kindExtraActivation
	default:
		return keptRateLimited
	}
	w.body = bytes.Clone(w.body)
	if !w.known {
		return keptYes
	}
	if *queue = append(*queue, w); w.kind != kindUnverified {
		q.rooms.take(w.agent)
	}
	q.wakeUp()
	return keptYes
}

func (q *quarantine) wakeUp() {
	select {
	case q.wake <- struct{}{}:
	default: // run has already been woken
	}
}

// take returns the next batch, or none if both queues are empty.
func (q *quarantine) take() []unverifiedWebhook {
	q.mu.Lock()
	defer q.mu.Unlock()
	queue := &q.activations
	if len(*queue) == 0 {
		queue = &q.others
	}
	n := min(len(*queue), quarantineBatch)
	batch := (*queue)[:n:n]
	if *queue = (*queue)[n:]; len(*queue) == 0 {
		*queue = nil // frees the written bodies
	}
	return batch
}

func (q *quarantine) run(ctx context.Context) {
	for open := true; open; {
		_, open = <-q.wake
		for batch := q.take(); len(batch) > 0; batch = q.take() {
			if err := q.write(ctx, batch); err != nil {
				q.server.logger.Error("refused webhooks were not stored in the quarantine", zap.Int("count", len(batch)), zap.Error(err))
			}
		}
		if open {
			q.countRooms(ctx)
		}
	}
}

// write stores a batch, and then trims the quarantine of each agent that has new bodies. It fails only if the batch was not stored.
func (q *quarantine) write(ctx context.Context, batch []unverifiedWebhook) error {
	deliveries := make([]inbox.Delivery, 0, len(batch))
	for _, w := range batch {
		d, err := q.sealed(w)
		if err != nil {
			return err
		}
		deliveries = append(deliveries, d)
	}
	receipts, err := q.append(ctx, deliveries)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, quarantineBudget)
	defer cancel()
	agents := map[string]bool{} // with new bodies; true: with activations
	for i, w := range batch {
		switch isNew := receipts[i].Outcome != inbox.OutcomeDuplicate; {
		case isNew:
			agents[w.agent] = agents[w.agent] || w.kind != kindUnverified
			if w.kind == kindExtraActivation {
				w.kind = kindUnverifiedActivation
				q.repeats.GiveBack(w.ofSource())
			}
		case w.kind != kindExtraActivation && q.repeats.Allow(w.ofSource()):
			q.bySource.GiveBack(w.ofSource())
			q.byAgent.GiveBack(w.ofAgent())
		}
		if receipts[i].Outcome == inbox.OutcomeDuplicate && batch[i].kind != kindUnverified {
			q.mu.Lock()
			q.rooms.giveBack(w.agent)
			q.mu.Unlock()
		}
	}
	for agent, activations := range agents {
		_, err := q.server.inbox.Trim(ctx, inbox.TrimRequest{
			State: inbox.StateQuarantined, Provider: artmail.Name, Scope: agent,
			Keep: q.server.config.Quarantine.Keep, LastKinds: lastKinds,
		})
		switch {
		case err != nil: // the next batch of the agent trims it
			q.server.logger.Warn("quarantine not trimmed", zap.String("agent", agent), zap.Error(err))
		case activations:
			q.countRoom(ctx, agent)
		}
	}
	return nil
}

// append stores a batch. While the inbox can't write, append tries again until stop ends all writes, because queued bodies count as kept.
func (q *quarantine) append(ctx context.Context, deliveries []inbox.Delivery) ([]inbox.Receipt, error) {
	for {
		within, cancel := context.WithTimeout(ctx, quarantineBudget)
		receipts, err := q.server.inbox.Append(within, deliveries)
		cancel()
		if err == nil || ctx.Err() != nil || errors.Is(err, inbox.ErrClosed) || errors.Is(err, inbox.ErrInvalid) || errors.Is(err, inbox.ErrIDTaken) {
			return receipts, err
		}
		q.server.logger.Warn("refused webhooks wait for the inbox", zap.Int("count", len(deliveries)), zap.Error(err))
		select {
		case <-time.After(quarantinePause):
		case <-ctx.Done():
		}
	}
}

func (q *quarantine) sealed(w unverifiedWebhook) (inbox.Delivery, error) {
	id := inbox.NewID(w.at)
	packed := hook.Pack(w.signatures, w.encoding, w.body)
	body, err := q.server.keys.Seal(packed, hook.BodyContext(artmail.Name, "", id)...)
	if err != nil {
		return inbox.Delivery{}, err
	}
	return inbox.Delivery{
		// Artmail tries an event seven times. With this key the tries share one row and can't fill the quarantine. The key does not
		// reveal the body to people without the keyring.
		DedupeKey: base64.RawURLEncoding.EncodeToString(q.server.keys.Fingerprint(packed, "quarantine", w.agent)),
		ID:        id, Provider: artmail.Name, Scope: w.agent, Kind: w.kind, Body: body, ReceivedAt: w.at,
		State: inbox.StateQuarantined, Reason: "no secret of the agent verifies it",
	}, nil
}
