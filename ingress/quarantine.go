package ingress

import (
	"bytes"
	"context"
	"encoding/base64"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// Kinds of deliveries that no secret has verified. What the body says only decides which ones Trim removes last.
const (
	kindUnverified           = "unverified"
	kindUnverifiedActivation = "unverified agent.activated"
)

// quarantine keeps bodies that were refused, sealed and bounded, so that a person can correct a wrong secret and release the events:
// Artmail shows an API key only once.
//
// It writes beside the requests, never within one. A refusal that waited for the disk would take longer than one for an agent
// that does not exist, and many forged webhooks would delay real ones. What is lost by a crash or a full queue was
// never acknowledged: Artmail sends it again. Bodies that look like agent.activated have a separate queue that is written
// first, so that many other bodies can't keep an API key from being stored.
//
// Each agent has a bound in number, and takes a limited number in an hour; so does each source for each agent. A source therefore can't
// push out what others have sent, and what is written to the disk is bounded whatever is posted. Repetitions of a body are free.
type quarantine struct {
	server *Server
	wake   chan struct{} // holds one notice of something queued
	done   sync.WaitGroup

	mu                  sync.Mutex
	activations, others []suspect

	bySource *limiter[suspectSource]
	byAgent  *limiter[suspectAgent]
}

// suspect is a webhook that no secret of its agent verifies.
type suspect struct {
	agent, encoding string
	// known says that there is such an agent.
	known      bool
	source     source
	signatures []string
	body       []byte
	at         time.Time
	kind       string
}

// suspectAgent and suspectSource are what the quarantine limits.
type (
	suspectAgent  struct{ agent, kind string }
	suspectSource struct {
		suspectAgent
		source source
	}
)

func (s suspect) ofAgent() suspectAgent   { return suspectAgent{s.agent, s.kind} }
func (s suspect) ofSource() suspectSource { return suspectSource{s.ofAgent(), s.source} }

// kept says whether the quarantine keeps a suspect, or why not.
type kept string

const (
	keptYes         kept = "yes"
	keptTooLarge    kept = "too_large"
	keptEmpty       kept = "empty"
	keptRateLimited kept = "rate_limited"
	keptQueueFull   kept = "queue_full"
)

// keptResults lists every value of kept: each is counted from zero.
var keptResults = []kept{keptYes, keptTooLarge, keptEmpty, keptRateLimited, keptQueueFull}

const (
	// quarantineQueue, of each kind, and quarantineBatch hold at most 36 MiB of bodies of the default size.
	quarantineQueue = 256
	quarantineBatch = 64
	// quarantineBudget is for one batch.
	quarantineBudget = 10 * time.Second
)

func newQuarantine(s *Server) *quarantine {
	const hour = 60 * 60
	c := s.config.Quarantine
	return &quarantine{
		server: s, wake: make(chan struct{}, 1),
		bySource: newLimiter[suspectSource](s.now, c.SourcePerHour, float64(c.SourcePerHour)/hour),
		byAgent:  newLimiter[suspectAgent](s.now, c.Keep, float64(c.Keep)/hour),
	}
}

func (q *quarantine) start() { q.done.Go(q.run) }

// stop writes what waits. Nothing may be offered any more.
func (q *quarantine) stop() {
	close(q.wake)
	q.done.Wait()
}

// offer queues a suspect, or drops it where it is beyond a bound. It does the same work for an agent that does not exist, up to the end.
func (q *quarantine) offer(s suspect) {
	result := q.enqueue(s)
	subject := s.agent
	if s.known {
		q.server.metrics.countBadSignature(result)
	} else {
		subject = "unknown agent" // a sender must not choose what is logged
	}
	q.server.refusals.write(zap.WarnLevel, sample{
		"bad signature: if the agent's webhook secret is wrong, Artmail will pause its activations", subject, "quarantined: " + string(result), network(s.source),
	})
}

func (q *quarantine) enqueue(s suspect) kept {
	switch {
	case len(s.body) == 0:
		return keptEmpty
	case int64(len(s.body)) > q.server.config.Quarantine.MaxBody:
		return keptTooLarge
	}
	queue := &q.others
	if s.kind = kindUnverified; artmail.LooksLikeActivation(s.body) {
		queue, s.kind = &q.activations, kindUnverifiedActivation
	}
	if !s.known {
		s.agent = "" // all that do not exist share one bound
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case len(*queue) == quarantineQueue:
		return keptQueueFull
	case !q.bySource.allow(s.ofSource()):
		return keptRateLimited
	case !q.byAgent.allow(s.ofAgent()):
		return keptRateLimited
	}
	s.body = bytes.Clone(s.body)
	if !s.known {
		return keptYes
	}
	*queue = append(*queue, s)
	select {
	case q.wake <- struct{}{}:
	default: // a notice is already there
	}
	return keptYes
}

// take returns the next batch, empty where nothing waits.
func (q *quarantine) take() []suspect {
	q.mu.Lock()
	defer q.mu.Unlock()
	queue := &q.activations
	if len(*queue) == 0 {
		queue = &q.others
	}
	n := min(len(*queue), quarantineBatch)
	batch := (*queue)[:n:n]
	if *queue = (*queue)[n:]; len(*queue) == 0 {
		*queue = nil // else the written bodies would stay in memory
	}
	return batch
}

func (q *quarantine) run() {
	for open := true; open; {
		_, open = <-q.wake
		for batch := q.take(); len(batch) > 0; batch = q.take() {
			if err := q.write(batch); err != nil {
				q.server.logger.Error("refused webhooks were not stored in the quarantine", zap.Int("count", len(batch)), zap.Error(err))
			}
		}
	}
}

func (q *quarantine) write(batch []suspect) error {
	ctx, cancel := context.WithTimeout(context.Background(), quarantineBudget)
	defer cancel()
	agents := map[string]bool{}
	deliveries := make([]inbox.Delivery, 0, len(batch))
	for _, s := range batch {
		d, err := q.sealed(s)
		if err != nil {
			return err
		}
		deliveries = append(deliveries, d)
		agents[s.agent] = true
	}
	receipts, err := q.server.inbox.Append(ctx, deliveries)
	if err != nil {
		return err
	}
	for i, s := range batch {
		if receipts[i].Outcome == inbox.OutcomeDuplicate { // it takes no place
			q.bySource.giveBack(s.ofSource())
			q.byAgent.giveBack(s.ofAgent())
		}
	}
	for agent := range agents {
		_, err := q.server.inbox.Trim(ctx, inbox.TrimRequest{
			State: inbox.StateQuarantined, Provider: artmail.Name, Scope: agent,
			Keep: q.server.config.Quarantine.Keep, LastKinds: []string{kindUnverifiedActivation},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (q *quarantine) sealed(s suspect) (inbox.Delivery, error) {
	id := inbox.NewID(s.at)
	packed := hook.Pack(s.signatures, s.encoding, s.body)
	body, err := q.server.keys.Seal(packed, hook.BodyContext(artmail.Name, "", id)...)
	if err != nil {
		return inbox.Delivery{}, err
	}
	return inbox.Delivery{
		// Artmail tries an event seven times: with a key, the tries take one place together and can't fill the quarantine. The key
		// reveals nothing of the body without the keyring.
		DedupeKey: base64.RawURLEncoding.EncodeToString(q.server.keys.Fingerprint(packed, "quarantine", s.agent)),
		ID:        id, Provider: artmail.Name, Scope: s.agent, Kind: s.kind, Body: body, ReceivedAt: s.at,
		State: inbox.StateQuarantined, Reason: "no secret of the agent verifies it",
	}, nil
}
