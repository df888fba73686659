package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// State is all that the workflow carries over when it continues as new.
type State struct {
	// Version is the version of the code that began the run; see versions.go of the workflow.
	Version int    `json:"version"`
	Source  string `json:"source"`
	// Notices are in the order of their arrival, one for each target.
	Notices []Notice `json:"notices,omitempty"`
	// Bodies hold the data of notices that can still be sent, once for all targets.
	Bodies []Body `json:"bodies,omitempty"`
	// Gone are targets that want no more notices of this source, oldest first. They are forgotten when the workflow ends.
	Gone []Gone `json:"gone,omitempty"`
	// Seen has the newest notices, by ID and target.
	Seen rules.Seen `json:"seen,omitempty"`
	// Forgotten counts given-up notices whose records were removed to make room.
	Forgotten int `json:"forgotten,omitempty"`
	// IdleSince is when the last notice was settled, or when the workflow started.
	IdleSince time.Time `json:"idleSince"`
	// Cancelled: a person cancelled the workflow in Temporal, so it ends at once.
	Cancelled bool `json:"cancelled,omitempty"`
}

// Notice is a notice for one target and the state of its delivery. A Body holds its data.
type Notice struct {
	workflows.Notice
	To     workflows.Target       `json:"to"`
	Status workflows.NoticeStatus `json:"status"`
	// Until is when the delivery is given up. Even after it, delivery is tried for one minute.
	Until     time.Time `json:"until"`
	SettledAt time.Time `json:"settledAt,omitzero"`
	Attempts  int       `json:"attempts,omitempty"`
	// Interruptions counts the runs that ended during the delivery.
	Interruptions int `json:"interruptions,omitempty"`
	// Log has the newest attempts, oldest first.
	Log       []workflows.NoticeAttempt `json:"log,omitempty"`
	LastError string                    `json:"lastError,omitempty"`
	// NoData: the data is no longer held for this target.
	NoData bool `json:"noData,omitempty"`
	// Bytes is the size of Notice and To as JSON.
	Bytes int `json:"bytes"`
}

// Body is the data of a notice.
type Body struct {
	ID   string               `json:"id"`
	Data workflows.NoticeData `json:"data"`
	// Bytes is the size of ID and Data as JSON.
	Bytes int `json:"bytes"`
}

// Gone is a target that wants no more notices, with the reason.
type Gone struct {
	To  workflows.Target `json:"to"`
	Why string           `json:"why"`
}

// Key identifies a notice for one target.
type Key struct {
	ID string
	To workflows.Target
}

// Key returns the key of the notice.
func (n Notice) Key() Key { return Key{ID: n.ID, To: n.To} }

// text returns a unique text for the key: the fields of a target can't contain a zero byte.
func (k Key) text() string {
	text := k.ID + "\x00" + k.To.WorkflowID + "\x00" + k.To.Signal
	if k.To.Callback != "" || k.To.HandOver {
		text += "\x00" + k.To.String()
	}
	return text
}

// Begin returns the state of a new workflow.
func Begin(source string, now time.Time) State {
	return State{Source: source, IdleSince: now}
}

func (n Notice) is(status workflows.NoticeStatus) bool { return n.Status == status }

// done reports whether the notice was delivered or dismissed. One that was given up is settled, but not done.
func (n Notice) done() bool {
	return n.is(workflows.NoticeDelivered) || n.is(workflows.NoticeDismissed)
}

func (s State) count(status workflows.NoticeStatus) int {
	count := 0
	for _, n := range s.Notices {
		if n.is(status) {
			count++
		}
	}
	return count
}

// Settled returns the notices of after that were delivered, given up or dismissed since before.
func Settled(before, after State) []Notice {
	was := make(map[Key]workflows.NoticeStatus, len(before.Notices))
	for _, n := range before.Notices {
		was[n.Key()] = n.Status
	}
	var settled []Notice
	for _, n := range after.Notices {
		if !n.is(workflows.NoticeWaiting) && was[n.Key()] != n.Status {
			settled = append(settled, n)
		}
	}
	return settled
}
