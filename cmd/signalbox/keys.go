package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

func (p process) keys() *cobra.Command {
	keys := &cobra.Command{Use: "keys", Short: "Make, rotate and use the keys that seal bodies, make capability URLs and encrypt payloads", Args: cobra.NoArgs}
	keys.AddCommand(p.keysCreate(), p.keysStage(), p.keysPromote(), p.keysReseal(), p.keysRetire(), p.keysReveal())
	return keys
}

func (p process) keysCreate() *cobra.Command {
	var ifMissing, payloads bool
	create := &cobra.Command{
		Use:   "create PATH",
		Short: "Make a new key document",
		Long: `Make a new key document. Keep a copy of it in a safe place: without it no stored body and no API key can be opened, and every capability
URL stops working. With --payloads it is one for --payload-keys: without that no workflow goes on, and nothing that it said can be read.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := args[0]
			if _, err := os.Lstat(path); err == nil && !ifMissing {
				return fmt.Errorf("%w: %s already exists; `signalbox keys stage` adds a new key to it", errUsage, path)
			} else if err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("create keys: %w", err)
			}
			make := keyring.LoadOrCreate
			if payloads {
				make = keyring.LoadOrCreateForPayloads
			}
			if ring, err := make(path); err != nil {
				return fmt.Errorf("create keys: %w", err)
			} else if ring.ForPayloads() != payloads {
				return fmt.Errorf("%w: %s holds keys of the other kind: with --payloads or without", errUsage, path)
			}
			return p.say(cmd, "keys are in %s\n", path)
		},
	}
	create.Flags().BoolVar(&payloads, "payloads", false, "make keys that encrypt what Temporal keeps, for --payload-keys")
	create.Flags().BoolVar(&ifMissing, "if-missing", false, "leave an existing key document unchanged")
	return create
}

func (p process) keysStage() *cobra.Command {
	return &cobra.Command{
		Use:   "stage PATH",
		Short: "Add new keys that are not used yet: the first step of a rotation",
		Long: `Add new keys that are not used yet. A rotation has these steps, and at no moment does a process refuse what another one made:

  signalbox keys stage PATH      then restart every process that uses the document, an agent's own workers among them
  signalbox keys promote PATH    then restart them again: from now on they use the new keys
  signalbox keys reseal          seals the API keys of running activations by the new key
  signalbox keys retire PATH     takes the old sealing keys out, once nothing needs them

Keys for payloads rotate by the same commands; they need no "reseal".`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.changeKeys(cmd, args[0], func(ring *keyring.Ring) (*keyring.Ring, string, error) {
				if ring.Staged() {
					return nil, "new keys are staged already; restart every process that uses %s, then run `signalbox keys promote`\n", nil
				}
				staged, err := ring.Stage()
				return staged, "%s has new keys that are not used yet; restart every process that uses it, then run `signalbox keys promote`\n", err
			})
		},
	}
}

func (p process) keysPromote() *cobra.Command {
	return &cobra.Command{
		Use:   "promote PATH",
		Short: "Use the staged keys from now on; the older keys still open and verify",
		Long: `Use the staged keys from now on; the older keys still open and verify. Every process must have been restarted since "signalbox keys
stage": one that does not know the new keys refuses the capability URLs that another one makes by them.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.changeKeys(cmd, args[0], func(ring *keyring.Ring) (*keyring.Ring, string, error) {
				if !ring.Staged() {
					return nil, "", fmt.Errorf("%w: %s has no staged keys: run `signalbox keys stage` and restart every process first", errUsage, args[0])
				}
				promoted, err := ring.Promote()
				next := "reseal"
				if ring.ForPayloads() {
					next = "retire"
				}
				return promoted, "%s: the new keys are in use; restart every process that uses it, then run `signalbox keys " + next + "`\n", err
			})
		},
	}
}

// changeKeys writes the document that change returns, if it returns one, and prints its message with the path.
func (p process) changeKeys(cmd *cobra.Command, path string, change func(*keyring.Ring) (*keyring.Ring, string, error)) error {
	ring, err := readDocument(path, "PATH")
	if err != nil {
		return err
	}
	changed, says, err := change(ring)
	if err != nil {
		return fmt.Errorf("%s keys: %w", cmd.Name(), err)
	}
	if changed != nil {
		if err := changed.Save(path); err != nil {
			return fmt.Errorf("%s keys: %w", cmd.Name(), err)
		}
	}
	if err := p.warnOfReaders(cmd, path); err != nil {
		return err
	}
	return p.say(cmd, says, path)
}

// warnOfReaders warns if other users than the owner can read the key document.
func (p process) warnOfReaders(cmd *cobra.Command, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("%s keys: %w", cmd.Name(), err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		_, err = fmt.Fprintf(cmd.ErrOrStderr(), "warning: %s can be read by others than its owner (mode %#o): chmod 600 %s\n", path, mode, path)
	}
	return err
}

// readKeyring reads a keyring. It never creates one: a process with new keys could not open anything that was stored before.
func readKeyring(path string) (*keyring.Ring, error) {
	const setting = "--keyring (SIGNALBOX_KEYRING)"
	if path == "" {
		return nil, fmt.Errorf("%w: %s: name the key document; `signalbox keys create PATH` makes one", errUsage, setting)
	}
	ring, err := readDocument(path, setting)
	if err == nil && ring.ForPayloads() {
		return nil, fmt.Errorf("%w: %s: %s is for payloads: name it by --payload-keys (SIGNALBOX_PAYLOAD_KEYS), and another document here", errUsage, setting, path)
	}
	return ring, err
}

// readPayloadKeys returns nil for no path.
func readPayloadKeys(path string) (*keyring.Ring, error) {
	const setting = "--payload-keys (SIGNALBOX_PAYLOAD_KEYS)"
	if path == "" {
		return nil, nil //nolint:nilnil // no keys, and nothing is wrong
	}
	ring, err := readDocument(path, setting)
	if err == nil && !ring.ForPayloads() {
		return nil, fmt.Errorf("%w: %s: %s is not for payloads; `signalbox keys create --payloads PATH` makes a document that is", errUsage, setting, path)
	}
	return ring, err
}

func readDocument(path, setting string) (*keyring.Ring, error) {
	document, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w; `signalbox keys create` makes one", errUsage, setting, config.HideSecret(path, err))
	}
	ring, err := keyring.Parse(document)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %s: %w", errUsage, setting, path, err)
	}
	return ring, nil
}
