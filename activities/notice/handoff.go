package notice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"

	"github.com/signalbox-dev/signalbox/workflows"
)

// signalBytes bounds the JSON in one signal, except for a single larger notice. Temporal warns from 256 KiB on and refuses more than 2 MiB.
const signalBytes = 512 << 10

// HandOff sends notices to the workflow "notify" of their source and starts the workflow that stores a case's files. A repetition is safe:
// "notify" ignores notices that it has, and files are stored once. An error of type workflows.ErrTypeNoticeInvalid is final; after any other,
// the caller repeats the whole hand-off.
func (a *Activities) HandOff(ctx context.Context, h workflows.HandOff) (workflows.HandOffResult, error) {
	if err := a.checkAgent(ctx, h); err != nil {
		return workflows.HandOffResult{}, err
	}
	// The files start first, so that a receiver which gets the end finds their workflow. Both are tried even if one fails. If both fail, a transient
	// error is returned rather than a final one: after a final one the caller gives up the whole hand-off.
	notices, withoutTarget := a.address(h)
	filesErr, noticesErr := a.startFiles(ctx, h), a.passOn(ctx, h.Source, notices)
	if filesErr == nil || isInvalid(filesErr) && noticesErr != nil {
		return workflows.HandOffResult{WithoutTarget: withoutTarget}, noticesErr
	}
	return workflows.HandOffResult{}, filesErr
}

// checkAgent returns an error if this worker's configuration lacks the agent of the notices, and the oldest notice is younger than notConfiguredTime:
// a new agent reaches the workers one after the other, and may have a hand-over and callbacks. The repetitions go to another worker, or to this one
// after its restart.
func (a *Activities) checkAgent(ctx context.Context, h workflows.HandOff) error {
	if _, known := a.agents[h.Agent]; known || h.Agent == "" {
		return nil
	}
	err := fmt.Errorf("hand off notices of %s: this worker has no agent %q: add agents.%s to its --config file, and restart it", h.Source, h.Agent, h.Agent)
	if len(h.Notices) > 0 && a.now().Sub(h.Notices[0].Time) < notConfiguredTime {
		return err
	}
	activity.GetLogger(ctx).Warn("notices handed off without the targets of their agent", "notices", len(h.Notices), "error", err)
	return nil
}

// address adds its targets to each notice. withoutTarget are the IDs of notices without a target.
func (a *Activities) address(h workflows.HandOff) (addressed []workflows.AddressedNotice, withoutTarget []string) {
	for _, n := range h.Notices {
		to := a.targets(h, n)
		if len(to) == 0 {
			withoutTarget = append(withoutTarget, n.ID)
			continue
		}
		addressed = append(addressed, workflows.AddressedNotice{Notice: n.Notice, To: to})
	}
	return addressed, withoutTarget
}

// targets returns the targets that the source names, and those that the configuration names for it.
func (a *Activities) targets(h workflows.HandOff, n workflows.PostedNotice) []workflows.Target {
	var to []workflows.Target
	add := func(t workflows.Target) {
		if !slices.Contains(to, t) {
			to = append(to, t)
		}
	}
	if n.ReplyTo != nil {
		add(n.ReplyTo.Target())
	}
	callbacks := n.Notify
	switch {
	case len(callbacks) > 0:
	case h.Agent != "":
		callbacks = a.agents[h.Agent].Notify
	default:
		callbacks = a.accounts[h.Account]
	}
	for _, name := range callbacks {
		add(workflows.Target{Callback: name})
	}
	if h.Agent != "" && a.agents[h.Agent].HandOver != nil {
		add(workflows.Target{HandOver: true})
	}
	return to
}

func (a *Activities) passOn(ctx context.Context, source string, notices []workflows.AddressedNotice) error {
	if len(notices) == 0 {
		return nil
	}
	lists, err := signals(notices)
	if err != nil {
		return invalid(fmt.Errorf("hand off notices of %s: %w", source, err))
	}
	id := workflows.NotifyWorkflowID(source)
	if err := checkID(id); err != nil {
		return err
	}
	options := client.StartWorkflowOptions{
		ID:                    id,
		TaskQueue:             workflows.TaskQueueWorkflows,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:         "Notices of " + source,
	}
	for _, list := range lists {
		_, err := a.temporal.SignalWithStartWorkflow(ctx, id, workflows.SignalNotices, list, options, workflows.NotifyWorkflow, workflows.NotifyStart{})
		if err != nil {
			return translate(fmt.Errorf("hand off notices of %s: %w", source, err))
		}
	}
	return nil
}

// startFiles starts the workflow that stores the files, unless it runs or has completed since the case ended: one that completed earlier stored the
// files of an earlier end, of a case with the same reference or before a reset. startFiles looks first: Temporal stores the input of a start before
// it refuses the start, and no erasure finds that input. If another start comes between, the client returns no error, because
// WorkflowExecutionErrorWhenAlreadyStarted is not set.
func (a *Activities) startFiles(ctx context.Context, h workflows.HandOff) error {
	if h.Files == nil {
		return nil
	}
	id := workflows.OffloadFilesWorkflowID(h.Files.Reference)
	if err := checkID(id); err != nil {
		return err
	}
	described, err := a.temporal.DescribeWorkflow(ctx, id, "")
	switch {
	case err != nil && !errors.As(err, new(*serviceerror.NotFound)):
		return translate(fmt.Errorf("look for the workflow that stores the files of case %s: %w", h.Files.Reference, err))
	case err != nil:
	case described.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
		described.Status == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED && !described.WorkflowStartTime.Before(h.Files.EndedAt):
		return nil
	}
	_, err = a.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                    id,
		TaskQueue:             workflows.TaskQueueWorkflows,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:         "Files of case " + h.Files.Reference,
	}, workflows.OffloadFilesWorkflow, *h.Files)
	if err != nil {
		return translate(fmt.Errorf("start storing the files of case %s: %w", h.Files.Reference, err))
	}
	return nil
}

// checkID refuses an ID that is too long for PostgreSQL and MySQL: Temporal would answer it with Unavailable for ever.
func checkID(id string) error {
	if len(id) > workflows.MaxWorkflowIDBytes {
		return invalid(fmt.Errorf("workflow ID %.60q…: %d bytes, at most %d", id, len(id), workflows.MaxWorkflowIDBytes))
	}
	return nil
}

// signals splits notices into lists, one for each signal, in order. A notice that is too large loses its data; OmittedBytes says so.
func signals(notices []workflows.AddressedNotice) ([][]workflows.AddressedNotice, error) {
	var lists [][]workflows.AddressedNotice
	room := 0
	for _, n := range notices {
		text, err := json.Marshal(n)
		if err != nil {
			return nil, fmt.Errorf("notice %s: %w", n.ID, err)
		}
		size := len(text)
		if size > workflows.MaxNoticeBytes {
			n.Data, n.OmittedBytes = workflows.NoticeData{}, size
			if text, err = json.Marshal(n); err != nil {
				return nil, fmt.Errorf("notice %s: %w", n.ID, err)
			}
			size = len(text)
		}
		if size > room || len(lists) == 0 {
			lists, room = append(lists, nil), signalBytes
		}
		last := len(lists) - 1
		lists[last] = append(lists[last], n)
		room -= size
	}
	return lists, nil
}
