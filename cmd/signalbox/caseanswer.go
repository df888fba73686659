package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

var errNoAnswer = errors.New("the answer is empty, so it was not sent")

func (p process) caseAnswer() *cobra.Command {
	var (
		input  workflows.ProvideInput
		by     string
		asJSON bool
	)
	answer := &cobra.Command{
		Use:   "answer REFERENCE",
		Short: "Answer the open question of a case",
		Long: `Answer the open question of a case. Without --text it shows the question and reads the answer from the editor that VISUAL or EDITOR names, else vi,
or from standard input if that is not a terminal.`,
		Args: cobra.ExactArgs(1),

		ValidArgsFunction: p.completeReference(signalbox.CaseFilter{Open: signalbox.Open, States: []workflows.CaseStatus{workflows.CaseInputNeeded}}),
		RunE: p.withBackend(func(cmd *cobra.Command, args []string, backend backend) error {
			one := backend.Case(args[0])
			if given := cmd.Flags().Changed("text"); !given || input.QuestionID == "" {
				question, err := p.questionOf(cmd.Context(), one, input.QuestionID)
				if err != nil {
					return err
				}
				input.QuestionID = question.ID
				if !given {
					if input.Text, err = p.readAnswer(cmd, args[0], question); err != nil {
						return err
					}
				}
			}
			switch given := cmd.Flags().Changed("text"); {
			case strings.TrimSpace(input.Text) != "":
			case given:
				return fmt.Errorf("%w: --text is empty: write the answer, or leave out --text", errUsage)
			default:
				return fmt.Errorf("answer case %s: %w", args[0], errNoAnswer)
			}
			input.By = cmp.Or(by, p.who())
			receipt, err := one.ProvideInput(cmd.Context(), input)
			switch {
			case errors.Is(err, signalbox.ErrNoOpenQuestion), errors.Is(err, signalbox.ErrAlreadyAnswered), errors.Is(err, signalbox.ErrEnded):
				_, why := p.questionOf(cmd.Context(), one, input.QuestionID)
				if exitStatus(why) == exitStatus(err) && !errors.Is(why, signalbox.ErrOtherQuestion) {
					return why // it says more
				}
				return err
			case err != nil:
				return err
			}
			return p.show(cmd, asJSON, receipt, [][2]string{
				{"question", receipt.QuestionID},
				{"status", "answered: on its way to Offload"},
				{"given", p.when(receipt.GivenAt)},
			})
		}),
	}
	answer.Flags().StringVar(&input.QuestionID, "question", "", "ID of the question; empty: the open one")
	answer.Flags().StringVar(&input.Text, "text", "", "the answer; without it, the answer is read from an editor or from standard input")
	byFlag(answer, &by)
	jsonFlag(answer, &asJSON)
	return usesAPI(answer)
}

// openQuestion returns the question that waits for an answer; nil if there is none.
func openQuestion(state workflows.CaseState) *workflows.Question {
	if state.Status != workflows.CaseInputNeeded {
		return nil
	}
	return state.Question
}

// questionOf returns the open question. With an ID, it fails if another one is open.
func (p process) questionOf(ctx context.Context, one oneCase, id string) (workflows.Question, error) {
	state, err := one.State(ctx)
	if err != nil {
		return workflows.Question{}, err
	}
	open := openQuestion(state)
	switch {
	case open == nil:
		return workflows.Question{}, p.notAsked("answer case "+one.Reference(), state)
	case id != "" && id != open.ID:
		return workflows.Question{}, fmt.Errorf("answer case %s: %w", one.Reference(), signalbox.ErrOtherQuestion)
	}
	return *open, nil
}

