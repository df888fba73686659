//go:build unix

package keyring_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

func TestASavedFileKeepsItsModeItsOwnerAndItsLink(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file, link := filepath.Join(folder, "real.json"), filepath.Join(t.TempDir(), "keys.json")
	old, err := keyring.LoadOrCreate(file)
	require.NoError(t, err)
	require.NoError(t, os.Symlink(file, link))
	require.NoError(t, os.Chmod(file, 0o640))
	root := os.Geteuid() == 0
	if root {
		require.NoError(t, os.Chown(file, 1234, 2345))
	}

	require.NoError(t, rotate(t, old).Save(link))

	target, err := os.Readlink(link)
	require.NoError(t, err)
	require.Equal(t, file, target)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o640), info.Mode().Perm())
	if owner, isUnix := info.Sys().(*syscall.Stat_t); root && isUnix {
		require.Equal(t, []uint32{1234, 2345}, []uint32{owner.Uid, owner.Gid})
	}
	loaded, err := keyring.LoadOrCreate(link)
	require.NoError(t, err)
	require.NotEqual(t, old.Token("ctx"), loaded.Token("ctx"))
	requireOnlyFile(t, file)
}
