package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

func (p process) caseWait() *cobra.Command {
	var (
		question, asJSON bool
		timeout          time.Duration
	)
	wait := &cobra.Command{
		Use:   "wait REFERENCE",
		Short: "Wait until a case has ended and print its outcome; with --question, until it asks something",
		Args:  cobra.ExactArgs(1),

		ValidArgsFunction: p.completeReference(signalbox.CaseFilter{Open: signalbox.Open}),
		RunE: p.withBackend(func(cmd *cobra.Command, args []string, backend backend) error {
			one := backend.Case(args[0])
			if timeout > 0 {
				ctx, cancel := context.WithTimeoutCause(cmd.Context(), timeout, fmt.Errorf("%w after %s; the case goes on: run the command again", errWaitTimeout, timeout))
				defer cancel()
				cmd.SetContext(ctx)
			}
			if question {
				return p.waitForQuestion(cmd, one, asJSON)
			}
			return p.wait(cmd, one, asJSON)
		}),
	}
	wait.Flags().BoolVar(&question, "question", false, "wait until the case asks a question, and print it")
	wait.Flags().DurationVar(&timeout, "timeout", 0, "how long to wait, such as 10m; 0: without a limit")
	jsonFlag(wait, &asJSON)
	return usesAPI(wait)
}

// wait prints the outcome. An outcome other than COMPLETED has a separate exit status.
func (p process) wait(cmd *cobra.Command, one oneCase, asJSON bool) error {
	shown := ""
	outcome, err := one.Wait(cmd.Context(), func(open workflows.Question) {
		if open.ID != shown {
			shown = open.ID
			p.hint(cmd, "the case asks: %s", printable(open.Text))
			p.hint(cmd, "answer with `signalbox case answer %s`", one.Reference())
		}
	}, p.sayRetrying(cmd))
	if err != nil {
		return stoppedWaiting(cmd.Context(), one, err)
	}
	if err := p.show(cmd, asJSON, outcome, slices.Concat([][2]string{
		{"reference", outcome.Reference},
		{"case", outcome.CaseID},
		{"status", string(outcome.Status)},
	}, p.outcomeRows(outcome), [][2]string{
		{"ended", p.when(outcome.EndedAt)},
		{"attention", strings.Join(outcome.Attention, ", ")},
	})); err != nil {
		return err
	}
	if outcome.Status != workflows.CaseCompleted {
		return fmt.Errorf("%w: %s", errNotCompleted, outcome.Status)
	}
	return nil
}

// sayRetrying returns a function that prints the first error after which a wait goes on.
func (p process) sayRetrying(cmd *cobra.Command) func(error) {
	var once sync.Once
	return func(err error) {
		once.Do(func() { p.hint(cmd, "still waiting: %s", printable(err.Error())) })
	}
}

// outcomeRows are the rows of a case's end that its state and its outcome have in common.
func (p process) outcomeRows(outcome workflows.CaseOutcome) [][2]string {
	reason := outcome.Reason
	if reason == "" && outcome.Facts.FailureReason != nil {
		reason = *outcome.Facts.FailureReason
	}
	rows := [][2]string{
		{"result status", outcome.ResultStatus},
		{"reason", reason},
		{"result", string(outcome.Facts.Result)},
		{"result check", resultCheck(outcome.ResultCheck)},
		{"known by", string(outcome.Source)},
	}
	for _, answer := range outcome.Answers {
		rows = append(rows, [2]string{"answer", fmt.Sprintf("%s (by %s, %s)", answer.Text, cmp.Or(answer.By, "an app"), p.when(answer.GivenAt))})
	}
	return rows
}

// waitForQuestion prints the case when it asks a question. An end without one is an error.
func (p process) waitForQuestion(cmd *cobra.Command, one oneCase, asJSON bool) error {
	ctx, stop := context.WithCancel(cmd.Context())
	defer stop()
	if _, err := one.Wait(ctx, func(workflows.Question) { stop() }, p.sayRetrying(cmd)); err != nil && (ctx.Err() == nil || cmd.Context().Err() != nil) {
		return stoppedWaiting(cmd.Context(), one, err)
	}
	state, err := one.State(cmd.Context())
	switch {
	case err != nil:
		return err
	case state.Status.Ended():
		return p.notAsked("wait for a question of case "+one.Reference(), state)
	}
	return p.show(cmd, asJSON, state, p.stateRows(state))
}

// errWaitTimeout says that --timeout of a wait passed.
var errWaitTimeout = errors.New("timed out")

// stoppedWaiting is the error of a wait that failed, or that a signal or its time ended.
func stoppedWaiting(ctx context.Context, one oneCase, err error) error {
	switch why := context.Cause(ctx); {
	case why == nil:
		return err
	case errors.Is(why, errWaitTimeout):
		return fmt.Errorf("wait for case %s: %w", one.Reference(), why)
	}
	return fmt.Errorf("wait for case %s: stopped waiting; the case goes on: run the command again", one.Reference())
}
