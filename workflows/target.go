package workflows

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Target is a receiver of notices: a workflow (WorkflowID and Signal), a callback, or the hand-over workflow of the notice's agent.
// Exactly one is set.
type Target struct {
	WorkflowID string `json:"workflowId,omitempty"`
	Signal     string `json:"signal,omitempty"`
	// Callback is the name of a callback in the configuration, which alone has its URL and secrets.
	Callback string `json:"callback,omitempty"`
	HandOver bool   `json:"handOver,omitempty"`
}

// Target returns the receiver as a target of notices.
func (r ReplyTo) Target() Target { return Target{WorkflowID: r.WorkflowID, Signal: r.Signal} }

// String returns a name of the target for people.
func (t Target) String() string {
	switch {
	case t.HandOver:
		return "hand-over"
	case t.Callback != "":
		return "callback " + t.Callback
	}
	return "workflow " + t.WorkflowID
}

// MaxNotify is the most callbacks that a start, an approval, an account or an agent may name.
const MaxNotify = 20

// callbackPattern allows short names only, because states and logs hold them.
var callbackPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// ValidateNotify accepts up to MaxNotify different names of callbacks, each of 1 to 64 characters of [A-Za-z0-9._-].
func ValidateNotify(names []string) error {
	var c check
	c.notify(names)
	return c.err(ErrInvalidArgument)
}

func (c *check) notify(names []string) {
	if len(names) > MaxNotify {
		c.say("notify: %d callbacks, at most %d: leave some out", len(names), MaxNotify)
		return
	}
	for i, name := range names {
		c.bytes += JSONLen(name) + 3 // quotes and comma
		switch {
		case !callbackPattern.MatchString(name):
			c.say("notify[%d]: %q: want the name of a callback, 1 to 64 characters of A-Z a-z 0-9 . _ -", i, clip(name))
		case slices.Contains(names[:i], name):
			c.say("notify[%d]: %q is named twice: leave one out", i, name)
		}
	}
}

// HandOver is an agent's own workflow, which gets each notice of the agent's activations. The agent's configuration names it.
//
// Each activation has one execution, with the ID HandOverWorkflowID. Its first notice starts it, with a HandOverStart as input. Each
// notice, the first one too, comes as a signal SignalAgentNotice with a Notice. Package signalbox has ReceiveNotices, which drops
// repetitions. The workflow must live as long as the activation: once it has ended, it is not started again, and further notices are
// given up.
type HandOver struct {
	WorkflowType string `json:"workflowType"`
	// TaskQueue is the queue of the author's worker. Until a worker polls it, the workflow waits in Temporal.
	TaskQueue string `json:"taskQueue"`
}

// HandOverStart is the input of an agent's hand-over workflow.
type HandOverStart struct {
	Agent        string `json:"agent"`
	ActivationID string `json:"activationId"`
}

// maxWorkflowTypeBytes is below Temporal's limit of 1,000 bytes.
const maxWorkflowTypeBytes = 255

// Validate names every field that can't be used.
func (h HandOver) Validate() error {
	var c check
	c.ascii("handOver.workflowType", h.WorkflowType, maxWorkflowTypeBytes)
	c.ascii("handOver.taskQueue", h.TaskQueue, MaxTaskQueueBytes)
	switch {
	case strings.HasPrefix(h.TaskQueue, "/_sys/"):
		c.say("handOver.taskQueue: %q begins with /_sys/, which Temporal reserves: use another one", clip(h.TaskQueue))
	case slices.Contains([]string{TaskQueueWorkflows, TaskQueueOffload, TaskQueueOffloadPoll, TaskQueueFiles, TaskQueueCallbacks}, h.TaskQueue):
		c.say("handOver.taskQueue: %q is polled by Signalbox's own workers: use the queue of the agent's worker", h.TaskQueue)
	}
	return c.err(ErrInvalidArgument)
}

// HandOverWorkflowID returns the ID of an agent's hand-over workflow for an activation: agent/activationId, encoded as in
// ArtmailActivationWorkflowID.
func HandOverWorkflowID(agent, activationID string) string {
	return strings.TrimPrefix(ArtmailActivationWorkflowID(agent, activationID), artmailActivationPrefix)
}

// ownWorkflows are the first parts of the IDs of Signalbox's own workflows.
var ownWorkflows = []string{OffloadCaseWorkflow, ArtmailActivationWorkflow, NotifyWorkflow, OffloadFilesWorkflow}

// ValidateHandOverAgent refuses an agent whose HandOverWorkflowID would be the ID of a workflow of Signalbox.
func ValidateHandOverAgent(agent string) error {
	if slices.Contains(ownWorkflows, agent) {
		return fmt.Errorf("%w %q: the workflow IDs of its hand-over would be those of Signalbox: leave handOver out", errInvalidAgent, agent)
	}
	return nil
}
