package keyring_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

func TestTheFirstStartMakesKeysThatLaterStartsRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	first, err := keyring.LoadOrCreate(path)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	second, err := keyring.LoadOrCreate(path)
	require.NoError(t, err)
	require.Equal(t, first.Token("ctx"), second.Token("ctx"))
	requireOnlyFile(t, path)
}

func TestStartsThatRaceAllGetTheSameKeys(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	const starts = 16
	tokens := make([]string, starts)
	errs := make([]error, starts)
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for i := range starts {
		wg.Go(func() {
			<-begin
			r, err := keyring.LoadOrCreate(path)
			if errs[i] = err; err == nil {
				tokens[i] = r.Token("ctx")
			}
		})
	}
	close(begin)
	wg.Wait()
	for i := range starts {
		require.NoError(t, errs[i])
		require.Equal(t, tokens[0], tokens[i])
	}
	requireOnlyFile(t, path)
}

func TestADamagedKeyFileIsNeverReplacedByNewKeys(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "\n", `{"version":1`} {
		path := filepath.Join(t.TempDir(), "keys.json")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		_, err := keyring.LoadOrCreate(path)
		require.ErrorContains(t, err, path)
		left, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, content, string(left))
	}
	path := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err := keyring.LoadOrCreate(path)
	require.ErrorIs(t, err, keyring.ErrEmpty)
}

func TestAMissingFolderIsAnError(t *testing.T) {
	t.Parallel()
	_, err := keyring.LoadOrCreate(filepath.Join(t.TempDir(), "no", "keys.json"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestSaveReplacesTheFileByTheRotatedKeys(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	old, err := keyring.LoadOrCreate(path)
	require.NoError(t, err)
	rotated := rotate(t, old)
	require.NoError(t, rotated.Save(path))

	loaded, err := keyring.LoadOrCreate(path)
	require.NoError(t, err)
	require.Equal(t, rotated.Token("ctx"), loaded.Token("ctx"))
	require.NoError(t, loaded.VerifyToken(old.Token("ctx"), "ctx"))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	requireOnlyFile(t, path)
}

func TestASaveThatFailsLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "keys.json")
	require.NoError(t, os.Mkdir(path, 0o700))
	require.Error(t, generate(t).Save(path), "a folder stands in the way")
	requireOnlyFile(t, path)
}

func requireOnlyFile(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "no temporary file is left")
	require.Equal(t, filepath.Base(path), entries[0].Name())
}
