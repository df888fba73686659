package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

func (p process) keys() *cobra.Command {
	keys := &cobra.Command{Use: "keys", Short: "Make, rotate and use the keys that seal bodies and make capability URLs", Args: cobra.NoArgs}
	keys.AddCommand(p.keysCreate(), p.keysRotate(), p.keysReseal(), p.keysRetire(), p.keysReveal())
	return keys
}

func (p process) keysCreate() *cobra.Command {
	var ifMissing bool
	create := &cobra.Command{
		Use:   "create PATH",
		Short: "Make a new key document",
		Long:  "Make a new key document. Keep a copy of it in a safe place: without it no stored body and no API key can be opened, and every capability URL stops working.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := args[0]
			if _, err := os.Lstat(path); err == nil && !ifMissing {
				return fmt.Errorf("%w: %s is there already; `signalbox keys rotate` adds a new key to it", errUsage, path)
			} else if err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("create keys: %w", err)
			}
			if _, err := keyring.LoadOrCreate(path); err != nil {
				return fmt.Errorf("create keys: %w", err)
			}
			return p.say(cmd, "keys are in %s\n", path)
		},
	}
	create.Flags().BoolVar(&ifMissing, "if-missing", false, "leave a key document alone that is there already")
	return create
}

func (p process) keysRotate() *cobra.Command {
	return &cobra.Command{
		Use:   "rotate PATH",
		Short: "Add new keys and use them from now on; the old ones go on opening and verifying",
		Long: `Add new keys and use them from now on; the old ones go on opening and verifying. Then restart every process that uses the document, an
agent's own workers among them. To be rid of the old sealing keys, run "signalbox keys reseal" next, and "signalbox keys retire" in the end.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ring, err := readKeyring(args[0])
			if err != nil {
				return err
			}
			if ring, err = ring.Rotate(); err != nil {
				return fmt.Errorf("rotate keys: %w", err)
			}
			if err := ring.Save(args[0]); err != nil {
				return fmt.Errorf("rotate keys: %w", err)
			}
			return p.say(cmd, "%s has new keys; restart every process that uses it, then run `signalbox keys reseal`\n", args[0])
		},
	}
}

// readKeyring never makes one: a process that starts with fresh keys could read nothing that was stored before.
func readKeyring(path string) (*keyring.Ring, error) {
	if path == "" {
		return nil, fmt.Errorf("%w: --keyring (SIGNALBOX_KEYRING): name the key document; `signalbox keys create PATH` makes one", errUsage)
	}
	document, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: --keyring (SIGNALBOX_KEYRING): %w; `signalbox keys create PATH` makes one", errUsage, err)
	}
	ring, err := keyring.Parse(document)
	if err != nil {
		return nil, fmt.Errorf("%w: --keyring (SIGNALBOX_KEYRING): %s: %w", errUsage, path, err)
	}
	return ring, nil
}
