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

func TestActivationIDsAreAnythingButEmptyTestOrHuge(t *testing.T) {
	t.Parallel()
	for id, fits := range map[string]bool{
		"act_1":                  true,
		"größe/1?x#y":            true,
		strings.Repeat("ü", 125): true,
		"":                       false,
		"  ":                     false,
		"test":                   false,
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

func FuzzWorkflowIDsLeadBackToWhatTheyWereMadeOf(f *testing.F) {
	f.Add("vendor_2048", "agent-1", "act/1 ü%2f")
	f.Add("..", "a/b", "test")
	f.Add("", "", "")
	f.Fuzz(func(t *testing.T, reference, agent, activationID string) {
		if workflows.ValidateReference(reference) == nil {
			got, ok := workflows.ParseOffloadCaseWorkflowID(workflows.OffloadCaseWorkflowID(reference))
			require.True(t, ok)
			require.Equal(t, reference, got)
		}
		if workflows.ValidateAgent(agent) == nil && workflows.ValidateActivationID(activationID) == nil {
			id := workflows.ArtmailActivationWorkflowID(agent, activationID)
			require.LessOrEqual(t, len(id), 1000, "Temporal's limit for a workflow ID")
			require.Equal(t, -1, strings.IndexFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }), "ASCII only: %q", id)
			gotAgent, gotID, ok := workflows.ParseArtmailActivationWorkflowID(id)
			require.True(t, ok)
			require.Equal(t, agent, gotAgent)
			require.Equal(t, activationID, gotID)
		}
	})
}

func TestForeignWorkflowIDsAreNotParsed(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "offload-case", "offload-case/", "offload-case/a/b", "offload-cases/a", "artmail-activation/a", "artmail-activation/a/", "artmail-activation/a/test", "artmail-activation/a/%zz", "artmail-activation//x", "artmail-activation/a/%41"} {
		_, ok := workflows.ParseOffloadCaseWorkflowID(id)
		require.False(t, ok, id)
		_, _, ok = workflows.ParseArtmailActivationWorkflowID(id)
		require.False(t, ok, id)
	}
}
