package lifecycle_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
)

func minutes(n int) workflows.Duration { return workflows.Duration(time.Duration(n) * time.Minute) }

func TestInvalidOptionsGetTheirDefaults(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]workflows.ActivationOptions{
		"a queue that is too long":    {CheckApprovalQueue: strings.Repeat("q", 2<<20)},
		"a queue of Temporal's own":   {CheckApprovalQueue: "/_sys/pages"},
		"a queue with a control":      {CheckApprovalQueue: "pages\n"},
		"negative times":              {StaleAfter: -1, WarnBefore: -1, CheckFor: -1},
		"times that are far too long": {StaleAfter: 1 << 62, WarnBefore: 1 << 62, CheckFor: 1 << 62},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Error(t, options.Validate())
			require.Equal(t, workflows.ActivationOptions{}.Normalized(), newWorld(t, options).Start.Options)
			told := newState(t)
			told.Configure(options)
			require.Equal(t, workflows.ActivationOptions{}.Normalized(), told.Start.Options)
		})
	}
	good := workflows.ActivationOptions{CheckApprovalQueue: "pages-agent", StaleAfter: workflows.MaxDuration, CheckFor: workflows.Duration(time.Hour)}
	require.NoError(t, good.Validate())
	require.Equal(t, good.Normalized(), newWorld(t, good).Start.Options)
}

func TestNewOptionsApplyToOpenApprovalsAndRuns(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	open(t, s, "r1", 0)
	register(t, s, noon, requestDue("m1", 40))
	requireWake := func(want time.Time) {
		t.Helper()
		wake, ok := s.NextWake(noon)
		require.True(t, ok)
		require.Equal(t, want, wake)
	}
	requireWake(at(12))

	s.Configure(workflows.ActivationOptions{StaleAfter: minutes(30), WarnBefore: minutes(5)})
	requireWake(at(25))
	s.Configure(workflows.ActivationOptions{CheckApprovalQueue: "pages-agent"}) // what is left out is the default again
	requireWake(at(12))
	s.Tick(at(12))
	require.Equal(t, at(12), run(t, s, "r1").WarnedAt)

	s.Tick(at(40))
	require.Equal(t, workflows.ApprovalOpen, approval(t, s, "m1").Status, "it is checked first")
	requireChecked := func(queue string, until time.Time) {
		t.Helper()
		checks := s.Reconcile(at(41))
		require.Len(t, checks, 1)
		require.Equal(t, queue, checks[0].Queue)
		require.Equal(t, until, checks[0].Until)
	}
	requireChecked("pages-agent", at(50))
	s.Configure(workflows.ActivationOptions{CheckApprovalQueue: "pages-agent-2", CheckFor: minutes(30)})
	requireChecked("pages-agent-2", at(70))
	require.Equal(t, carried(t, s).Reconcile(at(41)), s.Reconcile(at(41)))
	s.Configure(workflows.ActivationOptions{})
	s.Tick(at(41))
	require.Empty(t, s.Reconcile(at(41)))
	s.Tick(at(43))
	require.Equal(t, workflows.ApprovalExpired, approval(t, s, "m1").Status, "no worker checks it any more")
	require.Equal(t, at(12), run(t, s, "r1").WarnedAt)
}

func TestTheAPIKeyIsResealedInItsPlaceOnly(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	again := workflows.ResealAPIKey{SealedAPIKey: []byte("resealed key"), Replaces: []byte("sealed key")}
	receipt, err := s.Reseal(again)
	require.NoError(t, err)
	require.True(t, receipt.Resealed)
	require.Equal(t, []byte("resealed key"), s.View().SealedAPIKey)
	receipt, err = s.Reseal(again)
	require.NoError(t, err, "it may be repeated")
	require.False(t, receipt.Resealed)

	stale := workflows.ResealAPIKey{SealedAPIKey: []byte("of an older reading"), Replaces: []byte("sealed key")}
	requireRefused(t, workflows.ErrTypeOtherAPIKey, s.CheckResealAPIKey(stale))
	require.Equal(t, []workflows.EventResult{workflows.EventDuplicate}, results(apply(s, at(1), redelivered(activated(0, "key")))), "it is still the same key")
	require.Equal(t, []byte("resealed key"), s.View().SealedAPIKey)
	require.Empty(t, lifecycle.Attention(s.Activation))

	requireRefused(t, workflows.ErrTypeInvalidArgument, s.CheckResealAPIKey(workflows.ResealAPIKey{Replaces: []byte("resealed key")}))
	requireRefused(t, workflows.ErrTypeInvalidArgument, s.CheckResealAPIKey(workflows.ResealAPIKey{SealedAPIKey: make([]byte, 16<<10+1), Replaces: []byte("resealed key")}))
	require.NoError(t, s.CheckResealAPIKey(workflows.ResealAPIKey{SealedAPIKey: make([]byte, 16<<10), Replaces: []byte("resealed key")}))
	keyless := newState(t)
	requireRefused(t, workflows.ErrTypeOtherAPIKey, keyless.CheckResealAPIKey(again))
	apply(keyless, at(1), paused(1, "user_paused"))
	requireRefused(t, workflows.ErrTypeOtherAPIKey, keyless.CheckResealAPIKey(again))
	apply(s, at(2), deactivated(2))
	requireRefused(t, workflows.ErrTypeActivationEnded, s.CheckResealAPIKey(again))
	_, err = s.Reseal(again)
	requireRefused(t, workflows.ErrTypeActivationEnded, err)
	require.Empty(t, s.View().SealedAPIKey, "what is gone stays gone")
}
