package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

func (p process) cases() *cobra.Command {
	cases := &cobra.Command{Use: "case", Short: "Start and follow Offload cases", Args: cobra.NoArgs}
	cases.AddCommand(p.caseStart(), p.caseList(), p.caseShow(), p.caseWait(), p.caseTranscript(), p.caseFiles(), p.caseAnswer(), p.caseCheck(), p.caseAdopt(),
		p.caseRetryCreate(), p.caseCancel(), p.caseErase())
	return cases
}

// startFlags are the flags of "case start" that make its request.
type startFlags struct {
	file, reference, account, caseID, deadline string
	notify                                     []string
	awaitCorrection                            bool
}

func (p process) caseStart() *cobra.Command {
	var (
		given        startFlags
		wait, asJSON bool
	)
	start := &cobra.Command{
		Use:   "start",
		Short: "Start a case, or show the one that the same request started before",
		Long: `Start a case from a JSON document: {"reference": …, "request": {the body of Offload's POST /cases}, "options": {…}}.
With --case-id it follows a case that already exists at Offload, and needs no document; without a reference, the ID is the reference.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			request, err := p.startRequest(cmd, given)
			if err != nil {
				return err
			}
			backend, closeBackend, err := p.backend(cmd)
			if err != nil {
				return err
			}
			defer closeBackend()
			started, err := backend.StartCase(cmd.Context(), request)
			if err != nil {
				return err
			}
			if wait {
				return p.wait(cmd, started, asJSON)
			}
			status := "started"
			if started.Attached() {
				status = "attached"
				if state, err := started.State(cmd.Context()); err == nil { // it is attached, whether or not a worker answers
					status += " (" + string(state.Status) + ")"
				}
			}
			return p.show(cmd, asJSON, map[string]any{"reference": started.Reference(), "workflowId": started.WorkflowID(), "attached": started.Attached()}, [][2]string{
				{"reference", started.Reference()},
				{"workflow", started.WorkflowID()},
				{"status", status},
			})
		},
	}
	start.Flags().StringVarP(&given.file, "file", "f", "", "JSON document; - is standard input")
	start.Flags().StringVar(&given.reference, "reference", "", "your unique ID for the case; overrides the document's")
	start.Flags().StringVar(&given.account, "account", "", "Offload account; overrides the document's")
	start.Flags().StringVar(&given.caseID, "case-id", "", "follow this case, which already exists at Offload")
	start.Flags().StringSliceVar(&given.notify, "notify", nil, "names of the configured callbacks that get the notices of the case, separated by commas; overrides the document's")
	start.Flags().StringVar(&given.deadline, "deadline", "", "end the case as EXPIRED at this time, such as 2026-05-01T12:00:00Z; overrides the document's")
	start.Flags().BoolVar(&given.awaitCorrection, "await-correction", false, "if Offload rejects the request, wait for \"case retry-create\" instead of failing")
	start.Flags().BoolVar(&wait, "wait", false, "wait for the outcome")
	jsonFlag(start, &asJSON)
	return usesAPI(start)
}

// startRequest returns the document of --file, if there is one, with the values of the other flags over its own.
func (p process) startRequest(cmd *cobra.Command, given startFlags) (request workflows.CaseStart, err error) {
	if given.file != "" {
		if request, err = p.readStart(cmd.Context(), given.file); err != nil {
			return request, err
		}
	}
	request.Reference = cmp.Or(given.reference, request.Reference)
	request.Account = cmp.Or(given.account, request.Account)
	request.CaseID = cmp.Or(given.caseID, request.CaseID)
	if len(given.notify) > 0 {
		request.Notify = given.notify
	}
	request.Options.AwaitCorrection = request.Options.AwaitCorrection || given.awaitCorrection
	if given.deadline != "" {
		if request.Options.Deadline, err = time.Parse(time.RFC3339, given.deadline); err != nil {
			return request, fmt.Errorf("%w: --deadline: %q is not a time like 2026-05-01T12:00:00Z", errUsage, given.deadline)
		}
	}
	switch {
	case given.file == "" && given.caseID == "":
		err = &commandLineError{cmd, errors.New("give --file with the request, or --case-id of a case that already exists at Offload")}
	case request.Reference == "" && request.CaseID == "":
		err = &commandLineError{cmd, errors.New("give --reference, or a reference in the document")}
	}
	return request, err
}

func (p process) caseShow() *cobra.Command {
	var asJSON bool
	show := &cobra.Command{
		Use:   "show REFERENCE",
		Short: "Show the state of a case and what it waits for",
		Args:  cobra.ExactArgs(1),

		ValidArgsFunction: p.completeReference(signalbox.CaseFilter{}),
		RunE: p.withBackend(func(cmd *cobra.Command, args []string, backend backend) error {
			state, err := backend.Case(args[0]).State(cmd.Context())
			if err != nil {
				return err
			}
			return p.show(cmd, asJSON, state, p.stateRows(state))
		}),
	}
	jsonFlag(show, &asJSON)
	return usesAPI(show)
}

// resultCheck returns the result of a schema check, with a line for each violation.
func resultCheck(check *workflows.ResultCheck) string {
	if check == nil {
		return ""
	}
	return strings.Join(append([]string{string(check.Verdict)}, check.Problems()...), "\n")
}

// whatToDo returns a line for each attention that has one.
func whatToDo(attention []string) string {
	var lines []string
	for _, one := range attention {
		if help, known := workflows.AttentionHelp(one); known {
			lines = append(lines, help)
		}
	}
	return strings.Join(lines, "\n")
}

// commandNames replaces the names of updates by the commands that send them.
var commandNames = strings.NewReplacer(workflows.UpdateAdoptCase, "`case adopt`", workflows.UpdateRetryCreate, "`case retry-create`")

func (p process) stateRows(state workflows.CaseState) [][2]string {
	rows := [][2]string{
		{"reference", state.Reference},
		{"case", state.CaseID},
		{"goal", state.Objective},
		{"counterparty", state.Counterparty},
		{"status", string(state.Status)},
		{"since", p.when(state.Since)},
		{"next", commandNames.Replace(state.WaitingFor)},
		{"attention", strings.Join(state.Attention, ", ")},
		{"what to do", whatToDo(state.Attention)},
		{"last error", state.LastError},
	}
	if state.Outcome != nil {
		rows = append(rows, p.outcomeRows(*state.Outcome)...)
	}
	if state.Question != nil {
		rows = append(rows, [2]string{"question", state.Question.Text}, [2]string{"question ID", state.Question.ID})
	}
	return rows
}

// readStart refuses unknown fields: otherwise a misspelt option would have no effect.
func (p process) readStart(ctx context.Context, file string) (workflows.CaseStart, error) {
	document, err := p.readFile(ctx, file)
	if err != nil {
		return workflows.CaseStart{}, err
	}
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	var start workflows.CaseStart
	if err := decoder.Decode(&start); err != nil {
		return workflows.CaseStart{}, fmt.Errorf("%w: --file %s: %w", errUsage, file, located(document, err))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return workflows.CaseStart{}, fmt.Errorf("%w: --file %s: something follows the document; start one case at a time", errUsage, file)
	}
	return start, nil
}

var unknownField = regexp.MustCompile(`unknown field ("(?:[^"\\]|\\.)*")`)

// located adds the line and the column to the error of a JSON document, where they are known.
func located(document []byte, err error) error {
	at := -1
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		at = int(syntax.Offset) - 1
	} else if typed, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		at = int(typed.Offset) - 1
	} else if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		at = len(document)
	} else if found := unknownField.FindStringSubmatch(err.Error()); found != nil {
		at = bytes.Index(document, []byte(found[1]))
	}
	if at < 0 || at > len(document) {
		return err
	}
	before := document[:at]
	return fmt.Errorf("line %d, column %d: %w", 1+bytes.Count(before, []byte("\n")), at-bytes.LastIndexByte(before, '\n'), err)
}

func jsonFlag(cmd *cobra.Command, asJSON *bool) {
	cmd.Flags().BoolVar(asJSON, "json", false, "print JSON")
}
