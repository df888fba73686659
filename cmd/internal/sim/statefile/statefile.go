// Package statefile keeps a simulator's state in one JSON file over restarts. It does not know what the state means.
package statefile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"
)

// interval is how soon a change is in the file. A process that is killed forgets what is newer.
const interval = 200 * time.Millisecond

const sealContext = "simulator-state"

// Sealer seals what must not lie on disk in clear.
type Sealer interface {
	Seal(plaintext []byte, context ...string) ([]byte, error)
	Open(sealed []byte, context ...string) ([]byte, error)
}

// File is a state file. Its methods are safe for concurrent use.
type File struct {
	path string
	// seal is nil for a file in clear.
	seal Sealer
	// encode returns the state as JSON, or nil where nothing changed since it was last asked.
	encode func() ([]byte, error)

	mu  sync.Mutex
	err error // the first failure to write
}

// New describes the file at path, of which encode gives the content. Without a sealer it is in clear.
func New(path string, seal Sealer, encode func() ([]byte, error)) *File {
	return &File{path: path, seal: seal, encode: encode}
}

// Load reads the file into state, which stays as it is where there is no file.
func (f *File) Load(state any) error {
	encoded, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read state: %w", err)
	}
	if f.seal != nil {
		if encoded, err = f.seal.Open(encoded, sealContext); err != nil {
			return fmt.Errorf("state file %s: %w", f.path, err)
		}
	}
	if err := json.Unmarshal(encoded, state); err != nil {
		return fmt.Errorf("state file %s: %w", f.path, err)
	}
	return nil
}

// Keep writes changes until ctx ends.
func (f *File) Keep(ctx context.Context) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			// The first error is kept for whoever saves last, since nobody is waiting here.
			_ = f.Save()
		}
	}
}

// Save writes what has changed. It returns the first error that this or an earlier call met.
func (f *File) Save() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.write(); err != nil && f.err == nil {
		f.err = fmt.Errorf("write state: %w", err)
	}
	return f.err
}

func (f *File) write() error {
	encoded, err := f.encode()
	if err != nil || encoded == nil {
		return err
	}
	if f.seal != nil {
		if encoded, err = f.seal.Seal(encoded, sealContext); err != nil {
			return err
		}
	}
	// Written beside and renamed: a crash leaves the old file or the new one, never half of one.
	beside := f.path + ".new"
	if err := os.WriteFile(beside, encoded, 0o600); err != nil {
		return err
	}
	return os.Rename(beside, f.path)
}
