package torture

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

const (
	keyringFile  = "keyring.json"
	payloadsFile = "payload-keys.json"
	settingsFile = "settings.json"

	agent     = "torture-agent"
	account   = workflows.DefaultAccount
	namespace = "default"
)

// settings are what all processes of a run must agree on. The secrets are of this run alone.
type settings struct {
	// Temporal, Ingress, Internal (the ingress's listener for operators) and Providers are host:port. They stay the same when a process is started again.
	// Temporal and Inbox are where the ingress and the worker reach them, by a network that may be bad; TemporalServer is where the server listens.
	Temporal       string `json:"temporal"`
	TemporalServer string `json:"temporalServer"`
	Ingress        string `json:"ingress"`
	Internal       string `json:"internal"`
	Providers      string `json:"providers"`
	// Inbox is what SIGNALBOX_INBOX would say, InboxServer the same by no network.
	Inbox       string `json:"inbox"`
	InboxServer string `json:"inboxServer"`
	OffloadKey  string `json:"offloadKey"`
	AgentSecret string `json:"agentSecret"`
	// Attempt is how long an attempt at an activity may take; zero leaves that to the workflows.
	Attempt time.Duration `json:"attempt,omitempty"`
	// EncryptPayloads lets all processes encrypt what Temporal keeps, by keys in the run's folder.
	EncryptPayloads bool `json:"encryptPayloads,omitempty"`
}

// payloadKeys are nil where nothing is encrypted.
func (s settings) payloadKeys(folder string) (*keyring.Ring, error) {
	if !s.EncryptPayloads {
		return nil, nil //nolint:nilnil // no keys, and nothing is wrong
	}
	return keyring.LoadOrCreateForPayloads(filepath.Join(folder, payloadsFile))
}

func (s settings) ingressURL() string  { return "http://" + s.Ingress }
func (s settings) internalURL() string { return "http://" + s.Internal }
func (s settings) offloadURL() string  { return "http://" + s.Providers + "/offload" }
func (s settings) artmailHook() string {
	return s.ingressURL() + "/webhooks/artmail/" + agent
}

// newSettings makes the keyring and the settings of a run in its folder. connect may put other addresses between the processes and their servers.
func newSettings(folder, inbox string, o Options, connect func(*settings) error) (settings, *keyring.Ring, error) {
	keys, err := keyring.LoadOrCreate(filepath.Join(folder, keyringFile))
	if err != nil {
		return settings{}, nil, err
	}
	s := settings{
		Inbox:       inbox,
		InboxServer: inbox,
		OffloadKey:  fmt.Sprintf("%x", keys.Fingerprint([]byte("offload"), "torture")),
		AgentSecret: fmt.Sprintf("%x", keys.Fingerprint([]byte("artmail"), "torture")),
		Attempt:     o.attempt,

		EncryptPayloads: o.EncryptPayloads,
	}
	for _, address := range []*string{&s.TemporalServer, &s.Ingress, &s.Internal, &s.Providers} {
		if *address, err = freeAddress(); err != nil {
			return settings{}, nil, err
		}
	}
	s.Temporal = s.TemporalServer
	if err := connect(&s); err != nil {
		return settings{}, nil, err
	}
	content, err := json.Marshal(s)
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, settingsFile), content, 0o600)
	}
	if err != nil {
		return settings{}, nil, fmt.Errorf("settings: %w", err)
	}
	return s, keys, nil
}

func readSettings(folder string) (s settings, err error) {
	content, err := os.ReadFile(filepath.Join(folder, settingsFile))
	if err == nil {
		err = json.Unmarshal(content, &s)
	}
	if err != nil {
		return settings{}, fmt.Errorf("settings: %w", err)
	}
	return s, nil
}

// freeAddress finds a loopback port below those that the system hands to outgoing connections: while a process is stopped,
// the system must not give its port to a client that keeps dialing it.
func freeAddress() (string, error) {
	const lowest, count, tries = 20000, 12000, 100
	var failures []error
	for range tries {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(lowest+rand.IntN(count)))
		listener, err := net.Listen("tcp", address)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		if err := listener.Close(); err != nil {
			return "", fmt.Errorf("free address: %w", err)
		}
		return address, nil
	}
	return "", fmt.Errorf("no free address: %w", errors.Join(failures...))
}
