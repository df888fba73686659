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
type quarantine struct {
	server *Server
	wake   chan struct{} // holds one notice of something queued
	done   sync.WaitGroup

	mu                  sync.Mutex
	activations, others []suspect
}

type suspect struct {
	agent, encoding string
	signatures      []string
	body            []byte
	at              time.Time
}

const (
	// quarantineQueue, of each kind, and quarantineBatch hold at most 36 MiB of bodies of the default size.
	quarantineQueue = 256
	quarantineBatch = 64
	// quarantineBudget is for one batch.
	quarantineBudget = 10 * time.Second
)

func newQuarantine(s *Server) *quarantine {
	return &quarantine{server: s, wake: make(chan struct{}, 1)}
}

func (q *quarantine) start() { q.done.Go(q.run) }

// stop writes what waits. Nothing may be offered any more.
func (q *quarantine) stop() {
	close(q.wake)
	q.done.Wait()
}

// offer copies the body, or drops it where it is too large or too much waits.
func (q *quarantine) offer(agent string, signatures []string, encoding string, raw []byte) {
	kept := "no"
	if int64(len(raw)) <= q.server.config.Quarantine.MaxBody && len(raw) > 0 &&
		q.enqueue(suspect{agent: agent, signatures: signatures, encoding: encoding, body: raw, at: q.server.now()}) {
		kept = "yes"
	}
	q.server.metrics.quarantined.WithLabelValues(kept).Inc()
	q.server.logger.Warn("bad signature: if the agent's webhook secret is wrong, Artmail will pause its activations",
		zap.String("agent", agent), zap.String("quarantined", kept))
}

func (q *quarantine) enqueue(s suspect) bool {
	queue := &q.others
	if artmail.LooksLikeActivation(s.body) {
		queue = &q.activations
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(*queue) == quarantineQueue {
		return false
	}
	s.body = bytes.Clone(s.body)
	*queue = append(*queue, s)
	select {
	case q.wake <- struct{}{}:
	default: // a notice is already there
	}
	return true
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
	if _, err := q.server.inbox.Append(ctx, deliveries); err != nil {
		return err
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
	kind := kindUnverified
	if artmail.LooksLikeActivation(s.body) {
		kind = kindUnverifiedActivation
	}
	packed := hook.Pack(s.signatures, s.encoding, s.body)
	body, err := q.server.keys.Seal(packed, hook.BodyContext(artmail.Name, "", id)...)
	if err != nil {
		return inbox.Delivery{}, err
	}
	return inbox.Delivery{
		// Artmail tries an event seven times: with a key, the tries take one place together and can't fill the quarantine. The key
		// reveals nothing of the body without the keyring.
		DedupeKey: base64.RawURLEncoding.EncodeToString(q.server.keys.Fingerprint(packed, "quarantine", s.agent)),
		ID:        id, Provider: artmail.Name, Scope: s.agent, Kind: kind, Body: body, ReceivedAt: s.at,
		State: inbox.StateQuarantined, Reason: "no secret of the agent verifies it",
	}, nil
}
