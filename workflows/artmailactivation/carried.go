package artmailactivation

import (
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
)

// Input is the workflow's input: a workflows.ActivationStart as the relay sends it, and from the second run on what the run before
// carried over.
type Input struct {
	workflows.ActivationStart
	Carried *Carried `json:"carried,omitempty"`
}

// Carried is what goes from run to run.
type Carried struct {
	// Version is that of the run which carries it, one of the constants below.
	Version int             `json:"version"`
	State   lifecycle.State `json:"state"`
}

// Versions of the code, raised by a run only when it continues as new. Code that would give other commands than recorded histories hold
// goes behind a new one.
const (
	// versionFirst is where it began.
	versionFirst = 1

	versionNow = versionFirst
)
