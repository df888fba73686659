package rules

import "time"

// Due reports whether a time has come. The zero time never comes.
func Due(at, now time.Time) bool { return !at.IsZero() && !at.After(now) }

// Sooner returns the earlier of two times. Zero means never.
func Sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// WakeUp is when a workflow looks at its state again without news: at Wake, for the reason WakeFor. A zero Wake means never.
type WakeUp struct {
	Wake    time.Time
	WakeFor string
}

// WakeAt wakes at a time after now, unless an earlier one is set.
func (w *WakeUp) WakeAt(at, now time.Time, why string) {
	if at.After(now) && (w.Wake.IsZero() || at.Before(w.Wake)) {
		w.Wake, w.WakeFor = at, why
	}
}

// AttentionLasts is how long attention lasts that nothing else ends: its cause is a past event, and a person can only take note of it.
// A workflow may live for years.
const AttentionLasts = 7 * 24 * time.Hour

// LastsUntil returns when the attention for an event at a time ends; zero for the zero time.
func LastsUntil(at time.Time) time.Time {
	if at.IsZero() {
		return time.Time{}
	}
	return at.Add(AttentionLasts)
}

// futureLimit is how far after its arrival an event's time may lie. Differences between clocks are smaller.
const futureLimit = 5 * time.Minute

// EventTime returns the provider's time of an event. If that is missing, or more than five minutes after the arrival, it returns the
// arrival.
func EventTime(occurred, received time.Time) time.Time {
	if occurred.IsZero() || occurred.After(received.Add(futureLimit)) {
		return received
	}
	return occurred
}

// Arrival returns when an event or a read arrived. If that time is missing, or in the future because another machine's clock is ahead, it
// returns now.
func Arrival(received, now time.Time) time.Time {
	if received.IsZero() || received.After(now) {
		return now
	}
	return received
}

const (
	// outageAfter is the longest delay of a timer without an outage.
	outageAfter = 30 * time.Second
	// graceTime is longer than the relay needs, after an outage of Temporal, to signal the events of a usual backlog: it signals hundreds of events
	// a second. It does not help where only the relay could not reach Temporal: then the timer fires on time.
	graceTime = 2 * time.Minute
)

// GraceUntil returns until when to wait after a time that began at from and ended at end, before its end counts; zero: not at all. If Temporal was
// away at its end, the relay may still hold events that the ingress accepted meanwhile.
func GraceUntil(from, end, now time.Time) time.Time {
	if end.After(from) && now.Sub(end) > outageAfter {
		return now.Add(graceTime)
	}
	return time.Time{}
}

// Backoff returns the pause after n earlier pauses: first, and each twice the one before, up to longest.
func Backoff(first, longest time.Duration, n int) time.Duration {
	return min(first<<min(n, 10), longest)
}

// Stamp formats a time for people: to the second, in UTC.
func Stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
