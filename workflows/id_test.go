package workflows_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

func TestReferencesThatFitAWorkflowIDAndAURLAreAccepted(t *testing.T) {
	t.Parallel()
	for reference, fits := range map[string]bool{
		"vendor_2048":                          true,
		"A-z0.9~_":                             true,
		"4fc5904d-0e44-4ed3-aa57-c4a47ad0ae4f": true,
		"...":                                  true,
		strings.Repeat("a", 200):               true,
		"":                                     false,
		".":                                    false,
		"..":                                   false,
		"a/b":                                  false,
		"a b":                                  false,
		"a%2fb":                                false,
		"größe":                                false,
		"line\nbreak":                          false,
		strings.Repeat("a", 201):               false,
	} {
		err := workflows.ValidateReference(reference)
		if fits {
			require.NoError(t, err, reference)
			continue
		}
		require.ErrorIs(t, err, workflows.ErrInvalidReference, reference)
		require.Less(t, len(err.Error()), 300, "an error stays readable whatever was sent")
	}
}

func TestActivationIDsExceptEmptyTestAndTooLongOnesAreAccepted(t *testing.T) {
	t.Parallel()
	for id, fits := range map[string]bool{
		"act_1":                  true,
		"größe/1?x#y":            true,
		strings.Repeat("ü", 125): true,
		"":                       false,
		"  ":                     false,
		"test":                   false,
		"line\nbreak":            false,
		"not UTF-8 \xff":         false,
		strings.Repeat("ü", 126): false,
	} {
		err := workflows.ValidateActivationID(id)
		if fits {
			require.NoError(t, err, id)
		} else {
			require.ErrorIs(t, err, workflows.ErrInvalidActivationID, id)
		}
	}
}

// FuzzWorkflowIDsFitTemporalAndTellActivationsApart: each accepted pair has its own workflow ID, which every database of Temporal can
// store.
func FuzzWorkflowIDsFitTemporalAndTellActivationsApart(f *testing.F) {
	long := strings.Repeat("a", 250)
	f.Add("vendor_2048", "agent-1", "act/1 ü%2f", "agent-1", "act/1 ü/")
	f.Add(strings.Repeat("r", 200), strings.Repeat("w", 100), long, strings.Repeat("w", 100), long[1:])
	f.Add("a", "w9", strings.Repeat("ü", 125), "w9", strings.Repeat("ü", 124))
	hashed := workflows.ArtmailActivationWorkflowID("w9", long)
	f.Add("a", "w9", long, "w9", hashed[strings.LastIndexByte(hashed, '/')+1:])
	f.Add("..", "a/b", "test", "", "")
	f.Fuzz(func(t *testing.T, reference, agent, activationID, otherAgent, otherID string) {
		if workflows.ValidateReference(reference) == nil {
			id := workflows.OffloadCaseWorkflowID(reference)
			requireKeptByTemporal(t, workflows.NotifyWorkflowID(id))
			requireKeptByTemporal(t, workflows.OffloadFilesWorkflowID(reference))
			got, ok := workflows.ParseOffloadCaseWorkflowID(id)
			require.True(t, ok)
			require.Equal(t, reference, got)
		}
		if workflows.ValidateAgent(agent) != nil || workflows.ValidateActivationID(activationID) != nil {
			return
		}
		id := workflows.ArtmailActivationWorkflowID(agent, activationID)
		require.LessOrEqual(t, len(id), 240)
		requireKeptByTemporal(t, workflows.NotifyWorkflowID(id))
		gotAgent, ok := workflows.AgentOfArtmailActivation(id)
		require.True(t, ok)
		require.Equal(t, agent, gotAgent)
		same := agent == otherAgent && activationID == otherID
		require.Equal(t, same, id == workflows.ArtmailActivationWorkflowID(otherAgent, otherID))
	})
}

func requireKeptByTemporal(t *testing.T, id string) {
	t.Helper()
	require.LessOrEqual(t, len(id), workflows.MaxWorkflowIDBytes, id)
	require.Equal(t, -1, strings.IndexFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }), "ASCII only: %q", id)
}

func TestTheWorkflowIDHasTheHashOfALongActivationID(t *testing.T) {
	t.Parallel()
	require.Equal(t, "artmail-activation/w9/act%2F1", workflows.ArtmailActivationWorkflowID("w9", "act/1"))
	long := workflows.ArtmailActivationWorkflowID("w9", strings.Repeat("a", 250))
	require.Regexp(t, `^artmail-activation/w9/sha256-[0-9a-f]{64}$`, long)
	fits := strings.Repeat("a", 240-len("artmail-activation/w9/"))
	require.Equal(t, "artmail-activation/w9/"+fits, workflows.ArtmailActivationWorkflowID("w9", fits))
	require.Contains(t, workflows.ArtmailActivationWorkflowID("w9", fits+"a"), "/sha256-")
	require.NotEqual(t, long, workflows.ArtmailActivationWorkflowID("w9", strings.Repeat("a", 249)))
}

func TestForeignWorkflowIDsAreNotParsed(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "offload-case", "offload-case/", "offload-case/a/b", "offload-cases/a", "artmail-activation/a", "artmail-activation/a/", "artmail-activation//x", "artmail-activation/a/b/c"} {
		_, ok := workflows.ParseOffloadCaseWorkflowID(id)
		require.False(t, ok, id)
		_, ok = workflows.AgentOfArtmailActivation(id)
		require.False(t, ok, id)
	}
}
