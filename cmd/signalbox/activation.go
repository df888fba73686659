package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

func (p process) activation() *cobra.Command {
	activation := &cobra.Command{Use: "activation", Short: "Look at Artmail activations, and erase them", Args: cobra.NoArgs}
	activation.AddCommand(p.activationList(), p.activationShow(), p.activationErase())
	return activation
}

func (p process) activationShow() *cobra.Command {
	var user, asJSON bool
	show := &cobra.Command{
		Use:   "show AGENT ACTIVATION_ID",
		Short: "Show the state of an activation, with the number of its open approvals and runs",
		Args:  cobra.ExactArgs(2),

		ValidArgsFunction: p.completeActivation,
		RunE: p.withBackend(func(cmd *cobra.Command, args []string, backend backend) error {
			shown, err := backend.ShowActivation(cmd.Context(), args[0], args[1], user)
			if err != nil {
				return err
			}
			return p.show(cmd, asJSON, shown, p.activationRows(shown))
		}),
	}
	show.Flags().BoolVar(&user, "user", false, "show the user as well, which is personal data")
	jsonFlag(show, &asJSON)
	return usesAPI(show)
}

func (p process) activationRows(shown api.Activation) [][2]string {
	openApprovals, openRuns := 0, 0
	for _, approval := range shown.Approvals {
		if approval.ClosedAt.IsZero() {
			openApprovals++
		}
	}
	for _, run := range shown.Runs {
		if run.ClosedAt.IsZero() {
			openRuns++
		}
	}
	key := "none"
	if shown.HasAPIKey {
		key = "held; `signalbox keys reveal` prints it"
	}
	rows := [][2]string{
		{"agent", shown.Agent},
		{"activation", shown.ActivationID},
		{"status", string(shown.Status)},
		{"status since", p.when(shown.StatusAt)},
		{"status reason", shown.StatusReason},
		{"next", shown.WaitingFor},
		{"attention", strings.Join(shown.Attention, ", ")},
		{"what to do", whatToDo(shown.Attention)},
		{"API key", key},
		{"options", optionsInWords(shown.Options)},
		{"open approvals", strconv.Itoa(openApprovals)},
		{"open runs", strconv.Itoa(openRuns)},
		{"events", fmt.Sprintf("%d applied, %d duplicate, %d late", shown.EventsApplied, shown.Duplicates, shown.LateEvents)},
	}
	if shown.User != nil {
		rows = append(rows, [2]string{"user", shown.User.ID}, [2]string{"user's mail", shown.User.Email})
	}
	return rows
}

// optionsInWords returns the options in words; empty if a worker of an older version has answered.
func optionsInWords(o workflows.ActivationOptions) string {
	if o == (workflows.ActivationOptions{}) {
		return ""
	}
	words := fmt.Sprintf("a run is stale after %s, warned about %s before", o.StaleAfter, o.WarnBefore)
	if o.CheckApprovalQueue != "" {
		words += fmt.Sprintf("; an overdue approval is checked for %s by %s", o.CheckFor, o.CheckApprovalQueue)
	}
	return words
}

func (p process) approval() *cobra.Command {
	approval := &cobra.Command{Use: "approval", Short: "Look at the approvals of Artmail activations, and cancel them", Args: cobra.NoArgs}
	approval.AddCommand(p.approvalList(), p.approvalCancel())
	return approval
}

func (p process) approvalCancel() *cobra.Command {
	return p.activationChange("cancel AGENT ACTIVATION_ID MESSAGE_ID", "Close an approval that is no longer needed",
		func(ctx context.Context, backend backend, args []string, reason, by string) (any, [][2]string, error) {
			approval, err := backend.CancelApproval(ctx, args[0], args[1], workflows.CancelApproval{MessageID: args[2], Reason: reason, By: by})
			return approval, [][2]string{{"approval", approval.MessageID}, {"status", string(approval.Status)}}, err
		})
}

func (p process) runs() *cobra.Command {
	run := &cobra.Command{Use: "run", Short: "Look at the runs of Artmail activations, and close them", Args: cobra.NoArgs}
	run.AddCommand(p.runList(), p.runClose())
	return run
}

