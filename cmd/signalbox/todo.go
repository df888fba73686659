package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

func (p process) toDo() *cobra.Command {
	var (
		page                    pageFlags
		kinds, accounts, agents []string
	)
	command := &cobra.Command{
		Use:   "todo",
		Short: "List the work for people, the most urgent first",
		Long: `List the work for people, the most urgent first: open questions, uncertain creations, results that violate their schema, activations that Artmail
paused because webhooks failed, stale runs, notices given up, broken workflows, and deliveries that did not reach their workflow. Of the late ones it
has only the ends of cases, and the API keys and answers of activations whose workflow was closed in Temporal. Completed workflows, and unmatched and
late deliveries, come last. What to do stands below the list. --json also prints full texts.`,
		Args: cobra.NoArgs,
	}
	settings := p.settingsFlags(command, "inbox")
	command.RunE = func(cmd *cobra.Command, _ []string) error {
		options := signalbox.ToDoOptions{Cursor: page.cursor, Limit: page.limit}
		for _, kind := range kinds {
			options.Kinds = append(options.Kinds, signalbox.ToDoKind(kind))
		}
		// Nil means all accounts and agents; an empty list means none.
		if len(accounts) > 0 {
			options.Accounts = accounts
		}
		if len(agents) > 0 {
			options.Agents = agents
		}
		backend, closeBackend, err := p.backendWithInbox(cmd, settings, false)
		if err != nil {
			return err
		}
		defer closeBackend()
		list, err := backend.ToDo(cmd.Context(), options)
		if err != nil {
			return err
		}
		return p.showToDo(cmd, page.asJSON, list)
	}
	page.add(command)
	command.Flags().StringSliceVar(&kinds, "kind", nil, "items of these kinds, such as question, separated by commas")
	command.Flags().StringSliceVar(&accounts, "account", nil, "cases of these Offload accounts only, separated by commas")
	command.Flags().StringSliceVar(&agents, "agent", nil, "activations of these Artmail agents only, separated by commas")
	return usesAPI(command)
}

func (p process) showToDo(cmd *cobra.Command, asJSON bool, list signalbox.ToDoList) error {
	rows := make([][]string, len(list.Items))
	for i, item := range list.Items {
		actions := make([]string, len(item.Actions))
		for n, action := range item.Actions {
			actions[n] = string(action)
		}
		rows[i] = []string{
			string(item.Kind), about(item), p.when(item.Since), p.due(item.DueAt), strings.Join(actions, ", "), p.clipped(cmp.Or(item.Says, item.Note)),
		}
	}
	if err := p.list(cmd, asJSON, list, []string{"KIND", "ABOUT", "SINCE", "DUE", "ACTIONS", "SAYS"}, rows); err != nil || asJSON {
		return err
	}
	var help []string
	for _, item := range list.Items {
		if line := fmt.Sprintf("%s: %s\n", item.Kind, strings.Join(item.Help, " ")); len(item.Help) > 0 && !slices.Contains(help, line) {
			help = append(help, line)
		}
	}
	if len(help) > 0 {
		if err := p.say(cmd, "\n%s", printable(strings.Join(help, ""))); err != nil {
			return err
		}
	}
	if list.Truncated {
		why := "there are more workflows or deliveries than one list reads"
		if list.Workflows > signalbox.MaxToDoWorkflows {
			why = fmt.Sprintf("%d workflows need attention and one list reads %d", list.Workflows, signalbox.MaxToDoWorkflows)
		}
		if err := p.say(cmd, "the list is incomplete: %s, so urgent items may be missing\n", why); err != nil {
			return err
		}
	}
	if list.DeliveriesMissing != "" {
		if err := p.say(cmd, "deliveries are missing: %s\n", printable(list.DeliveriesMissing)); err != nil {
			return err
		}
	}
	if len(list.LeftOut) > 0 {
		if err := p.say(cmd, "the list is without %s: the token lacks the scope to read them\n", strings.Join(list.LeftOut, " and ")); err != nil {
			return err
		}
	}
	return p.sayMore(cmd, list.Next)
}

// about returns the subject of an item in the form that other commands accept.
func about(item signalbox.ToDoItem) string {
	var subject string
	switch {
	case item.Reference != "":
		subject = "case " + item.Reference
	case item.Agent != "":
		subject = strings.TrimSpace("activation " + item.Agent + " " + item.ActivationID)
	default:
		subject = item.WorkflowID
	}
	if item.DeliveryID != "" {
		return strings.TrimSuffix(fmt.Sprintf("delivery %s of %s", item.DeliveryID, subject), " of ")
	}
	return subject
}
