package hook_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook"
)

func TestAnEmptySecretIsRefused(t *testing.T) {
	t.Parallel()
	for _, list := range [][]string{nil, {""}, {"good", ""}, {" \n"}} {
		_, err := hook.NewSecrets(list...)
		require.ErrorIs(t, err, hook.ErrEmptySecret)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	s, err := hook.NewSecrets("s3cret")
	require.NoError(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
		require.Equal(t, "hook.Secrets(1)", fmt.Sprintf(verb, s))
	}
}

func TestSignaturesAreReadFromEachLineUpToALimit(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"a", "b", "c"}, hook.Signatures([]string{" a ,, b", "", "c,"}))
	require.Len(t, hook.Signatures([]string{strings.Repeat("x,", 5), strings.Repeat("y,", 500)}), hook.MaxSignatures)
	require.Empty(t, hook.Signatures(nil))
}
