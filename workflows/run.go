package workflows

import "time"

// RunStatus is the status of an agent's run.
type RunStatus string

// A run is OPEN until it has one of the other statuses, which are final.
const (
	RunOpen   RunStatus = "OPEN"
	RunClosed RunStatus = "CLOSED"
	// RunForceFailed: Artmail ended the run after its inactivity window.
	RunForceFailed RunStatus = "FORCE_FAILED"
	// RunVoided: its activation was deactivated.
	RunVoided RunStatus = "VOIDED"
)

// Run is a unit of an agent's work. Signalbox knows it from open-run, from an approval, or from a run_force_failed.
type Run struct {
	RunID        string    `json:"runId"`
	Status       RunStatus `json:"status"`
	OpenedAt     time.Time `json:"openedAt,omitzero"`
	LastActiveAt time.Time `json:"lastActiveAt,omitzero"`
	// WarnedAt is when the last warning about inactivity was sent; zero after new activity.
	WarnedAt     time.Time `json:"warnedAt,omitzero"`
	ClosedAt     time.Time `json:"closedAt,omitzero"`
	StaleMinutes float64   `json:"staleMinutes,omitempty"`
	Reason       string    `json:"reason,omitempty"`
	ReplyTo      *ReplyTo  `json:"replyTo,omitempty"`
}

// OpenRun is the argument of the update "open-run".
type OpenRun struct {
	RunID string `json:"runId"`
	// ReplyTo gets the notices "run.stale_warning", "run.force_failed" and "run.voided". A later open-run with another ReplyTo replaces it.
	ReplyTo *ReplyTo `json:"replyTo,omitempty"`
}

// CloseRun is the argument of the update "close-run".
type CloseRun struct {
	RunID  string `json:"runId"`
	Reason string `json:"reason,omitempty"`
	By     string `json:"by,omitempty"`
}

// TouchRuns is the payload of the signal "touch-runs": the runs were active at At. A zero At means the arrival of the signal.
type TouchRuns struct {
	RunIDs []string  `json:"runIds"`
	At     time.Time `json:"at,omitzero"`
}
