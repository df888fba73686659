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

// saveInterval is how soon a change is in the file. A process that is killed forgets what is newer.
const saveInterval = 200 * time.Millisecond

const sealContext = "simulator-state"

// Sealer seals what must not lie on disk in clear.
type Sealer interface {
	Seal(plaintext []byte, context ...string) ([]byte, error)
	Open(sealed []byte, context ...string) ([]byte, error)
}

// Load reads the state file into state, which stays as it is where there is no file.
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

// Keep saves what encode returns, the whole state as JSON, soon after each change and at the end. Without a state file it does nothing.
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

// Changed says that the state differs from what was saved.
func (b *Base) Changed() { b.changed.Store(true) }

// save writes what has changed. It returns the first error that this or an earlier call met.
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
	// Written beside and renamed: a crash leaves the old file or the new one, never half of one.
	beside := b.file + ".new"
	if err := os.WriteFile(beside, encoded, 0o600); err != nil {
		return err
	}
	return os.Rename(beside, b.file)
}
