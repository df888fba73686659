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
	_, _, err := artmail.Fit(workflows.ActivationEvent{SealedAPIKey: []byte(long)}, 4000)
	require.ErrorIs(t, err, hook.ErrUnparseable, "a key is never left out")
}
