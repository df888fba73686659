package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

func (p process) notice() *cobra.Command {
	notice := &cobra.Command{
		Use:   "notice",
		Short: "Look at notices and their delivery: list, resend, dismiss",
		Long: `Look at notices and their delivery. SOURCE is the case or activation of the notices: the reference of a case, or a workflow ID such as
artmail-activation/AGENT/ACTIVATION_ID.`,
		Args: cobra.NoArgs,
	}
	notice.AddCommand(p.noticeList(),
		p.noticeChange("resend", "Send notices again that were given up; they are tried for three days more", backend.ResendNotices),
		p.noticeChange("dismiss", "End notices that were given up", backend.DismissNotices))
	return notice
}

// sourceOf returns the workflow ID of an argument, which is a reference if it has no slash.
func sourceOf(argument string) string {
	if strings.Contains(argument, "/") {
		return argument
	}
	return workflows.OffloadCaseWorkflowID(argument)
}

func (p process) noticeList() *cobra.Command {
	var (
		page         pageFlags
		givenUp      bool
		open, prefix string
	)
	list := &cobra.Command{
		Use:   "list [SOURCE]",
		Short: "List the cases and activations that have notices, or the notices of one with their attempts",
		Args:  cobra.MaximumNArgs(1),

		ValidArgsFunction: p.completeSource,
		RunE: p.withBackend(func(cmd *cobra.Command, args []string, backend backend) error {
			if len(args) == 1 {
				return p.showNotices(cmd, backend, sourceOf(args[0]), givenUp, page.asJSON)
			}
			found, err := backend.ListNoticeSources(cmd.Context(), signalbox.NoticeSourceFilter{
				GivenUp: givenUp, SourcePrefix: prefix, Open: signalbox.OpenFilter(open), Cursor: page.cursor, Limit: page.limit,
			})
			if err != nil {
				return err
			}
			rows := make([][]string, len(found.Sources))
			for i, s := range found.Sources {
				rows[i] = []string{s.Source, string(s.Execution), s.Account, p.when(s.StartedAt), strings.Join(s.Attention, ", ")}
			}
			if err := p.list(cmd, page.asJSON, found, []string{"SOURCE", "DELIVERY", "ACCOUNT", "STARTED", "ATTENTION"}, rows); err != nil || page.asJSON {
				return err
			}
			return p.sayMore(cmd, found.Next)
		}),
	}
	page.add(list)
	list.Flags().BoolVar(&givenUp, "given-up", false, "only sources with notices that were given up")
	list.Flags().StringVar(&open, "open", "", "open: notices wait, were given up, or were delivered minutes ago (30 days, if a target answered 410); closed: the others; empty: both")
	list.Flags().StringVar(&prefix, "prefix", "", "beginning of the source, such as artmail-activation/AGENT/")
	return usesAPI(list)
}

func (p process) showNotices(cmd *cobra.Command, backend backend, source string, givenUp, asJSON bool) error {
	state, err := backend.Notices(cmd.Context(), source)
	if err != nil {
		return err
	}
	if givenUp {
		state.Notices = slices.DeleteFunc(state.Notices, func(n workflows.NoticeRecord) bool { return n.Status != workflows.NoticeGivenUp })
	}
	if len(state.Notices) == 0 && !givenUp && state.Forgotten == 0 && !asJSON {
		p.hint(cmd, "%s has no notices: none arose yet, or no callback and no replyTo was named", source)
	}
	rows := make([][]string, len(state.Notices))
	for i, n := range state.Notices {
		rows[i] = []string{
			n.ID, string(n.Kind), n.To.String(), string(n.Status), p.when(n.Time), p.when(n.SettledAt), number(n.Attempts), p.clipped(n.LastError),
		}
	}
	headings := []string{"ID", "KIND", "TO", "STATUS", "MADE", "SETTLED", "ATTEMPTS", "LAST ERROR"}
	if err := p.list(cmd, asJSON, state, headings, rows); err != nil || asJSON {
		return err
	}
	if slices.ContainsFunc(state.Notices, func(n workflows.NoticeRecord) bool { return n.Status == workflows.NoticeWaiting }) {
		// The server retries a delivery, so the workflow learns of its attempts at the end.
		if err := p.say(cmd, "\nTemporal's Web UI has the attempts of waiting notices so far: Pending Activities of %s\n", workflows.NotifyWorkflowID(source)); err != nil {
			return err
		}
	}
	var newest workflows.NoticeRecord
	for _, n := range state.Notices {
		if n.LastError != "" && !n.Time.Before(newest.Time) {
			newest = n
		}
	}
	if whole := strings.Join(strings.Fields(newest.LastError), " "); whole != p.clipped(whole) {
		return p.say(cmd, "\nlast error of %s: %s\n", newest.ID, printable(whole))
	}
	return nil
}

// noticeChange returns a command that resends or dismisses notices of the source in its first argument: those that the other arguments name, or
// all that were given up.
func (p process) noticeChange(name, short string,
	change func(backend backend, ctx context.Context, source string, which workflows.SelectNotices) (workflows.NoticesSelected, error),
) *cobra.Command {
	var (
		since, by string
		asJSON    bool
	)
	command := &cobra.Command{
		Use:   name + " SOURCE [NOTICE_ID…]",
		Short: short,
		Args:  cobra.MinimumNArgs(1),

		ValidArgsFunction: p.completeSource,
		RunE: func(cmd *cobra.Command, args []string) error {
			which := workflows.SelectNotices{IDs: args[1:], By: cmp.Or(by, p.who())}
			if since != "" && len(which.IDs) > 0 {
				return fmt.Errorf("%w: give --since or the IDs of notices, not both", errUsage)
			}
			var err error
			if which.Since, err = moment("since", since, p.now()); err != nil {
				return err
			}
			backend, closeBackend, err := p.backend(cmd)
			if err != nil {
				return err
			}
			defer closeBackend()
			done, err := change(backend, cmd.Context(), sourceOf(args[0]), which)
			if err != nil {
				return err
			}
			return p.show(cmd, asJSON, done, [][2]string{{"notices", fmt.Sprint(done.Notices)}})
		},
	}
	command.Flags().StringVar(&since, "since", "", "only notices given up since: a time like 2026-05-01T12:00:00Z, or a duration before now like 2h")
	byFlag(command, &by)
	jsonFlag(command, &asJSON)
	return usesAPI(command)
}
