package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// State is all that an activation carries from run to run. Its zero value is an activation of which nothing is known.
type State struct {
	// Start is set by New and Restore and travels beside the state, not in it.
	Start workflows.ActivationStart `json:"-"`

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
	Replies   []Reply    `json:"replies,omitempty"`

	Seen          []string `json:"seen,omitempty"`
	EventsApplied int      `json:"eventsApplied"`
	Duplicates    int      `json:"duplicates"`
	LateEvents    int      `json:"lateEvents"`
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

// New is the state of an activation before its first event.
func New(start workflows.ActivationStart, now time.Time) *State {
	s := &State{Status: workflows.ActivationUnknown, Since: now}
	return s.Restore(start)
}

// Restore puts a carried state together with the start it belongs to.
func (s *State) Restore(start workflows.ActivationStart) *State {
	start.Options = start.Options.Normalized()
	s.Start = start
	return s
}

// Note says what became of one thing that happened. It is for the log: it holds no key, no personal data and no text of a message.
type Note struct {
	Verdict Verdict
	Kind    string
	// ID is the delivery, approval, run or reply that it is about.
	ID  string
	Why string
}

// Verdict is what became of something.
type Verdict string

// What may become of something.
const (
	Applied   Verdict = "applied"
	Duplicate Verdict = "duplicate"
	Late      Verdict = "late"    // true, but too late to change anything
	Ignored   Verdict = "ignored" // it can't be used; a person may want to know
	GivenUp   Verdict = "given up"
)
