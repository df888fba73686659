package relay

import (
	"context"
	"math/rand/v2"
	"time"

	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// letter is a delivery that can be sent: its event and how many bytes of a signal that takes.
type letter struct {
	inbox.Delivery
	event any
	bytes int
}

// route is one provider's way from deliveries to signals.
type route struct {
	// read parses one delivery; an error is its end (dead).
	read func(inbox.Delivery, []byte) (event any, bytes int, err error)
	// send signals events, and says what became of them.
	send func(ctx context.Context, lane string, events []any) fate
}

// routes are the ways to send by the provider of a lane.
var routes = map[string]func(r *Relay, lane string) route{
	offload.Name: (*Relay).offloadRoute,
	artmail.Name: (*Relay).artmailRoute,
}

// reading is a route's read for a provider. complete adds what the body doesn't say.
func reading[E any](r *Relay, of hook.Provider[E], complete func(*hook.Parsed[E], inbox.Delivery) error) func(inbox.Delivery, []byte) (any, int, error) {
	return func(d inbox.Delivery, plain []byte) (any, int, error) {
		parsed, err := of.Parse(plain, metaOf(d))
		if err != nil {
			return nil, 0, err
		}
		if len(parsed.Lost) > 0 {
			r.logger.Warn("event has fields that can't be read",
				zap.String("delivery", d.ID), zap.String("provider", d.Provider), zap.String("kind", parsed.Kind), zap.Strings("fields", parsed.Lost))
		}
		if err := complete(&parsed, d); err != nil {
			return nil, 0, err
		}
		event, encoded, err := of.Fit(parsed.Event, maxSignalBytes)
		return event, len(encoded), err
	}
}

// fate is what became of a signal.
type fate struct {
	verdict verdict
	err     error
}

func (f fate) reason() string {
	if f.err == nil {
		return "the workflow can't take it now"
	}
	return f.err.Error()
}

// handle sends what is pending in a lane and returns a settlement for each delivery.
func (r *Relay) handle(ctx context.Context, lane claimed) []inbox.Settlement {
	routeOf, known := routes[lane.Deliveries[0].Provider]
	if !known {
		var out []inbox.Settlement
		for _, d := range lane.Deliveries {
			out = append(out, inbox.Finish(d.ID, inbox.StateDead, "unknown provider"))
		}
		return out
	}
	return r.sendLane(ctx, lane, routeOf(r, lane.Name))
}

func (r *Relay) sendLane(ctx context.Context, lane claimed, route route) []inbox.Settlement {
	letters, settled := r.read(lane, route)
	for len(letters) > 0 {
		if _, reason := r.gate.shut(); reason != nil || ctx.Err() != nil || !r.now().Before(lane.until) {
			return append(settled, release(letters)...)
		}
		n := fits(letters)
		events := make([]any, n)
		for i := range events {
			events[i] = letters[i].event
		}
		// A stop lets this signal end, so that it is known whether it arrived.
		send, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.config.SignalTimeout)
		f := route.send(send, lane.Name, events)
		cancel()
		if f.verdict != accepted {
			return append(settled, r.stopped(ctx, letters, f)...)
		}
		r.metrics.signals.WithLabelValues(letters[0].Provider).Inc()
		now := r.now()
		for _, l := range letters[:n] {
			settled = append(settled, inbox.Finish(l.ID, inbox.StateDelivered, ""))
			r.metrics.lag.Observe(now.Sub(l.ReceivedAt).Seconds())
		}
		letters = letters[n:]
	}
	return settled
}

// read opens and parses. What can't be parsed is dead and the rest goes on. What can't be opened holds up the lane instead: it is
// the keyring that is at fault, and order matters.
func (r *Relay) read(lane claimed, route route) (letters []letter, settled []inbox.Settlement) {
	for i, d := range lane.Deliveries {
		plain, err := r.keys.Open(d.Body, hook.BodyContext(d.Provider, d.Lane, d.ID)...)
		if err != nil {
			r.logger.Error("delivery can't be opened: is the keyring the one that sealed it?", zap.String("delivery", d.ID), zap.Error(err))
			settled = append(settled, r.refuse(d, "its body can't be opened with this keyring"))
			for _, rest := range lane.Deliveries[i+1:] {
				settled = append(settled, inbox.Release(rest.ID))
			}
			return letters, settled
		}
		event, bytes, err := route.read(d, plain)
		if err != nil {
			r.logger.Warn("delivery is dead", zap.String("delivery", d.ID), zap.String("provider", d.Provider), zap.Error(err))
			settled = append(settled, inbox.Finish(d.ID, inbox.StateDead, err.Error()))
			continue
		}
		letters = append(letters, letter{Delivery: d, event: event, bytes: bytes})
	}
	return letters, settled
}

