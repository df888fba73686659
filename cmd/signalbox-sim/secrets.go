package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// secrets are what the simulated providers and Signalbox share.
type secrets struct {
	// OffloadKey is the API key that Offload accepts, AgentSecret what Artmail signs with.
	OffloadKey, AgentSecret string
}

// openSecrets reads the secrets of a state folder, and makes folder and secrets where they are missing. Without a folder they are new ones.
func openSecrets(folder string) (secrets, error) {
	s := secrets{OffloadKey: rand.Text(), AgentSecret: rand.Text()}
	if folder == "" {
		return s, nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return s, err
	}
	path := filepath.Join(folder, "secrets.json")
	encoded, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if encoded, err = json.Marshal(s); err == nil {
			err = os.WriteFile(path, encoded, 0o600)
		}
		return s, err
	}
	if err != nil {
		return s, err
	}
	s = secrets{}
	if err := json.Unmarshal(encoded, &s); err != nil || s.OffloadKey == "" || s.AgentSecret == "" {
		return s, fmt.Errorf("%s does not hold the secrets: remove it, and new ones are made", path)
	}
	return s, nil
}
