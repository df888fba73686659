package storage

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

func TestAnOlderInboxIsExplained(t *testing.T) {
	t.Parallel()
	err := explain("inbox.db", fmt.Errorf("open: %w: version 1, this program has 2", inbox.ErrOlder))
	require.ErrorIs(t, err, inbox.ErrOlder)
	require.EqualError(t, err, "open: inbox: the tables belong to an older version: version 1, this program has 2; "+
		"`signalbox ingress` and `signalbox serve` of this version update the tables when they start")
}

func TestAFileWithoutTablesIsNotAnInboxAndStaysEmpty(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "inbox.db")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err := OpenExisting(context.Background(), path)
	require.ErrorIs(t, err, ErrNone)
	store, err := Open(t.Context(), path, nil)
	require.NoError(t, err)
	require.NoError(t, store.Close())
	store, err = OpenExisting(t.Context(), path)
	require.NoError(t, err)
	require.NoError(t, store.Close())
}

func TestABackupIsPlacedWithAndWithoutHardLinksAndReplacesNothing(t *testing.T) {
	t.Parallel()
	for name, link := range map[string]func(string, string) error{
		"links": os.Link,
		"no links": func(part, path string) error {
			return &os.LinkError{Op: "link", Old: part, New: path, Err: syscall.EPERM}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			part, path := filepath.Join(folder, "part"), filepath.Join(folder, "backup")
			require.NoError(t, os.WriteFile(part, []byte("whole"), 0o600))
			require.NoError(t, place(part, path, link))
			got, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, "whole", string(got))
			info, err := os.Stat(path)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode())
			require.NoFileExists(t, part)

			require.NoError(t, os.WriteFile(part, []byte("another"), 0o600))
			require.ErrorIs(t, place(part, path, link), fs.ErrExist)
			got, err = os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, "whole", string(got))

			// A rename that fails leaves no empty file.
			require.Error(t, place(filepath.Join(folder, "none"), filepath.Join(folder, "other"), link))
			require.NoFileExists(t, filepath.Join(folder, "other"))
		})
	}
}