func (p process) runList() *cobra.Command {
	return activationParts[workflows.Run]{
		name: "runs", columns: []string{"RUN", "STATUS", "OPENED", "ACTIVE", "WARNED", "CLOSED", "REASON"},
		of:     func(a api.Activation) []workflows.Run { return a.Runs },
		isOpen: func(r workflows.Run) bool { return r.ClosedAt.IsZero() },
		row: func(r workflows.Run) []string {
			return []string{r.RunID, string(r.Status), p.when(r.OpenedAt), p.when(r.LastActiveAt), p.when(r.WarnedAt), p.when(r.ClosedAt), r.Reason}
		},
	}.list(p)
}

func (p process) runClose() *cobra.Command {
	return p.activationChange("close AGENT ACTIVATION_ID RUN_ID", "Close a run that has ended",
		func(ctx context.Context, backend backend, args []string, reason, by string) (any, [][2]string, error) {
			run, err := backend.CloseRun(ctx, args[0], args[1], workflows.CloseRun{RunID: args[2], Reason: reason, By: by})
			return run, [][2]string{{"run", run.RunID}, {"status", string(run.Status)}}, err
		})
}

func (p process) approvalList() *cobra.Command {
	return activationParts[workflows.Approval]{
		name: "approvals", columns: []string{"MESSAGE", "STATUS", "RUN", "REQUESTED", "DUE", "CLOSED", "SUBJECT", "REASON"},
		of:     func(a api.Activation) []workflows.Approval { return a.Approvals },
		isOpen: func(a workflows.Approval) bool { return a.ClosedAt.IsZero() },
		row: func(a workflows.Approval) []string {
			return []string{a.MessageID, string(a.Status), a.RunID, p.when(a.RequestedAt), p.when(a.DueAt), p.when(a.ClosedAt), a.Subject, a.Reason}
		},
	}.list(p)
}

// activationParts are the runs or the approvals of an activation: how a command lists them.
type activationParts[T any] struct {
	name    string
	columns []string
	of      func(api.Activation) []T
	isOpen  func(T) bool
	row     func(T) []string
}

func (parts activationParts[T]) list(p process) *cobra.Command {
	var (
		open   string
		asJSON bool
	)
	list := &cobra.Command{
		Use: "list AGENT ACTIVATION_ID", Short: "List the " + parts.name + " of an activation", Args: cobra.ExactArgs(2), ValidArgsFunction: p.completeActivation,
		RunE: func(cmd *cobra.Command, args []string) error {
			filter := signalbox.OpenFilter(open)
			if filter != "" && filter != signalbox.Open && filter != signalbox.Closed {
				return fmt.Errorf("%w: --open: %q is neither open nor closed", errUsage, open)
			}
			backend, closeBackend, err := p.backend(cmd)
			if err != nil {
				return err
			}
			defer closeBackend()
			activation, err := backend.ShowActivation(cmd.Context(), args[0], args[1], false)
			if err != nil {
				return err
			}
			items := slices.DeleteFunc(append([]T{}, parts.of(activation)...), func(item T) bool {
				return filter != "" && parts.isOpen(item) != (filter == signalbox.Open)
			})
			rows := make([][]string, len(items))
			for i, item := range items {
				rows[i] = parts.row(item)
			}
			return p.list(cmd, asJSON, map[string]any{parts.name: items}, parts.columns, rows)
		},
	}
	list.Flags().StringVar(&open, "open", "", "open, or closed; empty: both")
	jsonFlag(list, &asJSON)
	return usesAPI(list)
}

// activationChange returns a command that changes an approval or a run. change returns what is shown.
func (p process) activationChange(
	use, short string, change func(ctx context.Context, backend backend, args []string, reason, by string) (any, [][2]string, error),
) *cobra.Command {
	var (
		reason, by string
		asJSON     bool
	)
	command := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(3), ValidArgsFunction: p.completeActivation,
		RunE: p.withBackend(func(cmd *cobra.Command, args []string, backend backend) error {
			changed, rows, err := change(cmd.Context(), backend, args, reason, cmp.Or(by, p.who()))
			if err != nil {
				return err
			}
			return p.show(cmd, asJSON, changed, rows)
		}),
	}
	command.Flags().StringVar(&reason, "reason", "", "why, for the record")
	byFlag(command, &by)
	jsonFlag(command, &asJSON)
	return usesAPI(command)
}
