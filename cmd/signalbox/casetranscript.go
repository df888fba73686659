package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/cmd/internal/service"
	"github.com/signalbox-dev/signalbox/cmd/internal/transcript"
	"github.com/signalbox-dev/signalbox/ingress/api"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

func (p process) caseTranscript() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use:   "transcript REFERENCE",
		Short: "Print the conversation of a case, read live from Offload",
		Long: `Print the conversation of a case. The command reads it live from Offload and does not store it. Without --api it needs the API key of the
case's account: SIGNALBOX_OFFLOAD_BASE_URL and SIGNALBOX_OFFLOAD_API_KEY, or accounts in the --config file.`,
		Args: cobra.ExactArgs(1),
	}
	jsonFlag(command, &asJSON)
	settings := p.settingsFlags(command, "config")
	command.RunE = func(cmd *cobra.Command, args []string) error {
		found, err := p.transcript(cmd, settings, args[0])
		switch {
		case err != nil:
			return err
		case asJSON:
			return p.showJSON(cmd, found)
		case found.Text == "":
			p.hint(cmd, "Offload tracks no conversation of the case yet")
			return nil
		}
		return p.say(cmd, "%s\n", printable(strings.TrimRight(strings.ReplaceAll(found.Text, "\r\n", "\n"), "\n")))
	}
	return usesAPI(command)
}

// transcript reads the conversation over the API if one is named, or with the keys in the local settings.
func (p process) transcript(cmd *cobra.Command, settings func() (config.Config, error), reference string) (workflows.CaseTranscript, error) {
	none := workflows.CaseTranscript{}
	if over, err := p.api(cmd); over != nil || err != nil {
		if err != nil {
			return none, err
		}
		return readAnswer[workflows.CaseTranscript](over.GetCaseTranscript(cmd.Context(), reference))
	}
	read, err := settings()
	if err != nil {
		return none, err
	}
	accounts, err := service.OffloadClients(read, nil)
	if err != nil {
		return none, err
	}
	defer func() {
		for _, account := range accounts {
			account.Close()
		}
	}()
	apps, end, err := p.client(cmd, signalbox.Options{})
	if err != nil {
		return none, err
	}
	defer end()
	found, err := transcript.Source{Cases: apps, Accounts: accounts, Now: p.now}.Read(cmd.Context(), reference)
	if errors.Is(err, api.ErrNoAccount) {
		err = fmt.Errorf("%w, or set SIGNALBOX_API to let a process read it", err)
	}
	return found, err
}
