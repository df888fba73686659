package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/internal/logging"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// errNotResealed says that an API key is still sealed by an older key; the log names its activation.
var errNotResealed = errors.New("not every API key could be sealed anew")

func (p process) keysReseal() *cobra.Command {
	var dryRun, asJSON bool
	reseal := &cobra.Command{
		Use:   "reseal",
		Short: "Seal the API keys of running activations again with the newest key, so that older keys can be retired",
		Long: `Seal the API key of each running activation with the newest key, if an older key has sealed it. No key is shown. The command can be repeated at any
time. Run it after every process was restarted with the new keys, since until then a process may still seal with an old one.
Bodies in the inbox are not sealed again: they are removed at the end of their retention.`,
		Args: cobra.NoArgs,
	}
	settings := p.settingsFlags(reseal, "keyring")
	reseal.RunE = func(cmd *cobra.Command, _ []string) error {
		read, err := settings()
		if err != nil {
			return err
		}
		ring, err := readKeyring(read.Keyring)
		if err != nil {
			return err
		}
		done, err := p.resealAPIKeys(cmd, ring, dryRun)
		if err != nil {
			return err
		}
		if err := p.showResealed(cmd, asJSON, dryRun, done); err != nil {
			return err
		}
		if done.Failed > 0 {
			return fmt.Errorf("%w: %d are left", errNotResealed, done.Failed)
		}
		return nil
	}
	reseal.Flags().BoolVar(&dryRun, "dry-run", false, "only count")
	jsonFlag(reseal, &asJSON)
	return reseal
}

func (p process) showResealed(cmd *cobra.Command, asJSON, dryRun bool, done signalbox.Resealed) error {
	if asJSON {
		return p.showJSON(cmd, map[string]any{
			"dryRun": dryRun, "resealed": done.Resealed, "current": done.Current, "keyless": done.Keyless, "failed": done.Failed,
		})
	}
	verb := "were sealed anew"
	if dryRun {
		verb = "would be sealed anew"
	}
	return p.say(cmd, "%d API keys %s, %d are sealed by the newest key already, %d activations have none, %d failed\n",
		done.Resealed, verb, done.Current, done.Keyless, done.Failed)
}

// resealAPIKeys seals the API keys and logs each activation that failed.
func (p process) resealAPIKeys(cmd *cobra.Command, ring *keyring.Ring, dryRun bool) (signalbox.Resealed, error) {
	log, err := logging.New(cmd.ErrOrStderr(), "info", "console")
	if err != nil {
		return signalbox.Resealed{}, err
	}
	apps, end, err := p.client(cmd, signalbox.Options{Keyring: ring})
	if err != nil {
		return signalbox.Resealed{}, err
	}
	defer end()
	return apps.ResealAPIKeys(cmd.Context(), signalbox.ResealOptions{DryRun: dryRun, Failed: func(workflowID string, err error) {
		log.Error("API key is not sealed anew", zap.String("workflow_id", workflowID), zap.Error(err))
	}})
}
