package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/activities/archive"
	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inboxadmin"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// eraseHelp is the help that both commands share.
const eraseHelp = `It removes the deliveries from the inbox, and the histories of the workflow and its notices from Temporal. Use the settings of the ingress:
--inbox and --keyring. First the inbox records who erases. The record names the workflow ID only by its SHA-256 hash. If a step fails, run the
command again: it continues. Ctrl-Z does not stop it while the inbox is a SQLite file.

The command refuses a case or activation that is open, or whose files or notices are still under way; --force ends those first, and then takes half a
minute or more. The command can't erase data at the provider, e-mails, or notices that apps have received. A backup keeps its data until you delete it; after a
restore, repeat the later erasures.`

func (p process) caseErase() *cobra.Command {
	return p.erase(&cobra.Command{
		Use:   "erase REFERENCE",
		Short: "Remove all that is kept of a case, for good",
		Long: "Remove all that is kept of a case, for good. " + eraseHelp + `
The histories and the objects of its files are removed as well: name the workers' --bucket. Its reference may be used again once the case has ended
at Offload.`,
		Args: cobra.ExactArgs(1),

		ValidArgsFunction: p.completeReference(signalbox.CaseFilter{}),
	}, func(apps *signalbox.Client, args []string, _ config.Config) (*signalbox.Erasure, inboxadmin.EraseRequest, error) {
		held, err := apps.EraseCase(args[0])
		return held, inboxadmin.EraseRequest{Provider: offload.Name, Reference: args[0]}, err
	}, "inbox", "keyring", "bucket")
}

func (p process) activationErase() *cobra.Command {
	return p.erase(&cobra.Command{
		Use:   "erase AGENT ACTIVATION_ID",
		Short: "Remove all that is kept of an activation, for good",
		Long: "Remove all that is kept of an activation, for good. " + eraseHelp + `
With --config, the agent's hand-over workflow for the activation is erased as well. Events that Artmail sends afterwards start no workflow:
they are late, and are deleted when their retention ends.`,
		Args: cobra.ExactArgs(2),

		ValidArgsFunction: p.completeActivation,
	}, func(apps *signalbox.Client, args []string, settings config.Config) (*signalbox.Erasure, inboxadmin.EraseRequest, error) {
		handOver := ""
		if agent := settings.Agents[args[0]]; agent.HandOver != nil {
			handOver = agent.HandOver.WorkflowType
		}
		held, err := apps.EraseActivation(args[0], args[1], handOver)
		return held, inboxadmin.EraseRequest{Provider: artmail.Name, Agent: args[0], IDs: []string{args[1]}}, err
	}, "inbox", "keyring", "config")
}

// errNothingHeld says that no store that was searched holds anything of the case or activation.
var errNothingHeld = fmt.Errorf("%w: nothing of it was found, and it was not erased before", signalbox.ErrNotFound)

// erase completes an erase command. find returns the case or activation that the arguments name. flags are the flags of settings that the command has.
func (p process) erase(command *cobra.Command, find func(*signalbox.Client, []string, config.Config) (*signalbox.Erasure, inboxadmin.EraseRequest, error),
	flags ...string,
) *cobra.Command {
	var (
		force, asJSON bool
		by            string
	)
	settings := p.settingsFlags(command, flags...)
	command.RunE = func(cmd *cobra.Command, args []string) (err error) {
		read, err := settings()
		if err != nil {
			return err
		}
		keys, err := readKeyring(read.Keyring)
		if err != nil {
			return err // without the keys, deliveries that only their bodies identify would not be found
		}
		apps, end, err := p.client(cmd, signalbox.Options{})
		if err != nil {
			return err
		}
		defer end()
		e := eraser{force: force}
		if e.temporal, e.request, err = find(apps, args, read); err != nil {
			return err
		}
		e.request.Lane = e.temporal.Source
		if e.admin, err = p.openInboxAdmin(cmd.Context(), read); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, e.admin.Inbox.Close()) }()
		e.admin.Keys, e.admin.Who = keys, cmp.Or(by, p.who())
		if read.Bucket != "" && e.request.Reference != "" {
			if e.bucket, err = archive.OpenBucket(cmd.Context(), read.Bucket); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, e.bucket.Close()) }()
		}
		done, err := e.run(cmd.Context())
		if done.Record == "" {
			return err
		}
		return errors.Join(p.show(cmd, asJSON, done, done.rows()), err)
	}
	command.Flags().BoolVar(&force, "force", false, "end what is still open, being stored or being delivered")
	byFlag(command, &by)
	jsonFlag(command, &asJSON)
	return command
}

