package lifecycle

import (
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Activation is the start of the workflow and its state. New options replace those in Start.
type Activation struct {
	Start workflows.ActivationStart
	State State
}

// State is all that an activation carries over when it continues as new.
type State struct {
	// Version is the version of the code that began the run; see versions.go of the workflow.
	Version int `json:"version"`

	Status workflows.ActivationStatus `json:"status"`
	// Since is when Status was entered, by Temporal's clock.
	Since time.Time `json:"since"`
	// AttentionSince is when attention last began; zero without attention.
	AttentionSince time.Time `json:"noticedAt,omitzero"`

	// Activated, Changes and Ended are the events of Artmail; Status follows from them alone.
	Activated *Activated `json:"activated,omitempty"`
	Changes   []Change   `json:"changes,omitempty"`
	Ended     *Ending    `json:"ended,omitempty"`
	// KeyConflictAt is when another API key last came. Zero if none did, or that is over as rules.AttentionLasts says: only a person can
	// find out which of two keys Artmail accepts.
	KeyConflictAt time.Time `json:"keyConflictAt,omitzero"`
	// OtherKeys are the fingerprints of the newest API keys besides that of Activated. One that comes again is a duplicate.
	OtherKeys [][]byte `json:"otherKeys,omitempty"`

	// Approvals are in the order of registration, runs in the order in which they became known.
	Approvals []Approval `json:"approvals,omitempty"`
	Early     []Response `json:"early,omitempty"`
	Runs      []Run      `json:"runs,omitempty"`
	// Failed are the newest force-failed runs that are no longer in Runs: a request of one of them may be registered later.
	Failed []FailedRun `json:"failed,omitempty"`
	// UnclearAt is when a response last came that does not say which approval it answers. Zero if none did, or after the end of all approvals
	// that were open, or after rules.AttentionLasts.
	UnclearAt time.Time `json:"unclearAt,omitzero"`

	// EarlyDroppedAt is when a response in Early was last removed for lack of room. Zero if none was, or after rules.AttentionLasts.
	EarlyDroppedAt time.Time `json:"earlyDroppedAt,omitzero"`

	Outbox rules.Outbox `json:"outbox,omitzero"`

	Seen          rules.Seen              `json:"seen,omitempty"`
	EventsApplied int                     `json:"eventsApplied"`
	Duplicates    int                     `json:"duplicates"`
	LateEvents    int                     `json:"lateEvents"`
	LastApplied   *workflows.AppliedEvent `json:"lastApplied,omitempty"`
}

// Activated is the earliest agent.activated.
type Activated struct {
	At           time.Time                 `json:"at"`
	SealedAPIKey []byte                    `json:"sealedApiKey,omitempty"`
	Fingerprint  []byte                    `json:"fingerprint,omitempty"`
	User         *workflows.ActivationUser `json:"user,omitempty"`
}

// Ending is the end of the activation: agent.deactivated, or a cancellation in Temporal. Nothing is accepted after it.
type Ending struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
	// Cancelled: a person cancelled the workflow; Artmail sent no agent.deactivated.
	Cancelled bool `json:"stopped,omitempty"`
}

// Begin returns an activation before its first event.
func Begin(start workflows.ActivationStart, now time.Time) Activation {
	return Restore(start, State{Status: workflows.ActivationUnknown, Since: now})
}

// Restore returns an activation from its start and its carried state.
func Restore(start workflows.ActivationStart, state State) Activation {
	start.Options = usable(start.Options)
	return Activation{Start: start, State: state}
}

// clone copies all that the rules change in place. Other pointers, such as a ReplyTo, are only replaced as a whole; the outbox and the
// seen keys copy themselves.
func clone(a Activation) Activation {
	s := &a.State
	s.Changes, s.Approvals, s.Early, s.Runs = slices.Clone(s.Changes), slices.Clone(s.Approvals), slices.Clone(s.Early), slices.Clone(s.Runs)
	s.Failed = slices.Clone(s.Failed)
	if s.Activated != nil {
		activated := *s.Activated
		s.Activated = &activated
	}
	return a
}

// Note describes one event or effect for the log. It has no key, no personal data and no text of a message.
type Note struct {
	// Text says the object and the event, such as "approval expired"; it is "event" if Result has the rest.
	Text string
	// Result is set for events.
	Result workflows.EventResult
	// ReceivedAt is when the ingress stored the event; zero for other notes.
	ReceivedAt time.Time
	// Kind is the kind of the event. ID is the ID of the delivery, approval or run.
	Kind string
	ID   string
	Why  string
}
