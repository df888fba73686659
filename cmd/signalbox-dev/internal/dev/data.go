package dev

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// folder is the data folder of one development instance.
type folder string

func (f folder) temporal() string { return filepath.Join(string(f), "temporal.db") }
func (f folder) inbox() string    { return filepath.Join(string(f), "inbox.db") }
func (f folder) keyring() string  { return filepath.Join(string(f), "keyring.json") }
func (f folder) payloads() string { return filepath.Join(string(f), "payload-keys.json") }

// files is the URL of the bucket, a folder beside the databases.
func (f folder) files() string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(string(f), "files"))}).String()
}

func openFolder(path string) (folder, *keyring.Ring, error) {
	if path == "" {
		return "", nil, errors.New("name a folder")
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", nil, fmt.Errorf("want a folder that can be written: %w", err)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", nil, fmt.Errorf("want a folder that can be written: %w", err)
	}
	f := folder(absolute)
	ring, err := keyring.LoadOrCreate(f.keyring())
	if err != nil {
		return "", nil, fmt.Errorf("read or create its keyring: %w", err)
	}
	return f, ring, nil
}

// payloadKeys are the folder's keys for payloads. It has some once encryption was wanted, and from then on always: without them no workflow
// would go on. Nil: none.
func (f folder) payloadKeys(wanted bool) (*keyring.Ring, error) {
	_, err := os.Stat(f.payloads())
	if errors.Is(err, fs.ErrNotExist) && !wanted {
		return nil, nil //nolint:nilnil // no keys, and nothing is wrong
	}
	ring, err := keyring.LoadOrCreateForPayloads(f.payloads())
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	return ring, nil
}

// Names of secrets that are derived from the keyring.
const (
	offloadKey  = "offload-api-key"
	agentSecret = "artmail-webhook-secret"
)

// secret derives a secret that the simulators and Signalbox share from the keyring, so that it is the same after a restart and in no file.
func secret(ring *keyring.Ring, name string) string {
	return hex.EncodeToString(ring.Fingerprint([]byte(name), "signalbox-dev"))
}

// AgentSecret is what the simulated Artmail signs with.
func AgentSecret(ring *keyring.Ring) string { return secret(ring, agentSecret) }

// withSecrets gives each callback without secrets a derived one, in the form of Standard Webhooks.
func withSecrets(callbacks map[string]config.Callback, ring *keyring.Ring) map[string]config.Callback {
	all := maps.Clone(callbacks)
	for name, one := range all {
		if len(one.Secrets) == 0 {
			one.Secrets = []string{"whsec_" + base64.StdEncoding.EncodeToString(ring.Fingerprint([]byte("callback-"+name), "signalbox-dev"))}
			all[name] = one
		}
	}
	return all
}
