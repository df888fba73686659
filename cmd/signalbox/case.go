package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

func (p process) cases() *cobra.Command {
	cases := &cobra.Command{Use: "case", Short: "Start and follow Offload cases", Args: cobra.NoArgs}
	cases.AddCommand(p.caseStart(), p.caseShow(), p.caseWait(), p.caseTranscript(), p.caseAnswer(), p.caseAdopt(), p.caseRetryCreate(), p.caseCancel())
	return cases
}

func (p process) caseStart() *cobra.Command {
	var (
		file, reference, account, caseID string
		wait, asJSON                     bool
	)
	start := &cobra.Command{
		Use:   "start",
		Short: "Start a case, or attach to the one that the same request started before",
		Long: `Start a case from a JSON document: {"reference": …, "request": {what Offload's POST /cases takes}, "options": {…}}.
With --case-id it follows a case that exists at Offload already, and needs no document.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var request workflows.CaseStart
			if file != "" {
				var err error
				if request, err = p.readStart(file); err != nil {
					return err
				}
			}
			override(&request.Reference, reference)
			override(&request.Account, account)
			override(&request.CaseID, caseID)
			switch {
			case file == "" && caseID == "":
				return &commandLineError{cmd, errors.New("give --file with the request, or --case-id of a case that exists at Offload already")}
			case request.Reference == "":
				return &commandLineError{cmd, errors.New("give --reference, or a reference in the document")}
			}
			apps, end, err := p.client(cmd)
			if err != nil {
				return err
			}
			defer end()
			started, err := apps.StartCase(cmd.Context(), request)
			if err != nil {
				return err
			}
			if wait {
				return p.wait(cmd, started, asJSON)
			}
			return p.show(cmd, asJSON, map[string]string{"reference": started.Reference(), "workflowId": started.WorkflowID()}, [][2]string{
				{"reference", started.Reference()},
				{"workflow", started.WorkflowID()},
			})
		},
	}
	start.Flags().StringVarP(&file, "file", "f", "", "JSON document; - is standard input")
	start.Flags().StringVar(&reference, "reference", "", "your own unique ID for the case; goes before the document's")
	start.Flags().StringVar(&account, "account", "", "Offload account; goes before the document's")
	start.Flags().StringVar(&caseID, "case-id", "", "follow this case, which exists at Offload already")
	start.Flags().BoolVar(&wait, "wait", false, "wait for the outcome")
	jsonFlag(start, &asJSON)
	return start
}

func (p process) caseShow() *cobra.Command {
	var asJSON bool
	show := &cobra.Command{
		Use:   "show REFERENCE",
		Short: "Say where a case stands and what it waits for",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			apps, end, err := p.client(cmd)
			if err != nil {
				return err
			}
			defer end()
			state, err := apps.Case(args[0]).State(cmd.Context())
			if err != nil {
				return err
			}
			return p.show(cmd, asJSON, state, stateRows(state))
		},
	}
	jsonFlag(show, &asJSON)
	return show
}

func (p process) caseWait() *cobra.Command {
	var asJSON bool
	wait := &cobra.Command{
		Use:   "wait REFERENCE",
		Short: "Wait until a case has ended and print its outcome",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			apps, end, err := p.client(cmd)
			if err != nil {
				return err
			}
			defer end()
			return p.wait(cmd, apps.Case(args[0]), asJSON)
		},
	}
	jsonFlag(wait, &asJSON)
	return wait
}

func (p process) caseAnswer() *cobra.Command {
	var (
		input  workflows.ProvideInput
		asJSON bool
	)
	answer := &cobra.Command{
		Use:   "answer REFERENCE",
		Short: "Answer the open question of a case",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			apps, end, err := p.client(cmd)
			if err != nil {
				return err
			}
			defer end()
			one := apps.Case(args[0])
			if input.QuestionID == "" {
				state, err := one.State(cmd.Context())
				if err != nil {
					return err
				}
				if state.Question == nil {
					return fmt.Errorf("answer case %s: %w", args[0], signalbox.ErrNoOpenQuestion)
				}
				input.QuestionID = state.Question.ID
			}
			receipt, err := one.ProvideInput(cmd.Context(), input)
			if err != nil {
				return err
			}
			return p.show(cmd, asJSON, receipt, [][2]string{{"question", receipt.QuestionID}, {"given at", stamp(receipt.GivenAt)}})
		},
	}
	answer.Flags().StringVar(&input.QuestionID, "question", "", "ID of the question; empty: the one that is open")
	answer.Flags().StringVar(&input.Text, "text", "", "the answer")
	answer.Flags().StringVar(&input.By, "by", "", "who answers, for the record")
	if err := answer.MarkFlagRequired("text"); err != nil {
		panic(err) // the flag is defined just above
	}
	jsonFlag(answer, &asJSON)
	return answer
}

// wait prints the outcome; one that isn't COMPLETED has an exit status of its own.
func (p process) wait(cmd *cobra.Command, one *signalbox.Case, asJSON bool) error {
	outcome, err := one.Wait(cmd.Context())
	if err != nil {
		return err
	}
	reason := outcome.Reason
	if reason == "" && outcome.Facts.FailureReason != nil {
		reason = *outcome.Facts.FailureReason
	}
	if err := p.show(cmd, asJSON, outcome, [][2]string{
		{"reference", outcome.Reference},
		{"case", outcome.CaseID},
		{"status", string(outcome.Status)},
		{"result status", outcome.ResultStatus},
		{"reason", reason},
		{"result", string(outcome.Facts.Result)},
		{"result check", resultCheck(outcome.ResultCheck)},
		{"ended at", stamp(outcome.EndedAt)},
		{"known by", string(outcome.Source)},
		{"attention", strings.Join(outcome.Attention, ", ")},
	}); err != nil {
		return err
	}
	if outcome.Status != workflows.CaseCompleted {
		return fmt.Errorf("%w: %s", errNotCompleted, outcome.Status)
	}
	return nil
}

// resultCheck is what the check of a result found, a line for each violation.
func resultCheck(check *workflows.ResultCheck) string {
	if check == nil {
		return ""
	}
	lines := []string{string(check.Verdict)}
	if check.Reason != "" {
		lines = append(lines, check.Reason)
	}
	for _, v := range check.Violations {
		lines = append(lines, cmp.Or(v.At, "the result")+": "+v.Reason)
	}
	if check.More > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", check.More))
	}
	return strings.Join(lines, "\n")
}

func stateRows(state workflows.CaseState) [][2]string {
	rows := [][2]string{
		{"reference", state.Reference},
		{"case", state.CaseID},
		{"status", string(state.Status)},
		{"since", stamp(state.Since)},
		{"waits for", state.WaitingFor},
		{"attention", strings.Join(state.Attention, ", ")},
		{"last error", state.LastError},
	}
	if state.Outcome != nil {
		rows = append(rows, [2]string{"result check", resultCheck(state.Outcome.ResultCheck)})
	}
	if state.Question != nil {
		rows = append(rows, [2]string{"question", state.Question.Text}, [2]string{"question ID", state.Question.ID})
	}
	return rows
}

// readStart refuses a field that it doesn't know: a misspelt option must not be an option left out.
func (p process) readStart(file string) (workflows.CaseStart, error) {
	var (
		document []byte
		err      error
	)
	if file == "-" {
		document, err = io.ReadAll(p.in)
	} else {
		document, err = os.ReadFile(file)
	}
	if err != nil {
		return workflows.CaseStart{}, fmt.Errorf("%w: --file: %w", errUsage, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	var start workflows.CaseStart
	if err := decoder.Decode(&start); err != nil {
		return workflows.CaseStart{}, fmt.Errorf("%w: --file %s: %w", errUsage, file, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return workflows.CaseStart{}, fmt.Errorf("%w: --file %s: something follows the document; one case is started at a time", errUsage, file)
	}
	return start, nil
}

func override(field *string, flag string) {
	if flag != "" {
		*field = flag
	}
}

func jsonFlag(cmd *cobra.Command, asJSON *bool) {
	cmd.Flags().BoolVar(asJSON, "json", false, "print JSON")
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}