// eraser erases from all stores. The bucket is nil where none is named, or where there can be no files.
type eraser struct {
	temporal *signalbox.Erasure
	bucket   *archive.Bucket
	admin    inboxadmin.Admin
	request  inboxadmin.EraseRequest
	force    bool
}

// erasedReport says what was removed, even if a later step failed. Record is the subject of the audit record.
type erasedReport struct {
	Record string            `json:"record"`
	Inbox  inboxadmin.Erased `json:"inbox"`
	// Objects is nil if no bucket was searched.
	Objects *int `json:"objects,omitempty"`
	Runs    int  `json:"runs"`
	// HandOver reports whether an activation's hand-over workflow was searched for; nil for a case.
	HandOver *bool `json:"handOver,omitempty"`
	// StillRunning: the case may go on at Offload.
	StillRunning bool `json:"stillRunning,omitempty"`
}

func (r erasedReport) rows() [][2]string {
	deliveries := fmt.Sprintf("%d deliveries", r.Inbox.Deliveries)
	if r.Inbox.Unreadable > 0 {
		deliveries += fmt.Sprintf("; %d more can't be opened, so it is not known whether they belong to it; they are deleted when their retention ends", r.Inbox.Unreadable)
	}
	rows := [][2]string{
		{"removed from the inbox", deliveries},
		{"from Temporal", fmt.Sprintf("%d runs of workflows", r.Runs)},
	}
	switch {
	case r.Objects != nil:
		rows = append(rows, [2]string{"from the bucket", fmt.Sprintf("%d objects", *r.Objects)})
	case r.HandOver == nil:
		rows = append(rows, [2]string{"from the bucket", "not searched: --bucket (SIGNALBOX_BUCKET) names none"})
	case !*r.HandOver:
		rows = append(rows, [2]string{"its hand-over workflow", "not searched: --config (SIGNALBOX_CONFIG) names none for the agent"})
	}
	if r.StillRunning {
		rows = append(rows, [2]string{"at Offload", "the case may still be running: use its reference again only after it has ended there, or its events reach the new case"})
	}
	return append(rows, [2]string{"recorded as", r.Record})
}

// run checks first, then records, and then removes. It removes from Temporal last: if the command is repeated, Temporal says what else to remove.
func (e eraser) run(ctx context.Context) (done erasedReport, err error) {
	held, err := e.check(ctx)
	if err != nil {
		return done, err
	}
	e.request.IDs = append(e.request.IDs, held.CaseIDs...)
	if err := e.admin.RecordErase(ctx, e.request.Lane); err != nil {
		return done, err
	}
	done.Record, done.StillRunning = inbox.ErasedSubject(e.request.Lane), held.StillRunning
	if e.request.Agent != "" {
		handOver := e.temporal.HandOver != ""
		done.HandOver = &handOver
	}
	if err := e.temporal.End(ctx, e.admin.Who); err != nil {
		return done, err
	}
	if err := e.eraseObjects(ctx, &done); err != nil {
		return done, err
	}
	if done.Inbox, err = e.admin.Erase(ctx, e.request); err != nil {
		return done, err
	}
	if done.Runs, err = e.temporal.Delete(ctx); err != nil {
		return done, err
	}
	// Again, because a file may have been on its way when its workflow was ended.
	return done, e.eraseObjects(ctx, &done)
}

// check returns what Temporal holds. It fails if work is under way and --force is not given, or if nothing is found.
func (e eraser) check(ctx context.Context) (signalbox.Held, error) {
	held, err := e.temporal.Find(ctx)
	if err != nil {
		return held, err
	}
	if len(held.Open) > 0 && !e.force {
		return held, fmt.Errorf("%w: %s: %s; wait for the end, or give --force to end it", signalbox.ErrStillOpen, e.request.Lane, strings.Join(held.Open, "; "))
	}
	if held.Runs > 0 {
		return held, nil
	}
	known, err := e.admin.Inbox.Audited(ctx, inbox.ActErase, inbox.ErasedSubject(e.request.Lane))
	if err != nil || known {
		return held, err
	}
	ids, _, err := e.admin.ToErase(ctx, e.request)
	if err == nil && len(ids) == 0 && e.bucket != nil {
		ids, err = e.bucket.CaseObjects(ctx, e.request.Reference)
	}
	if err == nil && len(ids) == 0 {
		err = fmt.Errorf("erase %s: %w", e.request.Lane, errNothingHeld)
	}
	return held, err
}

func (e eraser) eraseObjects(ctx context.Context, done *erasedReport) error {
	if e.bucket == nil {
		return nil
	}
	n, err := e.bucket.Erase(ctx, e.request.Reference)
	if done.Objects != nil {
		n += *done.Objects
	}
	done.Objects = &n
	return err
}
