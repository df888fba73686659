package relay

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// pendingEvent is a delivery with its parsed event.
type pendingEvent struct {
	inbox.Delivery
	// entityID is the provider's ID of the case or activation.
	entityID string
	// body is the opened body.
	body []byte
	// event is the event as the signal carries it; bytes is its size as JSON.
	event any
	bytes int
	// note is the reason to record once it is delivered; usually empty.
	note string
	// kind is the kind in the body, and lost names the fields that could not be read.
	kind string
	lost []string
}

// route makes signals of one provider's deliveries.
type route struct {
	// parse returns the event of an opened body, small enough for a signal. If it fails, the delivery is dead.
	parse func(d inbox.Delivery, body []byte) (pendingEvent, error)
	// send signals events to the workflow of a lane.
	send func(ctx context.Context, lane string, events []pendingEvent) sendResult
}

// newRoutes returns the route of each provider.
func (r *Relay) newRoutes() map[string]route {
	return map[string]route{
		offload.Name: {parse: parser(r, offload.Provider, markUnproven), send: r.sendOffload},
		artmail.Name: {parse: parser(r, artmail.Provider, r.sealAPIKey), send: r.sendArtmail},
	}
}

// parser returns a route's parse function for a provider. complete adds the fields that do not come from the body.
func parser[E any](r *Relay, of hook.Provider[E], complete func(*hook.Parsed[E], inbox.Delivery) error) func(inbox.Delivery, []byte) (pendingEvent, error) {
	return func(d inbox.Delivery, body []byte) (pendingEvent, error) {
		parsed, err := of.Parse(body, metaOf(d))
		if err != nil {
			return pendingEvent{}, err
		}
		if err := complete(&parsed, d); err != nil {
			return pendingEvent{}, err
		}
		event, encoded, err := of.Fit(parsed.Event, maxSignalBytes)
		pending := pendingEvent{
			Delivery: d, entityID: parsed.EntityID, body: body, event: event, bytes: len(encoded), kind: parsed.Kind, lost: parsed.Lost,
		}
		if d.Kind == hook.KindUnknown { // the version that stored it did not know the kind
			pending.note = fmt.Sprintf("kind %q", parsed.Kind)
		}
		return pending, err
	}
}

// sendResult is how Temporal answered a signal.
type sendResult struct {
	class class
	err   error
	// closedAt is when a closed case was closed, and applied when the newest event that it has applied was accepted; zero: not known.
	closedAt, applied time.Time
	// beforeEnd: the workflow is closed, but did not complete: it was terminated in Temporal, failed or timed out.
	beforeEnd bool
	// begunAt is when another case of the same reference began, if the closed case was erased.
	begunAt time.Time
}

func resultOf(err error) sendResult { return sendResult{class: classify(err), err: err} }

func (s sendResult) reason() string {
	if s.err == nil {
		return "the workflow can't take it now"
	}
	return s.err.Error()
}

// handle sends the claimed deliveries of a lane and returns a settlement for each of them. When a lane is due and claimed is decided in
// inbox/internal/sqlstore/claim.go.
func (r *Relay) handle(ctx context.Context, lane inbox.Lane) []inbox.Settlement {
	route, known := r.routes[lane.Deliveries[0].Provider]
	if !known {
		return finish(lane.Deliveries, inbox.StateDead, "unknown provider")
	}
	events, dead, unopened := r.open(lane, route)
	settled, all := r.sendEvents(ctx, lane.Name, route, events)
	settled = append(settled, dead...)
	if all && len(unopened) > 0 {
		settled = append(settled, r.countFailedAttempt(unopened[0], "this keyring can't open its body"))
		unopened = unopened[1:]
	}
	settled = append(settled, release(unopened)...)
	r.countFields(events, settled) // not before the signals: it takes as long as the parsing
	return settled
}

// sendEvents sends the opened events of a lane in their order and returns a settlement for each of them. It stops at the first signal that may not
// begin or that Temporal does not accept; then all is false.
func (r *Relay) sendEvents(ctx context.Context, lane string, route route, events []pendingEvent) (settled []inbox.Settlement, all bool) {
	for len(events) > 0 {
		if !r.maySend(ctx, lane) {
			return append(settled, release(deliveriesOf(events))...), false
		}
		alike := sameCase(lane, events)
		batch := events[:countForSignal(events[:alike])]
		if result := r.sendBatch(ctx, lane, route, batch); result.class != accepted {
			settled = append(settled, r.notAccepted(ctx, deliveriesOf(events[:alike]), result)...)
			return append(settled, release(deliveriesOf(events[alike:]))...), false
		}
		r.countDelivered(batch)
		for _, e := range batch {
			settled = append(settled, inbox.Finish(e.ID, inbox.StateDelivered, e.note))
		}
		events = events[len(batch):]
	}
	return settled, true
}