// fits is how many letters the next signal carries. One that was refused before goes alone, so that only it is counted against.
func fits(letters []letter) int {
	if letters[0].Attempts > 0 {
		return 1
	}
	n, bytes := 0, 0
	for n < len(letters) && n < maxEventsPerSignal && letters[n].Attempts == 0 {
		bytes += letters[n].bytes + 1
		if n > 0 && bytes > maxSignalBytes {
			break
		}
		n++
	}
	return n
}

// stopped settles the rest of a lane after a signal that was not accepted.
func (r *Relay) stopped(ctx context.Context, letters []letter, f fate) []inbox.Settlement {
	head := letters[0].Delivery
	alone := func(s inbox.Settlement) []inbox.Settlement {
		return append([]inbox.Settlement{s}, release(letters[1:])...)
	}
	switch f.verdict {
	case closed:
		return finish(letters, inbox.StateLate, "the workflow is closed")
	case notFound:
		return r.unmatched(letters)
	case busy:
		return alone(inbox.Retry(head.ID, r.now().Add(patience(r.now().Sub(head.ReceivedAt))), f.reason(), false))
	case refused:
		return alone(r.refuse(head, f.reason()))
	case outage, unclear:
		if r.gate.suspect(ctx, f.err) {
			return release(letters)
		}
		if f.verdict == unclear {
			return alone(r.refuse(head, f.reason()))
		}
		return alone(inbox.Retry(head.ID, r.now().Add(patience(r.now().Sub(head.ReceivedAt))), f.reason(), false))
	case accepted:
	}
	return release(letters)
}

// unmatched lets deliveries wait for their workflow until each one's grace time is over.
func (r *Relay) unmatched(letters []letter) []inbox.Settlement {
	const reason = "no such workflow"
	now := r.now()
	out := make([]inbox.Settlement, 0, len(letters))
	for _, d := range letters {
		age := now.Sub(d.ReceivedAt)
		if age < r.config.UnmatchedGrace {
			out = append(out, inbox.Retry(d.ID, now.Add(min(patience(age), r.config.UnmatchedGrace-age)), reason, false))
			continue
		}
		r.logger.Warn("delivery is unmatched", zap.String("delivery", d.ID), zap.String("lane", d.Lane))
		out = append(out, inbox.Finish(d.ID, inbox.StateUnmatched, reason))
	}
	return out
}

// refuse counts an attempt, or ends the delivery after the last one.
func (r *Relay) refuse(d inbox.Delivery, reason string) inbox.Settlement {
	if d.Attempts+1 >= r.config.MaxAttempts {
		r.logger.Error("delivery is dead after its last attempt", zap.String("delivery", d.ID), zap.String("lane", d.Lane), zap.String("reason", reason))
		return inbox.Finish(d.ID, inbox.StateDead, reason)
	}
	r.logger.Warn("delivery is refused", zap.String("delivery", d.ID), zap.String("lane", d.Lane), zap.Int("attempt", d.Attempts+1), zap.String("reason", reason))
	const most = 5 * time.Minute
	pause := min(time.Second<<min(d.Attempts, 12), most)
	return inbox.Retry(d.ID, r.now().Add(jittered(pause)), reason, true)
}

// patience grows with what has been waited already, so that no count has to be kept: a quarter of the age, from half a second to
// half a minute.
func patience(age time.Duration) time.Duration {
	return jittered(min(max(age/4, 500*time.Millisecond), 30*time.Second))
}

// jittered is d, give or take a fifth, so that lanes that failed together don't return together.
func jittered(d time.Duration) time.Duration { return d - d/5 + rand.N(2*d/5+1) }

func release(letters []letter) []inbox.Settlement {
	out := make([]inbox.Settlement, 0, len(letters))
	for _, l := range letters {
		out = append(out, inbox.Release(l.ID))
	}
	return out
}

func finish(letters []letter, end inbox.State, reason string) []inbox.Settlement {
	out := make([]inbox.Settlement, 0, len(letters))
	for _, l := range letters {
		out = append(out, inbox.Finish(l.ID, end, reason))
	}
	return out
}
