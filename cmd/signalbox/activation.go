package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/workflows"
)

func (p process) activation() *cobra.Command {
	activation := &cobra.Command{Use: "activation", Short: "Look at Artmail activations", Args: cobra.NoArgs}
	activation.AddCommand(p.activationShow())
	return activation
}

// shownActivation is an activation for people's eyes: neither its key, sealed as it is, nor unless asked for its user.
type shownActivation struct {
	workflows.ActivationState
	HasAPIKey bool `json:"hasApiKey"`
}

func (p process) activationShow() *cobra.Command {
	var user, asJSON bool
	show := &cobra.Command{
		Use:   "show AGENT ACTIVATION_ID",
		Short: "Say where an activation stands, with its open approvals and runs counted",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			state, err := p.activationState(cmd, args)
			if err != nil {
				return err
			}
			shown := shownActivation{ActivationState: state, HasAPIKey: len(state.SealedAPIKey) > 0}
			shown.SealedAPIKey = nil
			if !user {
				shown.User = nil
			}
			return p.show(cmd, asJSON, shown, activationRows(shown))
		},
	}
	show.Flags().BoolVar(&user, "user", false, "show the user as well, which is personal data")
	jsonFlag(show, &asJSON)
	return show
}

func activationRows(shown shownActivation) [][2]string {
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
		{"status at", stamp(shown.StatusAt)},
		{"status reason", shown.StatusReason},
		{"waits for", shown.WaitingFor},
		{"attention", strings.Join(shown.Attention, ", ")},
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

// optionsInWords is empty where a worker of an older version has answered.
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
	approval := &cobra.Command{Use: "approval", Short: "Look at the approvals of Artmail activations", Args: cobra.NoArgs}
	approval.AddCommand(p.approvalList())
	return approval
}

func (p process) approvalList() *cobra.Command {
	var open, asJSON bool
	list := &cobra.Command{
		Use:   "list AGENT ACTIVATION_ID",
		Short: "List the approvals of an activation",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			state, err := p.activationState(cmd, args)
			if err != nil {
				return err
			}
			approvals := slices.DeleteFunc(state.Approvals, func(a workflows.Approval) bool { return open && !a.ClosedAt.IsZero() })
			if asJSON {
				return p.showJSON(cmd, map[string]any{"approvals": append([]workflows.Approval{}, approvals...)})
			}
			rows := make([][]string, len(approvals))
			for i, a := range approvals {
				rows[i] = []string{a.MessageID, string(a.Status), a.RunID, stamp(a.RequestedAt), stamp(a.DueAt), stamp(a.ClosedAt), a.Subject, a.Reason}
			}
			return p.list(cmd, []string{"MESSAGE", "STATUS", "RUN", "REQUESTED", "DUE", "CLOSED", "SUBJECT", "REASON"}, rows)
		},
	}
	list.Flags().BoolVar(&open, "open", false, "only those that wait for an answer")
	jsonFlag(list, &asJSON)
	return list
}

// activationState asks for the activation that the arguments name: agent, activation ID.
func (p process) activationState(cmd *cobra.Command, args []string) (workflows.ActivationState, error) {
	apps, end, err := p.client(cmd)
	if err != nil {
		return workflows.ActivationState{}, err
	}
	defer end()
	return apps.Activation(args[0], args[1]).State(cmd.Context())
}
