package storage

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
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
