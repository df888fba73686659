package workflows

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Target is where a notice goes: a workflow (WorkflowID and Signal), a callback, or the hand-over workflow of the notice's agent. One of them is
// set.
type Target struct {
	WorkflowID string `json:"workflowId,omitempty"`
	Signal     string `json:"signal,omitempty"`
	// Callback is a name in the configuration, which alone knows its URL and secrets.
	Callback string `json:"callback,omitempty"`
	HandOver bool   `json:"handOver,omitempty"`
}

// Target is the receiver as a target of notices.
func (r ReplyTo) Target() Target { return Target{WorkflowID: r.WorkflowID, Signal: r.Signal} }

// String names the target for people.
func (t Target) String() string {
	switch {
	case t.HandOver:
		return "hand-over"
	case t.Callback != "":
		return "callback " + t.Callback
	}
	return "workflow " + t.WorkflowID
}

// MaxNotify is how many callbacks a start, an approval, an account or an agent names.
const MaxNotify = 20

// callbackPattern keeps names short: they stand in states and in logs.
var callbackPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// ValidateNotify accepts up to MaxNotify names of callbacks, each of 1 to 64 characters of [A-Za-z0-9._-] and named once.
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

// HandOver is an agent's own workflow, which gets each notice of the agent's activations. It stands in the configuration of the agent.
//
// There is one execution for each activation, under HandOverWorkflowID. Its first notice starts it, with a HandOverStart as its input; each
// notice, the first one too, comes as a signal SignalAgentNotice with a Notice. Package signalbox has ReceiveNotices, which drops repetitions. It
// must live for as long as the activation: once it has ended, it is not started again, and further notices are given up.
type HandOver struct {
	WorkflowType string `json:"workflowType"`
	// TaskQueue is polled by the author's worker. Until one polls it, Temporal keeps the workflow waiting.
	TaskQueue string `json:"taskQueue"`
}

// HandOverStart is the input of an agent's hand-over workflow.
type HandOverStart struct {
	Agent        string `json:"agent"`
	ActivationID string `json:"activationId"`
}

// maxWorkflowTypeBytes is well below Temporal's limit of 1,000.
const maxWorkflowTypeBytes = 255

// Validate names every field that can't be used.
func (h HandOver) Validate() error {
	var c check
	c.ascii("handOver.workflowType", h.WorkflowType, maxWorkflowTypeBytes)
	c.ascii("handOver.taskQueue", h.TaskQueue, MaxTaskQueueBytes)
	switch {
	case strings.HasPrefix(h.TaskQueue, "/_sys/"):
		c.say("handOver.taskQueue: %q begins with /_sys/, which Temporal keeps for itself: use another one", clip(h.TaskQueue))
	case slices.Contains([]string{TaskQueueWorkflows, TaskQueueOffload, TaskQueueOffloadPoll, TaskQueueFiles, TaskQueueCallbacks}, h.TaskQueue):
		c.say("handOver.taskQueue: %q is polled by Signalbox's own workers: use the queue of the agent's worker", h.TaskQueue)
	}
	return c.err(ErrInvalidArgument)
}

// HandOverWorkflowID is the workflow ID of an agent's hand-over workflow for one activation: agent/activationId, of which
// ArtmailActivationWorkflowID says how it is written.
func HandOverWorkflowID(agent, activationID string) string {
	return strings.TrimPrefix(ArtmailActivationWorkflowID(agent, activationID), artmailActivationPrefix)
}

// ownWorkflows begin the IDs of Signalbox's own workflows.
var ownWorkflows = []string{OffloadCaseWorkflow, ArtmailActivationWorkflow, NotifyWorkflow, OffloadFilesWorkflow}

// ValidateHandOverAgent refuses the agents whose HandOverWorkflowID would be the ID of a workflow of Signalbox.
func ValidateHandOverAgent(agent string) error {
	if slices.Contains(ownWorkflows, agent) {
		return fmt.Errorf("%w %q: the workflow IDs of its hand-over would be those of Signalbox: leave handOver out", ErrInvalidAgent, agent)
	}
	return nil
}
