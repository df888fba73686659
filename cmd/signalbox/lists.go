package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// pageFlags are the flags of all lists of workflows.
type pageFlags struct {
	cursor string
	limit  int
	asJSON bool
}

func (f *pageFlags) add(command *cobra.Command) {
	command.Flags().StringVar(&f.cursor, "cursor", "", "cursor of the page, from the end of the page before; use the same filter")
	command.Flags().IntVar(&f.limit, "limit", signalbox.DefaultPage, fmt.Sprintf("how many entries, at most %d; over the API at most 100", signalbox.MaxPage))
	jsonFlag(command, &f.asJSON)
}

// workflowFlags are the filter flags of a list of workflows.
type workflowFlags struct {
	pageFlags
	states, attention []string
	needsAttention    bool
	open              string
	since, before     string
}

func (f *workflowFlags) add(command *cobra.Command, states string) {
	flags := command.Flags()
	flags.StringSliceVar(&f.states, "state", nil, states+"; separated by commas")
	flags.StringSliceVar(&f.attention, "attention", nil, "those with one of these attention reasons, separated by commas")
	flags.BoolVar(&f.needsAttention, "needs-attention", false, "those with any attention")
	flags.StringVar(&f.open, "open", "", "open or closed in Temporal; empty: both")
	flags.StringVar(&f.since, "since", "", "started since: a time like 2026-05-01T12:00:00Z, or a duration before now like 2h; with --cursor, the time of the page before")
	flags.StringVar(&f.before, "before", "", "started before: as for --since")
	f.pageFlags.add(command)
}

func (p process) caseList() *cobra.Command {
	var (
		chosen         workflowFlags
		accounts       []string
		prefix, caseID string
	)
	list := p.workflowList(&chosen, "List cases: first the open ones, the newest first, then those that have ended",
		[]string{"REFERENCE", "STATUS", "CASE", "ACCOUNT", "STARTED", "DUE", "ATTENTION"},
		func(ctx context.Context, backend backend, since, before time.Time) (listed, error) {
			filter := signalbox.CaseFilter{
				Attention: chosen.attention, NeedsAttention: chosen.needsAttention, Accounts: accounts, ReferencePrefix: prefix, CaseID: caseID,
				Open: signalbox.OpenFilter(chosen.open), StartedSince: since, StartedBefore: before, Cursor: chosen.cursor, Limit: chosen.limit,
			}
			for _, state := range chosen.states {
				filter.States = append(filter.States, workflows.CaseStatus(state))
			}
			page, err := backend.ListCases(ctx, filter)
			rows := make([][]string, len(page.Cases))
			for i, c := range page.Cases {
				rows[i] = []string{c.Reference, standing(string(c.Status), c.Execution), c.CaseID, c.Account, p.when(c.StartedAt), p.due(c.DueAt), strings.Join(c.Attention, ", ")}
			}
			return listed{page, page.Next, rows}, err
		})
	chosen.add(list, "RUNNING, INPUT_NEEDED, COMPLETED and so on")
	list.Flags().StringSliceVar(&accounts, "account", nil, "cases of these Offload accounts, separated by commas")
	list.Flags().StringVar(&prefix, "prefix", "", "beginning of the reference")
	list.Flags().StringVar(&caseID, "case-id", "", "ID of the case at Offload")
	return usesAPI(list)
}

func (p process) activationList() *cobra.Command {
	var (
		chosen workflowFlags
		agents []string
	)
	list := p.workflowList(&chosen, "List activations: first the open ones, the newest first, then those that have ended",
		[]string{"AGENT", "ACTIVATION", "STATUS", "STARTED", "DUE", "ATTENTION"},
		func(ctx context.Context, backend backend, since, before time.Time) (listed, error) {
			filter := signalbox.ActivationFilter{
				Attention: chosen.attention, NeedsAttention: chosen.needsAttention, Agents: agents,
				Open: signalbox.OpenFilter(chosen.open), StartedSince: since, StartedBefore: before, Cursor: chosen.cursor, Limit: chosen.limit,
			}
			for _, state := range chosen.states {
				filter.States = append(filter.States, workflows.ActivationStatus(state))
			}
			page, err := backend.ListActivations(ctx, filter)
			rows := make([][]string, len(page.Activations))
			for i, a := range page.Activations {
				rows[i] = []string{a.Agent, a.ActivationID, standing(string(a.Status), a.Execution), p.when(a.StartedAt), p.due(a.DueAt), strings.Join(a.Attention, ", ")}
			}
			return listed{page, page.Next, rows}, err
		})
	chosen.add(list, "UNKNOWN, ACTIVE, PAUSED or DEACTIVATED")
	list.Flags().StringSliceVar(&agents, "agent", nil, "activations of these agents, separated by commas")
	return usesAPI(list)
}

// listed is a page for programs, where the next one begins, and its rows for people.
type listed struct {
	page any
	next string
	rows [][]string
}

// workflowList is a command that shows a page of workflows.
func (p process) workflowList(chosen *workflowFlags, short string, columns []string,
	read func(ctx context.Context, backend backend, since, before time.Time) (listed, error),
) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			since, err := moment("since", chosen.since, p.now())
			if err != nil {
				return err
			}
			before, err := moment("before", chosen.before, p.now())
			if err != nil {
				return err
			}
			backend, closeBackend, err := p.backend(cmd)
			if err != nil {
				return err
			}
			defer closeBackend()
			found, err := read(cmd.Context(), backend, since, before)
			if err != nil {
				return err
			}
			if err := p.list(cmd, chosen.asJSON, found.page, columns, found.rows); err != nil || chosen.asJSON || found.next == "" {
				return err
			}
			// A duration would be another time, and so another filter, by then.
			return p.say(cmd, "more:%s%s --cursor %s\n", timeFlag("since", since), timeFlag("before", before), found.next)
		},
	}
}

// timeFlag returns a flag with its time, after a space; empty for the zero time.
func timeFlag(name string, at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return " --" + name + " " + at.Format(time.RFC3339Nano)
}

// standing returns the last published status of a workflow, and its status in Temporal if it was terminated or failed.
func standing(status string, execution signalbox.ExecutionStatus) string {
	switch execution {
	case signalbox.ExecutionFailed, signalbox.ExecutionTimedOut, signalbox.ExecutionTerminated, signalbox.ExecutionCancelled:
		return fmt.Sprintf("%s (workflow %s)", status, execution)
	case signalbox.ExecutionRunning, signalbox.ExecutionCompleted:
	}
	return status
}
