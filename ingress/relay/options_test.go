package relay_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/relay"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/payloadcodec"
)

func memoOf(t *testing.T, field string, value any) *commonpb.Memo {
	t.Helper()
	payload, err := converter.GetDefaultDataConverter().ToPayload(value)
	require.NoError(t, err)
	return &commonpb.Memo{Fields: map[string]*commonpb.Payload{field: payload}}
}

func TestARunningActivationGetsChangedOptions(t *testing.T) {
	t.Parallel()
	now := workflows.ActivationOptions{StaleAfter: workflows.Duration(time.Hour), CheckApprovalQueue: "pages-agent"}
	const same, older, unknown, unreadable, elsewhere, over, foreign = "artmail-activation/copywriter/1-same", "artmail-activation/copywriter/2-older",
		"artmail-activation/copywriter/3-unknown", "artmail-activation/copywriter/4-unreadable", "artmail-activation/of-another-ingress/5",
		"artmail-activation/copywriter/6-over", "artmail-activation/copywriter"
	f := newFixture(t)
	f.temporal.run(same, older, unknown, unreadable, elsewhere, foreign)
	f.temporal.status[over] = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	f.temporal.memos[same] = memoOf(t, workflows.MemoActivationOptions, now.Normalized())
	f.temporal.memos[older] = memoOf(t, workflows.MemoActivationOptions, workflows.ActivationOptions{}.Normalized())
	f.temporal.memos[unreadable] = memoOf(t, workflows.MemoActivationOptions, "sealed by another converter")
	f.start(t, relay.Config{Agents: map[string]workflows.ActivationOptions{"copywriter": now}})
	eventually(t, "all are signalled", func() bool { return len(f.temporal.sent()) == 3 })
	f.stop()

	for i, id := range []string{older, unknown, unreadable} {
		sent := f.temporal.sent()[i]
		require.Equal(t, id, sent.workflowID)
		require.Equal(t, workflows.SignalActivationOptions, sent.name)
		var told workflows.ActivationOptions
		require.NoError(t, json.Unmarshal(sent.payload, &told))
		require.Equal(t, now, told)
	}
	require.Len(t, f.temporal.sent(), 3)
}

// A memo is written anew after payload keys were rotated, and when encryption is turned on or off.
func TestAnActivationWhoseMemoNeedsAnOlderKeyIsToldItsOptionsAgain(t *testing.T) {
	t.Parallel()
	first, err := keyring.GenerateForPayloads()
	require.NoError(t, err)
	second, err := first.Stage()
	require.NoError(t, err)
	second, err = second.Promote()
	require.NoError(t, err)
	const current, older, plain = "artmail-activation/copywriter/1-current", "artmail-activation/copywriter/2-older", "artmail-activation/copywriter/3-plain"
	for name, c := range map[string]struct {
		payloads  *payloadcodec.Codec
		signalled []string
	}{
		"encrypting":   {payloadcodec.New(second), []string{older, plain}},
		"decrypt only": {payloadcodec.New(second).DecryptOnly(), []string{current, older}},
		"without keys": {nil, []string{current, older}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := workflows.ActivationOptions{StaleAfter: workflows.Duration(time.Hour)}
			memo := func(codec *payloadcodec.Codec) *commonpb.Memo {
				m := memoOf(t, workflows.MemoActivationOptions, options.Normalized())
				for field, payload := range m.GetFields() {
					encoded, err := codec.Encode([]*commonpb.Payload{payload})
					require.NoError(t, err)
					m.Fields[field] = encoded[0]
				}
				return m
			}
			f := newFixture(t)
			f.payloads = c.payloads
			f.temporal.run(current, older, plain)
			f.temporal.memos[current] = memo(payloadcodec.New(second))
			f.temporal.memos[older] = memo(payloadcodec.New(first))
			f.temporal.memos[plain] = memo(payloadcodec.New(nil))
			f.start(t, relay.Config{Agents: map[string]workflows.ActivationOptions{"copywriter": options}})
			eventually(t, "they are signalled", func() bool { return len(f.temporal.sent()) == len(c.signalled) })
			f.stop()
			var signalled []string
			for _, sent := range f.temporal.sent() {
				signalled = append(signalled, sent.workflowID)
			}
			require.Equal(t, c.signalled, signalled)
		})
	}
}

func TestAStartedActivationShowsItsOptionsInItsMemo(t *testing.T) {
	t.Parallel()
	options := workflows.ActivationOptions{StaleAfter: workflows.Duration(time.Hour)}
	f := newFixture(t)
	f.start(t, relay.Config{Agents: map[string]workflows.ActivationOptions{"copywriter": options}})
	f.becomes(t, f.keepArtmail(t, workflows.KindAgentActivated, activated), inbox.StateDelivered)
	require.Equal(t, map[string]any{workflows.MemoActivationOptions: options.Normalized()}, f.temporal.sent()[0].started.Memo)
}

func TestAnActivationThatEndsMeanwhileDoesNotStopTheOptionsOfOthers(t *testing.T) {
	t.Parallel()
	const ends, lives = "artmail-activation/copywriter/1", "artmail-activation/copywriter/2"
	f := newFixture(t)
	f.temporal.run(ends, lives)
	f.temporal.hook = func(workflowID string) {
		f.temporal.set(func(f *fakeTemporal) { f.status[ends] = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED })
	}
	f.start(t, relay.Config{Agents: map[string]workflows.ActivationOptions{"copywriter": {}}})
	eventually(t, "the other is signalled", func() bool { return len(f.temporal.sent()) == 1 })
	require.Equal(t, lives, f.temporal.sent()[0].workflowID)
}

// If options can't be sent to one activation, deliveries still flow and the other activations get theirs.
func TestOptionsThatCannotBeSentBlockNoDelivery(t *testing.T) {
	t.Parallel()
	const stuck, next = "artmail-activation/copywriter/0", "artmail-activation/copywriter/1"
	f := newFixture(t)
	f.temporal.run(stuck, next)
	f.temporal.broken[stuck] = errors.New("it can't be signalled")
	f.start(t, relay.Config{Agents: map[string]workflows.ActivationOptions{"copywriter": {}}})
	f.becomes(t, f.keepArtmail(t, workflows.KindAgentActivated, activated), inbox.StateDelivered)
	eventually(t, "the next is signalled", func() bool {
		return slices.ContainsFunc(f.temporal.sent(), func(s signal) bool { return s.workflowID == next && s.name == workflows.SignalActivationOptions })
	})
}
