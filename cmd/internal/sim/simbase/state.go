package simbase

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// saveInterval is how long a change may wait until it is in the file. A killed process loses newer changes.
const saveInterval = 200 * time.Millisecond

const sealContext = "simulator-state"

// Sealer seals data that must not be on disk in clear text.
type Sealer interface {
	Seal(plaintext []byte, context ...string) ([]byte, error)
	Open(sealed []byte, context ...string) ([]byte, error)
}

// Load reads the state file into state. Without a file, it does not change state.
func (b *Base) Load(state any) error {
	if b.file == "" {
		return nil
	}
	encoded, err := os.ReadFile(b.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && b.sealer != nil {
		encoded, err = b.sealer.Open(encoded, sealContext)
	}
	if err == nil {
		err = json.Unmarshal(encoded, state)
	}
	if err != nil {
		return fmt.Errorf("read state file %s: %w", b.file, err)
	}
	return nil
}

// Keep saves the whole state, which encode returns as JSON, soon after each change and at the end. Without a state file it does nothing.
func (b *Base) Keep(encode func() ([]byte, error)) {
	if b.file == "" {
		return
	}
	b.encode = encode
	b.Webhooks.Go(func(ctx context.Context) {
		ticker := time.NewTicker(saveInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				_ = b.save() // Close returns the first error.
			}
		}
	})
}

// Changed reports to the base that the state has changed since it was saved.
func (b *Base) Changed() { b.changed.Store(true) }

// save writes the state if it has changed. It returns the first error of this and all earlier calls.
func (b *Base) save() error {
	b.saving.Lock()
	defer b.saving.Unlock()
	if b.encode == nil || !b.changed.Swap(false) {
		return b.saveErr
	}
	if err := b.write(); err != nil {
		b.changed.Store(true)
		if b.saveErr == nil {
			b.saveErr = fmt.Errorf("write state file %s: %w", b.file, err)
		}
	}
	return b.saveErr
}

func (b *Base) write() error {
	encoded, err := b.encode()
	if err == nil && b.sealer != nil {
		encoded, err = b.sealer.Seal(encoded, sealContext)
	}
	if err != nil {
		return err
	}
	// A temporary file is written and renamed, so that a crash leaves the old file or the new one, both complete.
	beside := b.file + ".new"
	if err := os.WriteFile(beside, encoded, 0o600); err != nil {
		return err
	}
	return os.Rename(beside, b.file)
}
