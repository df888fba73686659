package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

func (p process) caseFiles() *cobra.Command {
	var asJSON bool
	files := &cobra.Command{
		Use:   "files REFERENCE",
		Short: "Show where the files of an ended case are stored",
		Args:  cobra.ExactArgs(1),

		ValidArgsFunction: p.completeReference(signalbox.CaseFilter{Open: signalbox.Closed}),
		RunE: p.withBackend(func(cmd *cobra.Command, args []string, backend backend) error {
			one := backend.Case(args[0])
			found, err := one.FilesNow(cmd.Context())
			if errors.Is(err, signalbox.ErrNoFiles) {
				return noFiles(cmd.Context(), one, err)
			}
			if err != nil {
				return err
			}
			return p.show(cmd, asJSON, found, p.filesRows(found))
		}),
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
	status := string(files.Status)
	if n := len(files.Unstored) + files.Omitted; n > 0 && files.Status == workflows.FilesStored {
		status += fmt.Sprintf(" (%d not)", n)
	}
	rows := [][2]string{
		{"reference", files.Reference},
		{"case", files.CaseID},
		{"status", status},
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
