package workflows

import (
	"strings"
	"time"
)

// ActivationOptions come from the agent's configuration; a zero field means its default. After a change of the configuration,
// SignalActivationOptions brings the new options to running activations.
type ActivationOptions struct {
	// StaleAfter is Artmail's inactivity window. Default 15 minutes.
	StaleAfter Duration `json:"staleAfter,omitzero"`
	// WarnBefore is how long before the end of that window Signalbox warns of an inactive run. Default 3 minutes, at most half of StaleAfter.
	WarnBefore Duration `json:"warnBefore,omitzero"`
	// CheckApprovalQueue is the task queue of the agent's own activity "check-approval". Empty: the agent has none.
	CheckApprovalQueue string `json:"checkApprovalQueue,omitempty"`
	// CheckFor is how long Signalbox checks an approval after its deadline before the approval expires. Default 10 minutes.
	CheckFor Duration `json:"checkFor,omitzero"`
}

// Defaults of ActivationOptions. The window is Artmail's ("run exceeded 15-minute inactivity").
const (
	DefaultStaleAfter = Duration(15 * time.Minute)
	DefaultWarnBefore = Duration(3 * time.Minute)
	DefaultCheckFor   = Duration(10 * time.Minute)
)

// Normalized returns the options with defaults for the fields that are zero.
func (o ActivationOptions) Normalized() ActivationOptions {
	if o.StaleAfter == 0 {
		o.StaleAfter = DefaultStaleAfter
	}
	if o.WarnBefore == 0 {
		o.WarnBefore = min(DefaultWarnBefore, o.StaleAfter/2)
	}
	if o.CheckFor == 0 {
		o.CheckFor = DefaultCheckFor
	}
	return o
}

// Validate names every field that can't be used.
func (o ActivationOptions) Validate() error {
	var c check
	c.duration("staleAfter", o.StaleAfter)
	c.duration("warnBefore", o.WarnBefore)
	c.duration("checkFor", o.CheckFor)
	if o.CheckApprovalQueue != "" {
		c.ascii("options.checkApprovalQueue", o.CheckApprovalQueue, MaxTaskQueueBytes)
	}
	if strings.HasPrefix(o.CheckApprovalQueue, "/_sys/") {
		c.say("options.checkApprovalQueue: %q begins with /_sys/, which Temporal reserves: use another one", clip(o.CheckApprovalQueue))
	}
	return c.err(ErrInvalidArgument)
}
