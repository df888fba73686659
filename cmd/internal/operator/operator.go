// Package operator is what people do with the inbox: list, show, replay, release, purge and count. A SQLite inbox belongs to one
// process, so the process that has it open offers the operations on a UNIX socket beside the file, and a command line that finds nobody
// there opens the inbox itself: Desk carries the operations out in both cases, Client asks another process's Desk.
//
// It knows how bodies are sealed and what in them is not for everybody's eyes. It knows no flags and no tables.
package operator

import (
	"context"
	"encoding/json"
	"time"

	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// Operations are the same over a socket and on an inbox of one's own. Errors wrap the sentinels of package inbox.
type Operations interface {
	// List returns deliveries without bodies, the newest first.
	List(ctx context.Context, filter inbox.Filter) (List, error)
	// Show returns one delivery with what may be shown of its body; inbox.ErrNotFound where there is none.
	Show(ctx context.Context, request ShowRequest) (Shown, error)
	// Replay hands deliveries out again. What was applied before is not applied twice: the workflows' rules see to that.
	Replay(ctx context.Context, request ReplayRequest) (Replayed, error)
	// Release verifies what is quarantined again by the secrets of the process that carries it out.
	Release(ctx context.Context, request ReleaseRequest) (ingress.Released, error)
	// Purge removes bodies and rows by age.
	Purge(ctx context.Context, request PurgeRequest) (inbox.Purged, error)
	// Counts returns the number of deliveries by state.
	Counts(ctx context.Context) (Counts, error)
}

// Delivery is a row of the inbox. Times are the zero time where the thing has not happened.
type Delivery struct {
	ID              string      `json:"id"`
	State           inbox.State `json:"state"`
	Reason          string      `json:"reason,omitempty"`
	Provider        string      `json:"provider"`
	Scope           string      `json:"scope,omitempty"`
	Kind            string      `json:"kind,omitempty"`
	Lane            string      `json:"lane,omitempty"`
	DedupeKey       string      `json:"dedupeKey,omitempty"`
	OccurredAt      time.Time   `json:"occurredAt,omitzero"`
	ReceivedAt      time.Time   `json:"receivedAt"`
	SettledAt       time.Time   `json:"settledAt,omitzero"`
	DueAt           time.Time   `json:"dueAt,omitzero"`
	Attempts        int         `json:"attempts,omitempty"`
	Duplicates      int         `json:"duplicates,omitempty"`
	LastDuplicateAt time.Time   `json:"lastDuplicateAt,omitzero"`
	ConflictOf      string      `json:"conflictOf,omitempty"`
}

// List is one page; Next is the cursor of the following one, empty on the last.
type List struct {
	Deliveries []Delivery `json:"deliveries"`
	Next       string     `json:"next,omitempty"`
}

// ShowRequest names a delivery. Reveal asks for its body as it came, with keys and personal data; that is logged.
type ShowRequest struct {
	ID     string `json:"id"`
	Reveal bool   `json:"reveal,omitempty"`
}

// Shown is a delivery with at most one of Body, where it is JSON, and Raw, where it is not. Withheld says why neither is there.
type Shown struct {
	Delivery
	Body     json.RawMessage `json:"body,omitempty"`
	Raw      []byte          `json:"raw,omitempty"`
	Redacted bool            `json:"redacted,omitempty"`
	Withheld string          `json:"withheld,omitempty"`
}

// ReplayRequest names one delivery, or without an ID all that Filter matches; its cursor and limit are not used. A filter without
// states means what did not arrive: unmatched, late and dead.
type ReplayRequest struct {
	ID     string       `json:"id,omitempty"`
	Filter inbox.Filter `json:"filter"`
}

// Replayed counts. Skipped deliveries can't be handed out: they have no lane, or their body is past its retention.
type Replayed struct {
	Replayed int `json:"replayed"`
	Skipped  int `json:"skipped"`
}

// ReleaseRequest names an agent; empty means all.
type ReleaseRequest struct {
	Agent string `json:"agent,omitempty"`
}

// PurgeRequest says how old, by arrival, bodies and rows must be to go. Zero leaves them alone. What is pending is never touched.
type PurgeRequest struct {
	Bodies time.Duration `json:"bodies,omitempty"`
	Rows   time.Duration `json:"rows,omitempty"`
}

// Counts are deliveries by state. OldestPending is the zero time where nothing is pending.
type Counts struct {
	States        map[inbox.State]int64 `json:"states"`
	OldestPending time.Time             `json:"oldestPending,omitzero"`
}

type callerKey struct{}

// WithCaller says on whose behalf an operation runs, for the log.
func WithCaller(ctx context.Context, who string) context.Context {
	return context.WithValue(ctx, callerKey{}, who)
}

func caller(ctx context.Context) string {
	if who, ok := ctx.Value(callerKey{}).(string); ok && who != "" {
		return who
	}
	return unknownCaller
}

const unknownCaller = "unknown"
