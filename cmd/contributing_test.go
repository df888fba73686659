package cmd_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// CONTRIBUTING.md names every target of the Makefile and no other, and no path that is gone.
func TestContributingNamesWhatThereIs(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../.github/CONTRIBUTING.md")
	require.NoError(t, err)
	makefile, err := os.ReadFile("../Makefile")
	require.NoError(t, err)
	targets := map[string]bool{}
	for _, found := range regexp.MustCompile(`(?m)^([a-z-]+):`).FindAllSubmatch(makefile, -1) {
		targets[string(found[1])] = true
		require.Contains(t, string(guide), "`"+string(found[1])+"`", "make target")
	}
	require.Greater(t, len(targets), 10)
	for _, found := range regexp.MustCompile("`make ([a-z-]+)`").FindAllSubmatch(guide, -1) {
		require.True(t, targets[string(found[1])], "there is no make target %s", found[1])
	}
	paths := 0
	for _, found := range regexp.MustCompile("`([A-Za-z.][A-Za-z0-9_./-]*/[A-Za-z0-9_./-]*)`").FindAllSubmatch(guide, -1) {
		if path := string(found[1]); !strings.HasPrefix(path, "bin/") && !strings.HasSuffix(path, "/") {
			_, err := os.Stat("../" + path)
			require.NoError(t, err)
			paths++
		}
	}
	require.Greater(t, paths, 15)
}
