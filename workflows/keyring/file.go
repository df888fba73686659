package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// LoadOrCreate reads the key document at path, or makes new keys and writes it (mode 0600) when
// there is no such file. Processes that race for the first start all return the same keys. A
// file that is there but empty or damaged is an error and is left alone: what it sealed could
// never be opened by new keys. The folder must exist.
func LoadOrCreate(path string) (*Ring, error) { return loadOrMake(path, Generate) }

// LoadOrCreateForPayloads is LoadOrCreate with keys for payloads.
func LoadOrCreateForPayloads(path string) (*Ring, error) {
	return loadOrMake(path, GenerateForPayloads)
}

func loadOrMake(path string, generate func() (*Ring, error)) (*Ring, error) {
	r, err := load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return r, err
	}
	fresh, err := generate()
	if err != nil {
		return nil, err
	}
	temp, err := fresh.writeTemp(path)
	if err != nil {
		return nil, err
	}
	// A link, not a rename: it fails when another process was first, whose keys then count.
	linkErr := os.Link(temp, path)
	if err := os.Remove(temp); err != nil {
		return nil, fmt.Errorf("keyring: remove temporary key file: %w", err)
	}
	if errors.Is(linkErr, fs.ErrExist) {
		return load(path)
	}
	if linkErr != nil {
		return nil, fmt.Errorf("keyring: create key file: %w", linkErr)
	}
	return fresh, syncFolder(path)
}

// Save replaces the key document at path with this Ring's, atomically. The file keeps its owner and its mode, and a symbolic link stays one:
// what it points to is replaced. Two processes that change one file at once would lose the keys of one.
func (r *Ring) Save(path string) error {
	file, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("keyring: find key file: %w", err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return fmt.Errorf("keyring: find key file: %w", err)
	}
	temp, err := r.writeTemp(file)
	if err != nil {
		return err
	}
	if err := errors.Join(keepOwner(temp, info), os.Chmod(temp, info.Mode().Perm())); err != nil {
		return errors.Join(fmt.Errorf("keyring: give the new key file the owner and mode of %s: %w", file, err), os.Remove(temp))
	}
	if err := os.Rename(temp, file); err != nil {
		return errors.Join(fmt.Errorf("keyring: replace key file: %w", err), os.Remove(temp))
	}
	return syncFolder(file)
}

func load(path string) (*Ring, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("keyring: read key file: %w", err)
	}
	r, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return r, nil
}

// writeTemp writes the document beside path and returns once it is on disk: a name that
// pointed to unwritten keys after a power cut would be worse than no name.
func (r *Ring) writeTemp(path string) (string, error) {
	b, err := r.Marshal()
	if err != nil {
		return "", err
	}
	// CreateTemp opens with O_EXCL and mode 0600.
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return "", fmt.Errorf("keyring: create temporary key file: %w", err)
	}
	_, err = file.Write(b)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("keyring: write key file: %w", err), os.Remove(file.Name()))
	}
	return file.Name(), nil
}

// syncFolder makes the new name itself survive a power cut.
func syncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("keyring: open key folder: %w", err)
	}
	if err := errors.Join(folder.Sync(), folder.Close()); err != nil {
		return fmt.Errorf("keyring: sync key folder: %w", err)
	}
	return nil
}