// notAsked says why nothing of the case can be answered now. op is what was tried.
func (p process) notAsked(op string, state workflows.CaseState) error {
	switch {
	case state.Status.Ended():
		return fmt.Errorf("%s: %w: %s (%s)", op, signalbox.ErrEnded, state.Status, p.when(state.Since))
	case state.Status == workflows.CaseInputSent && len(state.Answers) > 0:
		newest := state.Answers[len(state.Answers)-1]
		return fmt.Errorf("%s: %w by %s (%s)", op, signalbox.ErrAlreadyAnswered, cmp.Or(newest.By, "an app"), p.when(newest.GivenAt))
	}
	return fmt.Errorf("%s: %w: %s: %s `signalbox case wait %s --question` waits for a question", op, signalbox.ErrNoOpenQuestion,
		state.Status, commandNames.Replace(state.WaitingFor), state.Reference)
}

// maxAnswerInput leaves room for the space around an answer, which is removed. The case checks the length of the answer itself.
const maxAnswerInput = 2 * workflows.MaxTextBytes

// readAnswer shows the question and returns what the person writes, without the space around it.
func (p process) readAnswer(cmd *cobra.Command, reference string, question workflows.Question) (string, error) {
	shown := printable(strings.ReplaceAll(question.Text, "\r\n", "\n"))
	if p.terminal {
		return p.editAnswer(cmd, reference, shown)
	}
	// A failed write to standard error can't be reported.
	_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "question of %s: %s\n", reference, shown)
	text, err := readInput(cmd.Context(), io.LimitReader(p.in, maxAnswerInput+1))
	if err != nil {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	if len(text) > maxAnswerInput { // the rest may be more than space
		return "", fmt.Errorf("%w: the answer is longer than %d bytes: shorten it", errUsage, workflows.MaxTextBytes)
	}
	return strings.TrimSpace(string(text)), nil
}

// modeline is how settings of an editor begin that vi, Vim, Emacs, Kakoune and Kate read from a file.
var modeline = regexp.MustCompile(`(?i)\b(vim?[<=>]?\d*|ex|kak|kate|local\s+variables):`)

// editAnswer opens the editor on a file that has the question as a comment.
func (p process) editAnswer(cmd *cobra.Command, reference, question string) (string, error) {
	file, err := os.CreateTemp("", "signalbox-answer-*.txt") // readable by its owner only
	if err != nil {
		return "", fmt.Errorf("write the question: %w", err)
	}
	defer func() { _ = os.Remove(file.Name()) }() // a file that stays behind does no harm
	var text strings.Builder
	fmt.Fprintf(&text, "\n# Question of %s:\n", reference)
	// The question is a stranger's: it must not change the settings of the editor.
	for line := range strings.SplitSeq(modeline.ReplaceAllString(question, "$1 :"), "\n") {
		fmt.Fprintf(&text, "#   %s\n", line)
	}
	text.WriteString("# Write the answer. Lines that begin with # are left out. An empty answer is not given.\n")
	_, err = file.WriteString(text.String())
	if err = errors.Join(err, file.Close()); err != nil {
		return "", fmt.Errorf("write the question: %w", err)
	}
	// The variable may contain arguments, as with other tools.
	editor := cmp.Or(p.variable("VISUAL"), p.variable("EDITOR"), "vi")
	run := exec.CommandContext(cmd.Context(), "sh", "-c", editor+` "$1"`, editor, file.Name())
	run.Stdin, run.Stdout, run.Stderr = p.in, p.out, p.err
	// Ctrl-C is for the editor: it must not end the context, which would kill the editor.
	p.editing.Store(true)
	defer p.editing.Store(false)
	if err := run.Run(); err != nil {
		return "", fmt.Errorf("editor %s (VISUAL, EDITOR): %w: no answer was sent", editor, err)
	}
	edited, err := os.ReadFile(file.Name())
	if err != nil {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	var answer strings.Builder
	for line := range strings.Lines(string(edited)) {
		if !strings.HasPrefix(line, "#") {
			answer.WriteString(line)
		}
	}
	return strings.TrimSpace(answer.String()), nil
}

// variable returns a variable of the environment; empty if it is not set.
func (p process) variable(name string) string {
	for _, entry := range p.settings.Environ {
		if value, found := strings.CutPrefix(entry, name+"="); found {
			return value
		}
	}
	return ""
}
