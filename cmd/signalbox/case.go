package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
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

func (p process) caseStart() *cobra.Command {
	var (
		file, reference, account, caseID, deadline string
		notify                                     []string
		awaitCorrection, wait, asJSON              bool
	)
	start := &cobra.Command{
		Use:   "start",
		Short: "Start a case, or show the one that the same request started before",
		Long: `Start a case from a JSON document: {"reference": …, "request": {the body of Offload's POST /cases}, "options": {…}}.
With --case-id it follows a case that already exists at Offload, and needs no document; without a reference, the ID is the reference.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var request workflows.CaseStart
			if file != "" {
				var err error
				if request, err = p.readStart(cmd.Context(), file); err != nil {
					return err
				}
			}
			override(&request.Reference, reference)
			override(&request.Account, account)
			override(&request.CaseID, caseID)
			if len(notify) > 0 {
				request.Notify = notify
			}
			request.Options.AwaitCorrection = request.Options.AwaitCorrection || awaitCorrection
			if deadline != "" {
				var err error
				if request.Options.Deadline, err = time.Parse(time.RFC3339, deadline); err != nil {
					return fmt.Errorf("%w: --deadline: %q is not a time like 2026-05-01T12:00:00Z", errUsage, deadline)
				}
			}
			switch {
			case file == "" && caseID == "":
				return &commandLineError{cmd, errors.New("give --file with the request, or --case-id of a case that already exists at Offload")}
			case request.Reference == "" && request.CaseID == "":
				return &commandLineError{cmd, errors.New("give --reference, or a reference in the document")}
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
	start.Flags().StringVarP(&file, "file", "f", "", "JSON document; - is standard input")
	start.Flags().StringVar(&reference, "reference", "", "your unique ID for the case; overrides the document's")
	start.Flags().StringVar(&account, "account", "", "Offload account; overrides the document's")
	start.Flags().StringVar(&caseID, "case-id", "", "follow this case, which already exists at Offload")
	start.Flags().StringSliceVar(&notify, "notify", nil, "names of the configured callbacks that get the notices of the case, separated by commas; overrides the document's")
	start.Flags().StringVar(&deadline, "deadline", "", "end the case as EXPIRED at this time, such as 2026-05-01T12:00:00Z; overrides the document's")
	start.Flags().BoolVar(&awaitCorrection, "await-correction", false, "if Offload rejects the request, wait for \"case retry-create\" instead of failing")
	start.Flags().BoolVar(&wait, "wait", false, "wait for the outcome")
	jsonFlag(start, &asJSON)
	return usesAPI(start)
}

func (p process) caseShow() *cobra.Command {
	var asJSON bool
	show := &cobra.Command{
		Use:   "show REFERENCE",
		Short: "Show the state of a case and what it waits for",
		Args:  cobra.ExactArgs(1),

		ValidArgsFunction: p.completeReference(signalbox.CaseFilter{}),
		RunE: func(cmd *cobra.Command, args []string) error {
			backend, closeBackend, err := p.backend(cmd)
			if err != nil {
				return err
			}
			defer closeBackend()
			state, err := backend.Case(args[0]).State(cmd.Context())
			if err != nil {
				return err
			}
			return p.show(cmd, asJSON, state, p.stateRows(state))
		},
	}
	jsonFlag(show, &asJSON)
	return usesAPI(show)
}

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
		RunE: func(cmd *cobra.Command, args []string) error {
			backend, closeBackend, err := p.backend(cmd)
			if err != nil {
				return err
			}
			defer closeBackend()
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
		},
	}
	wait.Flags().BoolVar(&question, "question", false, "wait until the case asks a question, and print it")
	wait.Flags().DurationVar(&timeout, "timeout", 0, "how long to wait, such as 10m; 0: without a limit")
	jsonFlag(wait, &asJSON)
	return usesAPI(wait)
}

func (p process) caseFiles() *cobra.Command {
	var asJSON bool
	files := &cobra.Command{
		Use:   "files REFERENCE",
		Short: "Show where the files of an ended case are stored",
		Args:  cobra.ExactArgs(1),

		ValidArgsFunction: p.completeReference(signalbox.CaseFilter{Open: signalbox.Closed}),
		RunE: func(cmd *cobra.Command, args []string) error {
			backend, closeBackend, err := p.backend(cmd)
			if err != nil {
				return err
			}
			defer closeBackend()
			one := backend.Case(args[0])
			found, err := one.FilesNow(cmd.Context())
			if errors.Is(err, signalbox.ErrNoFiles) {
				return noFiles(cmd.Context(), one, err)
			}
			if err != nil {
				return err
			}
			return p.show(cmd, asJSON, found, p.filesRows(found))
		},
	}
	jsonFlag(files, &asJSON)
	return usesAPI(files)
}

// noFilesError is signalbox.ErrNoFiles in other words.
type noFilesError struct{ why string }

func (e noFilesError) Error() string { return e.why }
func (e noFilesError) Unwrap() error { return signalbox.ErrNoFiles }

// noFiles says why no workflow stores files of a case. If that can't be read, it returns err.
func noFiles(ctx context.Context, one oneCase, err error) error {
	state, failed := one.State(ctx)
	switch {
	case failed != nil && exitStatus(failed) == exitStatus(err):
		return failed // it says more
	case failed != nil:
		return err
	case state.Status == workflows.CaseCancelled && len(state.Facts.Attachments) > 0:
		return noFilesError{fmt.Sprintf("case %s was cancelled: its files are not stored; `signalbox case show %s --json` lists them", state.Reference, state.Reference)}
	case state.Status.Ended() && state.WaitingFor != "":
		return noFilesError{fmt.Sprintf("case %s has no files yet: %s Run the command again", state.Reference, state.WaitingFor)}
	case state.Status.Ended():
		return noFilesError{fmt.Sprintf("case %s has no files: it ended as %s without any to store", state.Reference, state.Status)}
	}
	return noFilesError{fmt.Sprintf("case %s has no files yet: it is %s, and files are stored after its end", state.Reference, state.Status)}
}

func (p process) filesRows(files workflows.CaseFiles) [][2]string {
	rows := [][2]string{
		{"reference", files.Reference},
		{"case", files.CaseID},
		{"status", string(files.Status)},
		{"since", p.when(files.Since)},
		{"next", files.WaitingFor},
		{"cancelled", files.Cancelled},
		{"attention", strings.Join(files.Attention, ", ")},
	}
	stored := files.Stored
	if files.Result != nil {
		stored = append(slices.Clone(stored), *files.Result)
	}
	for _, f := range stored {
		place := fmt.Sprintf("%s: %s, %d bytes, %s in %s", cmp.Or(f.AttachmentID, "the result"), f.ContentType, f.Size, f.Key, f.Bucket)
		if f.Differs() {
			place += "; Offload reported another size or type"
		}
		rows = append(rows, [2]string{"stored", place})
	}
	for _, f := range files.Unstored {
		rows = append(rows, [2]string{"not stored", cmp.Or(f.AttachmentID, "the result") + ": " + f.Reason})
	}
	if files.Pending > 0 {
		rows = append(rows, [2]string{"not stored yet", strconv.Itoa(files.Pending)})
	}
	if files.Omitted > 0 {
		rows = append(rows, [2]string{"left out", strconv.Itoa(files.Omitted)})
	}
	return rows
}

// wait prints the outcome. An outcome other than COMPLETED has a separate exit status.
func (p process) wait(cmd *cobra.Command, one oneCase, asJSON bool) error {
	shown := ""
	outcome, err := one.Wait(cmd.Context(), func(open workflows.Question) {
		if open.ID != shown {
			shown = open.ID
			// A failed write to standard error can't be reported.
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "signalbox: the case asks: %s\nsignalbox: answer with `signalbox case answer %s`\n", printable(open.Text), one.Reference())
		}
	})
	if err != nil {
		return stoppedWaiting(cmd.Context(), one, err)
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
		{"ended", p.when(outcome.EndedAt)},
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

// waitForQuestion prints the case when it asks a question. An end without one is an error.
func (p process) waitForQuestion(cmd *cobra.Command, one oneCase, asJSON bool) error {
	ctx, stop := context.WithCancel(cmd.Context())
	defer stop()
	if _, err := one.Wait(ctx, func(workflows.Question) { stop() }); err != nil && (ctx.Err() == nil || cmd.Context().Err() != nil) {
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

// resultCheck returns the result of a schema check, with a line for each violation.
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

func (p process) stateRows(state workflows.CaseState) [][2]string {
	rows := [][2]string{
		{"reference", state.Reference},
		{"case", state.CaseID},
		{"status", string(state.Status)},
		{"since", p.when(state.Since)},
		{"next", state.WaitingFor},
		{"attention", strings.Join(state.Attention, ", ")},
		{"what to do", whatToDo(state.Attention)},
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

// readStart refuses unknown fields: otherwise a misspelt option would have no effect.
func (p process) readStart(ctx context.Context, file string) (workflows.CaseStart, error) {
	var (
		document []byte
		err      error
	)
	if file == "-" {
		document, err = readInput(ctx, p.in)
	} else {
		document, err = os.ReadFile(file)
	}
	if err != nil {
		return workflows.CaseStart{}, fmt.Errorf("%w: --file: %w", cmp.Or(ctx.Err(), errUsage), err)
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
	var (
		syntax *json.SyntaxError
		typed  *json.UnmarshalTypeError
	)
	at := -1
	switch {
	case errors.As(err, &syntax):
		at = int(syntax.Offset) - 1
	case errors.As(err, &typed):
		at = int(typed.Offset) - 1
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		at = len(document)
	default:
		if found := unknownField.FindStringSubmatch(err.Error()); found != nil {
			at = bytes.Index(document, []byte(found[1]))
		}
	}
	if at < 0 || at > len(document) {
		return err
	}
	before := document[:at]
	return fmt.Errorf("line %d, column %d: %w", 1+bytes.Count(before, []byte("\n")), at-bytes.LastIndexByte(before, '\n'), err)
}

func override(field *string, flag string) {
	if flag != "" {
		*field = flag
	}
}

func jsonFlag(cmd *cobra.Command, asJSON *bool) {
	cmd.Flags().BoolVar(asJSON, "json", false, "print JSON")
}
