package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// completions is how many entries are read and offered at most: a page of the API.
const completions = 100

// complete offers what find returns within p.completionTime. If Temporal or the API is away it offers nothing, since a completion can't show errors.
func (p process) complete(cmd *cobra.Command, prefix string, find func(ctx context.Context, backend backend) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), p.completionTime)
	defer cancel()
	cmd.SetContext(ctx)
	backend, closeBackend, err := p.backend(cmd)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer closeBackend()
	found, err := find(ctx, backend)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	slices.Sort(found)
	found = slices.DeleteFunc(slices.Compact(found), func(s string) bool {
		// A tab would begin a description, and control characters must not reach a terminal.
		return !strings.HasPrefix(s, prefix) || printable(s) != s || strings.ContainsAny(s, "\t\n")
	})
	return found[:min(len(found), completions)], cobra.ShellCompDirectiveNoFileComp
}

// completeReference completes the first argument with the references of cases.
func (p process) completeReference(filter signalbox.CaseFilter) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		filter.ReferencePrefix, filter.Limit = prefix, completions
		return p.complete(cmd, prefix, func(ctx context.Context, backend backend) ([]string, error) {
			page, err := backend.ListCases(ctx, filter)
			var references []string
			for _, row := range page.Cases {
				references = append(references, row.Reference)
			}
			return references, err
		})
	}
}

// completeActivation completes an agent, and then an activation of that agent.
func (p process) completeActivation(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return p.complete(cmd, prefix, func(ctx context.Context, backend backend) ([]string, error) {
		filter := signalbox.ActivationFilter{Limit: completions}
		if len(args) == 1 {
			filter.Agents = args
		}
		page, err := backend.ListActivations(ctx, filter)
		var found []string
		for _, row := range page.Activations {
			found = append(found, [...]string{row.Agent, row.ActivationID}[len(args)])
		}
		return slices.DeleteFunc(found, func(s string) bool { return s == "" }), err
	})
}

// completeSource completes the first argument with the sources of notices. It offers the references of cases, and workflow IDs once a person has
// begun to type one.
func (p process) completeSource(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return p.complete(cmd, prefix, func(ctx context.Context, backend backend) ([]string, error) {
		page, err := backend.ListNoticeSources(ctx, signalbox.NoticeSourceFilter{Limit: completions})
		var found []string
		for _, source := range page.Sources {
			found = append(found, source.Source)
			if reference, isCase := workflows.ParseOffloadCaseWorkflowID(source.Source); isCase {
				found = append(found, reference)
			}
		}
		return found, err
	})
}
