package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/payloadcodec"
)

// errPayloadsEncrypted: Temporal holds payloads that only an older key opens.
var errPayloadsEncrypted = errors.New("Temporal holds payloads that only an older key opens") //nolint:staticcheck // a name

// namedWorkflows is how many workflows a message names.
const namedWorkflows = 5

// needByWorkflows returns errPayloadsEncrypted if a workflow needs an older key. It names the namespace that it read: in another one, no workflow would
// need the keys.
func (p process) needByWorkflows(cmd *cobra.Command, ring *keyring.Ring, openOnly bool) error {
	ctx := cmd.Context()
	temporal, options, err := p.dial(ctx)
	if err != nil {
		return err
	}
	defer temporal.Close()
	found, err := payloadcodec.New(ring).Survey(ctx, temporal, payloadcodec.SurveyOptions{OpenOnly: openOnly})
	if err != nil {
		return err
	}
	if err := p.say(cmd, "read %d workflows of namespace %s at %s\n", found.Workflows, options.Namespace, options.HostPort); err != nil {
		return err
	}
	var needs []string
	if open := len(found.Open); open > 0 {
		needs = append(needs, fmt.Sprintf("%d open workflows began before every process used the new key (%s): each needs it until it ends, or until "+
			"`temporal workflow signal --name %s --workflow-id …` lets it begin a new history; a case needs it until it ends",
			open, named(found.Open), workflows.SignalForceContinueAsNew))
	}
	if found.Closed > 0 {
		needs = append(needs, fmt.Sprintf("%d closed workflows need it until the namespace's retention ends; --forget-closed accepts that they become unreadable", found.Closed))
	}
	if len(needs) == 0 {
		return nil
	}
	return fmt.Errorf("%w; of %d workflows:\n%s", errPayloadsEncrypted, found.Workflows, strings.Join(needs, "\n"))
}

func named(ids []string) string {
	if len(ids) > namedWorkflows {
		return strings.Join(ids[:namedWorkflows], ", ") + ", …"
	}
	return strings.Join(ids, ", ")
}
