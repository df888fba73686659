package service

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/signalbox-dev/signalbox/cmd/internal/config"
)

func TestTokensAreReadAgainWhileTheProcessRuns(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tokens")
	write := func(text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
	write("ann: the-first-token-of-ann")
	first, err := config.Source{ReadFile: os.ReadFile}.ReadTokens([]string{path})
	require.NoError(t, err)
	core, logs := observer.New(zap.ErrorLevel)
	live := newLiveTokens(config.Internal{TokenFiles: []string{path}, Tokens: first}, zap.New(core))
	holds := func(secret string) bool {
		live.read = live.read.Add(-2 * tokensReadEvery) // as if that had passed
		_, found := live.Find(secret)
		return found
	}
	require.True(t, holds("the-first-token-of-ann"))
	write("ann: the-first-token-of-ann\nann: the-second-token-of-ann")
	require.True(t, holds("the-first-token-of-ann"))
	require.True(t, holds("the-second-token-of-ann"))
	write("ann: the-second-token-of-ann")
	require.False(t, holds("the-first-token-of-ann"))

	write("ann: short")
	require.True(t, holds("the-second-token-of-ann"), "files that can't be used leave the old tokens in use")
	require.True(t, holds("the-second-token-of-ann"))
	require.Equal(t, 1, logs.Len(), "which is logged once")
	require.NoError(t, os.Remove(path))
	require.True(t, holds("the-second-token-of-ann"))
	require.Equal(t, 2, logs.Len())
}