// maySend reports whether a signal for the lane may begin: not while Temporal is away, not during a stop, and not near the end of the lease.
func (r *Relay) maySend(ctx context.Context, lane string) bool {
	_, shut := r.gate.shut()
	return shut == nil && ctx.Err() == nil && r.leases.trust(lane, r.now())
}

// sendBatch sends one signal. A stop does not cancel it: otherwise the relay would not know whether it arrived.
func (r *Relay) sendBatch(ctx context.Context, lane string, route route, batch []pendingEvent) sendResult {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.config.SignalTimeout)
	defer cancel()
	ctx, endSpan := r.beginSpan(ctx, lane, batch)
	result := route.send(ctx, lane, batch)
	endSpan(result)
	return result
}

// countDelivered counts an accepted signal, its events and how long they took.
func (r *Relay) countDelivered(batch []pendingEvent) {
	r.metrics.signals.WithLabelValues(batch[0].Provider).Inc()
	r.metrics.events.WithLabelValues(batch[0].Provider).Add(float64(len(batch)))
	now := r.now()
	for _, e := range batch {
		r.metrics.lag.Observe(now.Sub(e.ReceivedAt).Seconds())
	}
}

// countFields counts the undocumented and unreadable fields of the events that have reached an end. A retry is not counted again; a replay is.
func (r *Relay) countFields(events []pendingEvent, settled []inbox.Settlement) {
	ended := map[string]bool{}
	for _, s := range settled {
		ended[s.ID] = s.IsEnd()
	}
	for _, e := range events {
		if !ended[e.ID] {
			continue
		}
		r.metrics.undocumented.WithLabelValues(e.Provider).Add(float64(hook.CountUndocumented(e.body)))
		r.metrics.unreadable.WithLabelValues(e.Provider).Add(float64(len(e.lost)))
		if len(e.lost) > 0 {
			r.logger.Warn("event has fields that can't be read",
				zap.String("delivery", e.ID), zap.String("provider", e.Provider), zap.String("kind", e.kind), zap.Strings("fields", e.lost))
		}
	}
}

// open opens and parses the deliveries of a lane. A delivery that can't be parsed is dead, and the rest goes on. At the first one that can't
// be opened it stops, and returns it and those behind it as unopened: the keyring is wrong, so the order is kept until a restart with the
// right one.
func (r *Relay) open(lane inbox.Lane, route route) (events []pendingEvent, dead []inbox.Settlement, unopened []inbox.Delivery) {
	for i, d := range lane.Deliveries {
		body, err := r.keys.Open(d.Body, hook.BodyContext(d.Provider, d.Lane, d.ID)...)
		if err != nil {
			r.logger.Error("delivery can't be opened: is this the keyring that sealed it?", zap.String("delivery", d.ID), zap.Error(err))
			return events, dead, lane.Deliveries[i:]
		}
		event, err := route.parse(d, body)
		if err != nil {
			r.logger.Warn("delivery is dead", zap.String("delivery", d.ID), zap.String("provider", d.Provider), zap.Error(err))
			dead = append(dead, inbox.Finish(d.ID, inbox.StateDead, err.Error()))
			continue
		}
		events = append(events, event)
	}
	return events, dead, nil
}

// sameCase returns how many events have the case of the first one. Only a lane of the shared route may hold several cases: it holds the
// deliveries whose caseId could not be read when they came.
func sameCase(lane string, events []pendingEvent) int {
	differs := func(e pendingEvent) bool { return offload.IsSharedLane(lane) && e.entityID != events[0].entityID }
	if other := slices.IndexFunc(events, differs); other > 0 {
		return other
	}
	return len(events)
}

// countForSignal returns how many events the next signal carries. An event with a failed attempt goes alone, so that the others lose
// no attempt.
func countForSignal(events []pendingEvent) int {
	if events[0].Attempts > 0 {
		return 1
	}
	n, bytes := 0, 0
	for n < len(events) && n < maxEventsPerSignal && events[n].Attempts == 0 {
		bytes += events[n].bytes + 1
		if n > 0 && bytes > maxSignalBytes {
			break
		}
		n++
	}
	return n
}

// signalOf returns the payload of a signal: a list of events.
func signalOf(events []pendingEvent) []any {
	signal := make([]any, len(events))
	for i, e := range events {
		signal[i] = e.event
	}
	return signal
}

func deliveriesOf(events []pendingEvent) []inbox.Delivery {
	out := make([]inbox.Delivery, 0, len(events))
	for _, e := range events {
		out = append(out, e.Delivery)
	}
	return out
}
