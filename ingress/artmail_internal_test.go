package ingress

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
)

// Each secret costs a MAC over the body, so a different number would show which agents exist.
func TestEveryAgentHasAsManySecretsAsOneThatDoesNotExist(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]map[string][]string{
		"no agent":         {},
		"one rolls over":   {"a": {"one", "two"}, "b": {"three"}},
		"one secret each":  {"a": {"one"}, "b": {"two"}},
		"several roll":     {"a": {"one", "two"}, "b": {"three", "four", "five"}},
		"the same secrets": {"a": {"one"}, "b": {"one"}},
	} {
		secrets, err := newArtmailSecrets(config)
		require.NoError(t, err)
		decoy, known := secrets.of("nobody")
		require.False(t, known)
		for agent, list := range config {
			own, known := secrets.of(agent)
			require.True(t, known)
			require.Equal(t, decoy.String(), own.String(), name)
			for _, secret := range list {
				require.NoError(t, artmail.Verify([]byte("body"), []string{artmail.Sign([]byte("body"), secret)}, own))
			}
			require.Error(t, artmail.Verify([]byte("body"), []string{artmail.Sign([]byte("body"), "another")}, own))
		}
	}
}
