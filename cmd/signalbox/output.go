package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// readInput reads standard input to its end, or until ctx ends: a read from a terminal goes on after Ctrl-C.
func readInput(ctx context.Context, in io.Reader) ([]byte, error) {
	type read struct {
		text []byte
		err  error
	}
	done := make(chan read, 1)
	go func() {
		text, err := io.ReadAll(in)
		done <- read{text, err}
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case all := <-done:
		return all.text, all.err
	}
}

// readFile reads the file of the flag --file; - is standard input.
func (p process) readFile(ctx context.Context, file string) (text []byte, err error) {
	switch file {
	case "":
		err = errors.New("name the file with the body")
	case "-":
		text, err = readInput(ctx, p.in)
	default:
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: --file: %w", cmp.Or(ctx.Err(), errUsage), err)
	}
	return text, nil
}

// say writes text for people.
func (p process) say(cmd *cobra.Command, format string, args ...any) error {
	if _, err := fmt.Fprintf(cmd.OutOrStdout(), format, args...); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// hint writes a line for people to standard error, beside the output. A failed write there can't be reported.
func (p process) hint(cmd *cobra.Command, format string, args ...any) {
	_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "signalbox: "+format+"\n", args...)
}

// show writes an answer: JSON for programs with --json, otherwise a table of names and values for people.
func (p process) show(cmd *cobra.Command, asJSON bool, answer any, rows [][2]string) error {
	if asJSON {
		return p.showJSON(cmd, answer)
	}
	var lines []string
	for _, row := range rows {
		if row[1] == "" {
			continue
		}
		// Further lines of a value begin in the column of values, so that they don't look like another row.
		lines = append(lines, row[0]+"\t"+strings.ReplaceAll(printable(row[1]), "\n", "\n\t")+"\n")
	}
	return p.align(cmd, lines)
}

// align writes lines with their columns, which tabs separate, one below the other.
func (p process) align(cmd *cobra.Command, lines []string) error {
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	_, err := io.WriteString(table, strings.Join(lines, ""))
	if err == nil {
		err = table.Flush()
	}
	if err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

func (p process) showJSON(cmd *cobra.Command, answer any) error {
	encoded, err := json.MarshalIndent(answer, "", "  ")
	if err != nil {
		return fmt.Errorf("encode output: %w", err)
	}
	return p.say(cmd, "%s\n", printable(string(encoded)))
}

// list writes an answer as show does, as a table with a line of headings for people.
func (p process) list(cmd *cobra.Command, asJSON bool, answer any, headings []string, rows [][]string) error {
	if asJSON {
		return p.showJSON(cmd, answer)
	}
	var lines []string
	for _, row := range append([][]string{headings}, rows...) {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = strings.ReplaceAll(printable(cell), "\n", " ")
		}
		lines = append(lines, strings.Join(cells, "\t")+"\n")
	}
	return p.align(cmd, lines)
}

// printable escapes control characters, because text from a webhook must not control a terminal. A JSON document stays valid and keeps its values.
func printable(s string) string {
	if !strings.ContainsFunc(s, steers) && utf8.ValidString(s) {
		return s
	}
	var clean strings.Builder
	for _, r := range s {
		if !steers(r) {
			clean.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&clean, "\\u%04x", unit)
		}
	}
	return clean.String()
}

func steers(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }
