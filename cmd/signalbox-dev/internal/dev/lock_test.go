package dev_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
)

func TestASecondInstanceOnAFolderIsRefused(t *testing.T) {
	t.Parallel()
	_, err := dev.Start(t.Context(), options(shared.folder, &lockedBuffer{}))
	require.ErrorIs(t, err, setting.ErrWrong)
	require.ErrorContains(t, err, fmt.Sprintf("--data: another signalbox-dev (PID %d) uses %s: stop it, or give another folder", os.Getpid(), shared.folder))
}
