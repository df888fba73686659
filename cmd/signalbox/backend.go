package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/storage"
	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/ingress/deliveries"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inboxadmin"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// backend is the part of the Go client that commands about workflows use. It works over Temporal or over the HTTP API.
type backend interface {
	StartCase(ctx context.Context, start workflows.CaseStart) (oneCase, error)
	Case(reference string) oneCase
	ShowActivation(ctx context.Context, agent, activationID string, user bool) (api.Activation, error)
	CloseRun(ctx context.Context, agent, activationID string, closeRun workflows.CloseRun) (workflows.Run, error)
	CancelApproval(ctx context.Context, agent, activationID string, cancel workflows.CancelApproval) (workflows.Approval, error)
	ListCases(ctx context.Context, filter signalbox.CaseFilter) (signalbox.CasePage, error)
	ListActivations(ctx context.Context, filter signalbox.ActivationFilter) (signalbox.ActivationPage, error)
	ListNoticeSources(ctx context.Context, filter signalbox.NoticeSourceFilter) (signalbox.NoticeSourcePage, error)
	Notices(ctx context.Context, source string) (workflows.NotifyState, error)
	ResendNotices(ctx context.Context, source string, which workflows.SelectNotices) (workflows.NoticesSelected, error)
	DismissNotices(ctx context.Context, source string, which workflows.SelectNotices) (workflows.NoticesSelected, error)
	ToDo(ctx context.Context, options signalbox.ToDoOptions) (signalbox.ToDoList, error)
	CatchUp(ctx context.Context, options signalbox.CatchUpOptions) (signalbox.CatchUpReport, error)
}

// oneCase is a handle of a case, such as *signalbox.Case.
type oneCase interface {
	Reference() string
	WorkflowID() string
	// Attached reports whether StartCase found the case started already.
	Attached() bool
	State(ctx context.Context) (workflows.CaseState, error)
	// Wait waits until the case has ended. Until then it calls asks with each open question, and retrying with each error after which it goes on.
	Wait(ctx context.Context, asks func(workflows.Question), retrying func(error)) (workflows.CaseOutcome, error)
	ProvideInput(ctx context.Context, input workflows.ProvideInput) (workflows.InputReceipt, error)
	Adopt(ctx context.Context, adopt workflows.AdoptCase) (workflows.CaseReceipt, error)
	RetryCreate(ctx context.Context, retry workflows.RetryCreate) (workflows.CaseReceipt, error)
	Cancel(ctx context.Context, cancel workflows.CancelCase) (workflows.CaseReceipt, error)
	ReconcileNow(ctx context.Context, by string) error
	FilesNow(ctx context.Context) (workflows.CaseFiles, error)
}

// inboxBackend is what commands about deliveries use. It works on the inbox or over the HTTP API.
type inboxBackend interface {
	List(ctx context.Context, filter inbox.Filter) (inbox.Page, error)
	Count(ctx context.Context) (inboxadmin.Counts, error)
	Show(ctx context.Context, id string) (inboxadmin.Shown, error)
	Reveal(ctx context.Context, id string) (inboxadmin.Shown, error)
	Replay(ctx context.Context, id string) (inboxadmin.Replayed, error)
	ReplayAll(ctx context.Context, filter inbox.Filter) (inboxadmin.Replayed, error)
	Dismiss(ctx context.Context, id string) (inboxadmin.Dismissed, error)
	Release(ctx context.Context, agent string) (inboxadmin.Released, error)
	Purge(ctx context.Context, request inbox.PurgeRequest) (inbox.Purged, error)
	AuditPage(ctx context.Context, cursor string, limit int) (inboxadmin.AuditPage, error)
}

// direct is the backend over Temporal.
type direct struct{ *signalbox.Client }

func (d direct) Case(reference string) oneCase { return directCase{d.Client.Case(reference)} }

func (d direct) StartCase(ctx context.Context, start workflows.CaseStart) (oneCase, error) {
	started, err := d.Client.StartCase(ctx, start)
	if err != nil {
		return nil, err
	}
	return directCase{started}, nil
}

// directCase is oneCase over Temporal.
type directCase struct{ *signalbox.Case }

// Wait needs a worker for the questions only. It does not wait for a missing namespace: the name may be misspelt.
func (d directCase) Wait(ctx context.Context, asks func(workflows.Question), _ func(error)) (workflows.CaseOutcome, error) {
	if _, err := d.Account(ctx); errors.As(err, new(*serviceerror.NamespaceNotFound)) {
		return workflows.CaseOutcome{}, err
	}
	ctx, stop := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		state, err := d.WaitForChange(ctx, time.Hour, &workflows.CaseState{})
		for err == nil && !state.Status.Ended() {
			if open := openQuestion(state); open != nil {
				asks(*open)
			}
			state, err = d.WaitForChange(ctx, time.Hour, &state)
		}
	}()
	outcome, err := d.Case.Wait(ctx)
	stop()
	<-watched
	return outcome, err
}

