package lifecycle

import (
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Activation is what the rules work on: what the workflow was started with, and its state. Options that are told later replace those in Start.
type Activation struct {
	Start workflows.ActivationStart
	State State
}

// State is what an activation carries from run to run.
type State struct {
	// Version is the one of the code that began the activation; versions.go of the workflow lists them.
	Version int `json:"version"`

	Status workflows.ActivationStatus `json:"status"`
	// Since is when Status was entered here, by our clock.
	Since time.Time `json:"since"`

	// Activated, Changes and Ended are what Artmail said; Status follows from them alone.
	Activated *Activated `json:"activated,omitempty"`
	Changes   []Change   `json:"changes,omitempty"`
	Ended     *Ending    `json:"ended,omitempty"`
	// KeyConflict stays: only a person can tell which of two keys Artmail honours.
	KeyConflict bool `json:"keyConflict,omitempty"`

	// Approvals are in the order of their registration, runs in the order in which they became known.
	Approvals []Approval `json:"approvals,omitempty"`
	Early     []Response `json:"early,omitempty"`
	Runs      []Run      `json:"runs,omitempty"`

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

// Ending is agent.deactivated, or a person's order to stop: nothing is accepted after either.
type Ending struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
	// Stopped: a person cancelled the workflow; Artmail said nothing.
	Stopped bool `json:"stopped,omitempty"`
}

// Begin is an activation before its first event.
func Begin(start workflows.ActivationStart, version int, now time.Time) Activation {
	return Restore(start, State{Version: version, Status: workflows.ActivationUnknown, Since: now})
}

// Restore puts a carried state together with the start it belongs to.
func Restore(start workflows.ActivationStart, state State) Activation {
	start.Options = usable(start.Options)
	return Activation{Start: start, State: state}
}

// clone copies what the rules change in place. What other pointers lead to, such as a ReplyTo, is only replaced as a whole; the outbox and the
// seen keys copy themselves.
func clone(a Activation) Activation {
	s := &a.State
	s.Changes, s.Approvals, s.Early, s.Runs = slices.Clone(s.Changes), slices.Clone(s.Approvals), slices.Clone(s.Early), slices.Clone(s.Runs)
	if s.Activated != nil {
		activated := *s.Activated
		s.Activated = &activated
	}
	return a
}

// Note says what was done with one thing that happened. It is for the log: it holds no key, no personal data and no text of a message.
type Note struct {
	// Text says the object and what happened to it, such as "approval expired"; "event" where Result says the rest.
	Text string
	// Result is set for events.
	Result workflows.EventResult
	// ReceivedAt is when the ingress had stored the event; zero for everything else.
	ReceivedAt time.Time
	// Kind is the event's; ID is that of the delivery, approval or run.
	Kind string
	ID   string
	Why  string
}
