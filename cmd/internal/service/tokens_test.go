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
	first, err := config.Source{ReadFile: os.ReadFile}.ReadTokens([]string{path}, nil)
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

func TestATokenIsRevokedWhateverElseTheFilesHave(t *testing.T) {
	t.Parallel()
	for _, empty := range []string{"", "\n", "# nothing\n", "[]"} {
		folder := t.TempDir()
		ann, bob := filepath.Join(folder, "ann"), filepath.Join(folder, "bob")
		write := func(path, text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
		write(ann, "ann: the-token-of-ann")
		write(bob, "bob: the-token-of-bob")
		paths := []string{ann, bob}
		first, err := config.Source{ReadFile: os.ReadFile}.ReadTokens(paths, nil)
		require.NoError(t, err)
		core, logs := observer.New(zap.ErrorLevel)
		live := newLiveTokens(config.Internal{TokenFiles: paths, Tokens: first}, zap.New(core))
		holds := func(secret string) bool {
			live.read = live.read.Add(-2 * tokensReadEvery) // as if that had passed
			_, found := live.Find(secret)
			return found
		}
		write(ann, empty)
		require.False(t, holds("the-token-of-ann"), "the last token of a file")
		require.True(t, holds("the-token-of-bob"))
		require.Zero(t, logs.Len())

		write(ann, "ann: the-token-of-ann")
		require.True(t, holds("the-token-of-ann"))
		write(ann, "ann: short")
		write(bob, empty)
		require.False(t, holds("the-token-of-bob"), "a mistake in another file")
		require.True(t, holds("the-token-of-ann"))
		write(ann, "eve: the-token-of-ann\nann: the-token-of-ann")
		require.True(t, holds("the-token-of-ann"))
		require.Equal(t, 2, logs.Len())
		write(ann, empty)
		require.False(t, holds("the-token-of-ann"), "the very last token")
	}
}
