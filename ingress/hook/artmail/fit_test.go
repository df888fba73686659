package artmail_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/workflows"
)

func TestFitRemovesTextsOfPeople(t *testing.T) {
	t.Parallel()
	long, yes := strings.Repeat("x", 5000), true
	user := &workflows.ActivationUser{ID: long}
	for name, tt := range map[string]struct{ event, want workflows.ActivationEvent }{
		"a small event is as it was": {workflows.ActivationEvent{Reason: "r"}, workflows.ActivationEvent{Reason: "r"}},
		"the reason goes first":      {workflows.ActivationEvent{MessageID: "m", Approved: &yes, Reason: long}, workflows.ActivationEvent{MessageID: "m", Approved: &yes}},
		"then the user":              {workflows.ActivationEvent{SealedAPIKey: []byte("k"), User: user}, workflows.ActivationEvent{SealedAPIKey: []byte("k")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, encoded, err := artmail.Fit(tt.event, 4000)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
			require.LessOrEqual(t, len(encoded), 4000)
		})
	}
	for _, fill := range []string{"<", "\x01", "\u2028"} {
		id, escaped := strings.Repeat("<", workflows.MaxIDBytes), strings.Repeat(fill, 1<<20)
		e := workflows.ActivationEvent{
			MessageID: id, RunID: id, SealedAPIKey: make([]byte, workflows.MaxAPIKeyBytes), Reason: escaped,
			User: &workflows.ActivationUser{ID: escaped, Email: escaped},
		}
		got, encoded, err := artmail.Fit(e, 12_000)
		require.NoError(t, err)
		require.LessOrEqual(t, len(encoded), 12_000, "%q", fill)
		require.Equal(t, []any{id, id, e.SealedAPIKey}, []any{got.MessageID, got.RunID, got.SealedAPIKey})
	}
	_, _, err := artmail.Fit(workflows.ActivationEvent{SealedAPIKey: []byte(long)}, 4000)
	require.ErrorIs(t, err, hook.ErrUnparseable, "a key is never left out")
}
