package torture

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
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

// settings are what all processes of a run must agree on. The secrets belong to this run only.
type settings struct {
	// Temporal, TemporalServer, Ingress, Internal (the ingress's internal listener) and Providers are host:port. They stay the same when a process is
	// started again. Temporal and Inbox are the addresses that the ingress and the worker use, which may lead through a faulty network.
	// TemporalServer and InboxServer are the addresses of the servers themselves.
	Temporal       string `json:"temporal"`
	TemporalServer string `json:"temporalServer"`
	Ingress        string `json:"ingress"`
	Internal       string `json:"internal"`
	Providers      string `json:"providers"`
	// Inbox and InboxServer have the form of SIGNALBOX_INBOX.
	Inbox       string `json:"inbox"`
	InboxServer string `json:"inboxServer"`
	OffloadKey  string `json:"offloadKey"`
	AgentSecret string `json:"agentSecret"`
	// Attempt is how long an attempt at an activity may take; zero leaves that to the workflows.
	Attempt time.Duration `json:"attempt,omitempty"`
	// EncryptPayloads lets all processes encrypt what Temporal keeps, by keys in the run's folder.
	EncryptPayloads bool `json:"encryptPayloads,omitempty"`
}

// payloadKeys returns the keys for payloads; nil if nothing is encrypted.
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

// newSettings makes the keyring and the settings of a run in its folder. connect may replace the addresses of servers by those of a faulty network.
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
		if *address, err = setting.FreeAddress(); err != nil {
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