func (d direct) ShowActivation(ctx context.Context, agent, activationID string, user bool) (api.Activation, error) {
	state, err := d.Activation(agent, activationID).State(ctx)
	return api.ShowActivation(state, user), err
}

func (d direct) CloseRun(ctx context.Context, agent, activationID string, closeRun workflows.CloseRun) (workflows.Run, error) {
	return d.Activation(agent, activationID).CloseRun(ctx, closeRun)
}

func (d direct) CancelApproval(ctx context.Context, agent, activationID string, cancel workflows.CancelApproval) (workflows.Approval, error) {
	return d.Activation(agent, activationID).CancelApproval(ctx, cancel)
}

// usesAPI adds the flag --api to a command that works over the API too.
func usesAPI(command *cobra.Command) *cobra.Command {
	command.Flags().String("api", "", "URL of the HTTP API to use instead of Temporal and the inbox, such as http://127.0.0.1:8081; "+
		"the token is in SIGNALBOX_API_TOKEN or in the file that SIGNALBOX_API_TOKEN_FILE names")
	return command
}

// byFlag adds the flag --by to a command that records who acts. An empty value stands for process.who.
func byFlag(command *cobra.Command, by *string) {
	command.Flags().StringVar(by, "by", "", "who acts, for the record; empty: the user who runs the command")
}

// api returns the API that the command line or a variable names; nil if neither does. Call it before config.Load, which sets flags from variables.
func (p process) api(cmd *cobra.Command) (*overAPI, error) {
	flag, err := cmd.Flags().GetString("api")
	if err != nil {
		return nil, err
	}
	named, err := p.settings.API(flag)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	if named.URL == "" {
		return nil, nil
	}
	if by := cmd.Flags().Lookup("by"); by != nil && by.Changed {
		return nil, fmt.Errorf("%w: --by: the API records the name of the token: leave it out", errUsage)
	}
	for _, name := range []string{"inbox", "keyring", "config"} {
		if cmd.Flags().Changed(name) {
			return nil, fmt.Errorf("%w: --%s: the API uses the settings of its process: leave this flag out, or leave out --api and unset SIGNALBOX_API", errUsage, name)
		}
	}
	connected, err := api.Connect(named.URL, named.Token)
	if err != nil {
		return nil, fmt.Errorf("%w: --api (SIGNALBOX_API): %w", errUsage, err)
	}
	return &overAPI{connected}, nil
}

// backend returns the backend of a command. The caller calls closeBackend.
func (p process) backend(cmd *cobra.Command) (b backend, closeBackend func(), err error) {
	remote, err := p.api(cmd)
	switch {
	case err != nil:
		return nil, nil, err
	case remote != nil:
		return remote, func() {}, nil
	}
	return p.direct(cmd, nil)
}

// withBackend returns the function of a command that needs a backend from the beginning. It closes the backend after do.
func (p process) withBackend(do func(cmd *cobra.Command, args []string, backend backend) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		backend, closeBackend, err := p.backend(cmd)
		if err != nil {
			return err
		}
		defer closeBackend()
		return do(cmd, args, backend)
	}
}

func (p process) direct(cmd *cobra.Command, of signalbox.Deliveries) (b backend, disconnect func(), err error) {
	apps, disconnect, err := p.client(cmd, signalbox.Options{Deliveries: of})
	if err != nil {
		return nil, nil, err
	}
	return direct{apps}, disconnect, nil
}

// backendWithInbox returns a backend with access to deliveries. If no inbox is named and the default file does not exist, a command that does
// not need the inbox goes on without it, and says so.
func (p process) backendWithInbox(cmd *cobra.Command, settings func() (config.Config, error), needed bool) (b backend, closeBackend func(), err error) {
	if remote, err := p.api(cmd); remote != nil || err != nil {
		return remote, func() {}, err
	}
	read, err := settings()
	if err != nil {
		return nil, nil, err
	}
	opened, err := p.openInboxAdmin(cmd.Context(), read)
	if errors.Is(err, storage.ErrNone) && !read.InboxNamed && !needed {
		p.hint(cmd, "deliveries are left out: name the inbox by --inbox (SIGNALBOX_INBOX)")
		return p.direct(cmd, nil)
	}
	if err != nil {
		return nil, nil, err
	}
	b, disconnect, err := p.direct(cmd, deliveries.New(func() (inbox.Store, error) { return opened.Inbox, nil }, p.now))
	if err != nil {
		return nil, nil, errors.Join(err, opened.Inbox.Close())
	}
	return b, func() {
		disconnect()
		_ = opened.Inbox.Close() // all changes are committed already
	}, nil
}
