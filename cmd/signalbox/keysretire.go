package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// errBodiesSealed says that the inbox has bodies that only an older key opens.
var errBodiesSealed = errors.New("the inbox holds bodies that an older key has sealed")

func (p process) keysRetire() *cobra.Command {
	var yes, forgetClosed bool
	retire := &cobra.Command{
		Use:   "retire PATH",
		Short: "Remove the older sealing keys from a key document, if nothing needs them",
		Long: `Remove the sealing keys that are older than the one in use from a key document. Keep a copy of the old document. Without --yes it only says what it
would do. With or without --yes it refuses while one of these needs an older key:

  the API key of a running activation    "signalbox keys reseal" seals it again
  a body in the inbox                    it is removed at the end of its retention; "signalbox inbox purge" removes it now

or, of keys for payloads:

  an open case                           until it ends, since its memo is written once
  another open workflow                  until it ends, or continues as new (the signal "force-continue-as-new" makes it, if it is one of Signalbox's)
  a closed workflow                      until the namespace's retention ends; --forget-closed accepts that it becomes unreadable

For these it reads the history of every workflow in the namespace, of which some hundred a second can be read.

Every process must have been restarted since "signalbox keys promote": one that has not still seals by an older key. For how long bodies stay, use
the settings of the ingress: --keep-bodies and --keep-rows. Keys for capability URLs are never retired.`,
		Args: cobra.ExactArgs(1),
	}
	settings := p.settingsFlags(retire, "inbox", "keep-bodies", "keep-rows")
	retire.RunE = func(cmd *cobra.Command, args []string) error {
		read, err := settings()
		if err != nil {
			return err
		}
		ring, err := readDocument(args[0], "PATH")
		if err != nil {
			return err
		}
		older := ring.OlderSealingKeys()
		if older == 0 {
			return p.say(cmd, "%s has no older sealing key\n", args[0])
		}
		needs := func() error {
			return errors.Join(p.needByAPIKeys(cmd, ring), p.needByBodies(cmd.Context(), ring, read))
		}
		if ring.ForPayloads() {
			needs = func() error { return p.needByWorkflows(cmd, ring, forgetClosed) }
		}
		if err := needs(); err != nil {
			return fmt.Errorf("retire keys: nothing was done: %w", err)
		}
		if !yes {
			return p.say(cmd, "%d older sealing keys would be taken out; nothing needs them any more. --yes takes them out\n", older)
		}
		if err := retireUnchanged(args[0], ring); err != nil {
			return err
		}
		return p.say(cmd, "%d older sealing keys are taken out of %s; restart every process that uses it\n", older, args[0])
	}
	retire.Flags().BoolVar(&yes, "yes", false, "remove them")
	retire.Flags().BoolVar(&forgetClosed, "forget-closed", false, "for payload keys: skip closed workflows, which may become unreadable")
	return retire
}

// retireUnchanged takes the older sealing keys out of the document, unless it has changed since ring was read.
func retireUnchanged(path string, ring *keyring.Ring) error {
	now, err := readDocument(path, "PATH")
	if err != nil {
		return err
	}
	if now.SealingKeyID() != ring.SealingKeyID() || !slices.Equal(now.SealingKeyIDs(), ring.SealingKeyIDs()) {
		return fmt.Errorf("retire keys: nothing was done: %s has changed meanwhile; run the command again", path)
	}
	retired, err := ring.Retire()
	if err == nil {
		err = retired.Save(path)
	}
	if err != nil {
		return fmt.Errorf("retire keys: %w", err)
	}
	return nil
}

// needByAPIKeys returns errNotResealed if the API key of a running activation needs an older key.
func (p process) needByAPIKeys(cmd *cobra.Command, ring *keyring.Ring) error {
	found, err := p.resealAPIKeys(cmd, ring, true)
	if err != nil {
		return err
	}
	if found.Resealed+found.Failed > 0 {
		return fmt.Errorf("%w: %d need an older key; run `signalbox keys reseal`", errNotResealed, found.Resealed+found.Failed)
	}
	return nil
}

// needByBodies returns errBodiesSealed if a stored body needs an older key.
func (p process) needByBodies(ctx context.Context, ring *keyring.Ring, settings config.Config) (err error) {
	admin, err := p.openInboxAdmin(ctx, settings)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, admin.Inbox.Close()) }()
	found, err := admin.Inbox.BodiesWithout(ctx, ring.SealedPrefix())
	if err != nil {
		return err
	}
	var needs []string
	for _, state := range inbox.States() {
		if bodies := found[state]; bodies.Count > 0 {
			needs = append(needs, bodiesInWords(state, bodies, settings, admin.Now()))
		}
	}
	if len(needs) == 0 {
		return nil
	}
	return fmt.Errorf("%w:\n%s", errBodiesSealed, strings.Join(needs, "\n"))
}

// bodiesInWords says until when the bodies in a state stay, and which command shows or removes them.
func bodiesInWords(state inbox.State, bodies inbox.Bodies, settings config.Config, now time.Time) string {
	keep, setting, purge := settings.KeepBodies, "--keep-bodies", "--bodies-before"
	if state == inbox.StateQuarantined {
		keep, setting, purge = settings.KeepRows, "--keep-rows", "--rows-before"
	}
	until := fmt.Sprintf("whose retention ends by %s (%s %s) and is enforced once an hour", stamp(bodies.Newest.Add(keep)), setting, keep)
	// An age in whole seconds includes the newest body from the next second on.
	age := max(now.Sub(bodies.Newest).Truncate(time.Second), time.Second)
	removes := fmt.Sprintf("`signalbox inbox purge %s %s` removes these and all that are older", purge, age)
	switch {
	case state == inbox.StatePending:
		until, removes = "which stay until they are handed to their workflows", "nothing purges them"
	case keep == 0:
		until = fmt.Sprintf("which stay for ever (%s 0)", setting)
	}
	// The end of a list is exclusive, and whole seconds are enough.
	shown := stamp(bodies.Newest.Truncate(time.Second).Add(time.Second))
	return fmt.Sprintf("%d %s, %s: `signalbox inbox list --state %s --until %s` shows them, %s", bodies.Count, state, until, state, shown, removes)
}
