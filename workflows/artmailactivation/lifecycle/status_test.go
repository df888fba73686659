package lifecycle_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/artmailactivation/lifecycle"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

func TestTheStatusFollowsTheProvidersTimes(t *testing.T) {
	t.Parallel()
	timeless := func(e workflows.ActivationEvent) workflows.ActivationEvent {
		e.OccurredAt = time.Time{}
		return e
	}
	for _, tc := range []struct {
		name   string
		events []workflows.ActivationEvent
		status workflows.ActivationStatus
		at     time.Time
		reason string
	}{
		{"activated", []workflows.ActivationEvent{activated(0, "k")}, workflows.ActivationActive, at(0), ""},
		{"a response alone says nothing of it", []workflows.ActivationEvent{response(1, "m2", "m1", true)}, workflows.ActivationUnknown, time.Time{}, ""},
		{"a forced end alone says nothing of it", []workflows.ActivationEvent{forceFailed(1, "r1")}, workflows.ActivationUnknown, time.Time{}, ""},
		{"a pause that comes first holds", []workflows.ActivationEvent{paused(2, "user_paused")}, workflows.ActivationPaused, at(2), "user_paused"},
		{"a late activation does not end a pause", []workflows.ActivationEvent{paused(2, "user_paused"), activated(0, "k")}, workflows.ActivationPaused, at(2), "user_paused"},
		{"an activation with a later time does not end a pause either", []workflows.ActivationEvent{paused(2, "user_paused"), activated(9, "k")}, workflows.ActivationPaused, at(2), "user_paused"},
		{"paused, resumed", []workflows.ActivationEvent{activated(0, "k"), paused(2, "plan_downgrade"), resumed(5)}, workflows.ActivationActive, at(5), "plan_downgrade"},
		{"an older pause does not override a newer resume", []workflows.ActivationEvent{activated(0, "k"), resumed(5), paused(2, "user_paused")}, workflows.ActivationActive, at(5), "user_paused"},
		{"an older resume does not override a newer pause", []workflows.ActivationEvent{activated(0, "k"), paused(6, "user_paused"), resumed(5)}, workflows.ActivationPaused, at(6), "user_paused"},
		{"of two pauses the newer one counts", []workflows.ActivationEvent{paused(6, "webhook_failure"), paused(2, "user_paused")}, workflows.ActivationPaused, at(6), "webhook_failure"},
		{"at the same time a pause wins", []workflows.ActivationEvent{paused(5, "user_paused"), resumed(5)}, workflows.ActivationPaused, at(5), "user_paused"},
		{"and in the other order too", []workflows.ActivationEvent{resumed(5), paused(5, "user_paused")}, workflows.ActivationPaused, at(5), "user_paused"},
		{"without a time the arrival at the ingress counts", []workflows.ActivationEvent{timeless(resumed(7)), timeless(paused(6, "user_paused"))}, workflows.ActivationActive, at(7), "user_paused"},
		{"an activation without a time too", []workflows.ActivationEvent{timeless(activated(7, "k"))}, workflows.ActivationActive, at(7), ""},
		{"of two agent.activated events the earlier time counts", []workflows.ActivationEvent{redelivered(activated(7, "k")), activated(2, "k")}, workflows.ActivationActive, at(2), ""},
		{"nothing revives it", []workflows.ActivationEvent{deactivated(3), resumed(5), activated(9, "k")}, workflows.ActivationDeactivated, at(3), "user_deactivated"},
		{"deactivated from a pause", []workflows.ActivationEvent{paused(1, "user_paused"), deactivated(3)}, workflows.ActivationDeactivated, at(3), "user_deactivated"},
		{"a newer pause does not keep it from ending", []workflows.ActivationEvent{paused(9, "user_paused"), deactivated(3)}, workflows.ActivationDeactivated, at(3), "user_deactivated"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newState(t)
			for i, e := range tc.events {
				apply(s, at(60+float64(i)), e)
			}
			v := s.View()
			require.Equal(t, tc.status, v.Status)
			require.Equal(t, tc.at, v.StatusAt)
			require.Equal(t, tc.reason, v.StatusReason)
		})
	}
}

func TestEventsCountOnce(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	require.Equal(t, []workflows.EventResult{workflows.EventDuplicate}, results(apply(s, at(1), activated(0, "key"))))
	require.Equal(t, []workflows.EventResult{workflows.EventDuplicate}, results(apply(s, at(1), redelivered(activated(0, "key")))))
	require.Equal(t, []workflows.EventResult{workflows.EventApplied}, results(apply(s, at(3), paused(2, "user_paused"))))
	require.Equal(t, []workflows.EventResult{workflows.EventDuplicate}, results(apply(s, at(3), redelivered(paused(2, "user_paused")))))
	require.Equal(t, []workflows.EventResult{workflows.EventLate}, results(apply(s, at(4), resumed(1))))
	ended := deactivated(5)
	ended.ReceivedAt = at(4)
	apply(s, at(5), ended)
	require.Equal(t, []workflows.EventResult{workflows.EventDuplicate}, results(apply(s, at(6), deactivated(5))))
	require.Equal(t, []workflows.EventResult{workflows.EventLate}, results(apply(s, at(6), resumed(6))))

	v := s.View()
	require.Equal(t, 3, v.EventsApplied)
	require.Equal(t, 4, v.Duplicates)
	require.Equal(t, 2, v.LateEvents)
	require.Equal(t, at(5), v.Since)
	require.Equal(t, &workflows.AppliedEvent{AcceptedAt: at(4), AppliedAt: at(5)}, v.LastApplied)
}

func TestAnUnknownKindIsIgnored(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	notes := apply(s, at(1), event("agent.renamed", "x", 1), event(workflows.KindTestPing, "y", 1))
	require.Equal(t, []workflows.EventResult{workflows.EventIgnored, workflows.EventIgnored}, results(notes))
	require.Equal(t, 1, s.View().EventsApplied)
}

func TestSinceIsWhenSignalboxChangedTheStatus(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	apply(s, at(10), paused(2, "user_paused"))
	apply(s, at(20), paused(3, "user_paused"))
	require.Equal(t, at(10), s.View().Since)
	require.Equal(t, at(3), s.View().StatusAt)
}

func TestAttentionSaysWhyAPersonShouldLook(t *testing.T) {
	t.Parallel()
	unclear := response(1, "m2", "m1", true)
	unclear.Approved = nil
	for _, tc := range []struct {
		name   string
		events []workflows.ActivationEvent
		want   []string
	}{
		{"all is well", []workflows.ActivationEvent{activated(0, "k")}, nil},
		{"the key never came", []workflows.ActivationEvent{resumed(1)}, []string{workflows.AttentionNoAPIKey}},
		{"Artmail paused it because deliveries failed", []workflows.ActivationEvent{activated(0, "k"), paused(1, "webhook_failure")}, []string{workflows.AttentionPausedByFailure}},
		{"a person paused it", []workflows.ActivationEvent{activated(0, "k"), paused(1, "user_paused")}, nil},
		{"it was resumed after the failure", []workflows.ActivationEvent{activated(0, "k"), paused(1, "webhook_failure"), resumed(2)}, nil},
		{"another key came", []workflows.ActivationEvent{activated(0, "k"), activated(1, "other")}, []string{workflows.AttentionAPIKeyConflict}},
		{"a response is unclear", []workflows.ActivationEvent{activated(0, "k"), unclear}, []string{workflows.AttentionResponseUnclear}},
		{"an unclear response was followed by a clear one", []workflows.ActivationEvent{activated(0, "k"), unclear, response(2, "m3", "m1", true)}, nil},
		{"after the end there is nothing to look at", []workflows.ActivationEvent{paused(1, "webhook_failure"), deactivated(2)}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newState(t)
			register(t, s, noon, request("m1"))
			for _, e := range tc.events {
				apply(s, at(5), e)
			}
			require.Equal(t, tc.want, s.View().Attention)
		})
	}
}

func TestTheAPIKeyIsThatOfTheFirstActivation(t *testing.T) {
	t.Parallel()
	withoutKey := activated(0, "")
	withoutKey.SealedAPIKey, withoutKey.APIKeyFingerprint = nil, nil
	resealed := activated(5, "a")
	resealed.SealedAPIKey = []byte("sealed anew")
	noFingerprint := activated(5, "b")
	noFingerprint.APIKeyFingerprint = nil
	tooLong := activated(0, "a")
	tooLong.SealedAPIKey = make([]byte, 20<<10)
	for _, tc := range []struct {
		name   string
		events []workflows.ActivationEvent
		want   string
	}{
		{"a repeat does not replace it", []workflows.ActivationEvent{activated(0, "a"), resealed}, "sealed a"},
		{"nor does one whose key can't be compared", []workflows.ActivationEvent{activated(0, "a"), noFingerprint}, "sealed a"},
		{"of two keys the earlier one stays", []workflows.ActivationEvent{activated(0, "a"), activated(5, "b")}, "sealed a"},
		{"whichever came first", []workflows.ActivationEvent{activated(5, "b"), activated(0, "a")}, "sealed a"},
		{"an activation without a key does not hide the key", []workflows.ActivationEvent{withoutKey, activated(5, "a")}, "sealed a"},
		{"in either order", []workflows.ActivationEvent{activated(5, "a"), withoutKey}, "sealed a"},
		{"what is too long to be a key is not kept", []workflows.ActivationEvent{tooLong}, ""},
		{"and does not replace a key", []workflows.ActivationEvent{activated(5, "b"), tooLong}, "sealed b"},
		{"nor hide it", []workflows.ActivationEvent{tooLong, activated(5, "a")}, "sealed a"},
		{"it is dropped at the end", []workflows.ActivationEvent{activated(0, "a"), deactivated(5)}, ""},
		{"and not taken after it", []workflows.ActivationEvent{deactivated(5), activated(0, "a")}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for name, again := range map[string]func(workflows.ActivationEvent) workflows.ActivationEvent{
				"its dedupe key is known": func(e workflows.ActivationEvent) workflows.ActivationEvent { return e }, "its dedupe key is forgotten": redelivered,
			} {
				s := newState(t)
				for i, e := range tc.events {
					if i > 0 {
						e = again(e)
					}
					apply(s, at(30), e)
				}
				require.Equal(t, tc.want, string(s.View().SealedAPIKey), name)
				require.Equal(t, tc.want, string(carried(t, s).View().SealedAPIKey), name)
			}
		})
	}
}

func TestWithoutFingerprintsTwoKeysCountAsOne(t *testing.T) {
	t.Parallel()
	noFingerprint := activated(1, "other")
	noFingerprint.APIKeyFingerprint, noFingerprint.DedupeKey = nil, "noFingerprint"
	for name, events := range map[string][]workflows.ActivationEvent{"the second has none": {activated(0, "key"), noFingerprint}, "the first has none": {noFingerprint, activated(2, "key")}} {
		s := newState(t)
		require.Equal(t, []workflows.EventResult{workflows.EventApplied, workflows.EventDuplicate}, results(apply(s, at(3), events...)), name)
		require.Equal(t, events[0].SealedAPIKey, s.View().SealedAPIKey, name)
		require.Empty(t, s.View().Attention, name)
	}
}

func TestALaterFirstKeyIsKeptWithTheKnownUser(t *testing.T) {
	t.Parallel()
	keyless, again := activated(0, "key"), activated(1, "key")
	keyless.SealedAPIKey, keyless.APIKeyFingerprint, keyless.User = nil, nil, &workflows.ActivationUser{ID: "first"}
	again.SealedAPIKey, again.APIKeyFingerprint = nil, nil
	userless, other := activated(2, "key"), activated(2, "key")
	userless.User, other.User = nil, &workflows.ActivationUser{ID: "second"}
	for want, e := range map[string]workflows.ActivationEvent{"first": userless, "second": other} {
		s := newState(t)
		apply(s, noon, keyless)
		require.Equal(t, []workflows.EventResult{workflows.EventDuplicate}, results(apply(s, at(1), again)), "it brings no key either")
		require.Equal(t, []workflows.EventResult{workflows.EventApplied}, results(apply(s, at(2), e)))
		require.Equal(t, []byte("sealed key"), s.View().SealedAPIKey)
		require.Equal(t, want, s.View().User.ID)
		require.Equal(t, noon, s.View().StatusAt, "since the first")
		require.Empty(t, s.View().Attention)
		_, err := s.Reseal(workflows.ResealAPIKey{SealedAPIKey: []byte("sealed anew"), Replaces: []byte("sealed key")})
		require.NoError(t, err)
		require.Equal(t, []workflows.EventResult{workflows.EventDuplicate}, results(apply(s, at(3), e)), "once")
	}
}

func TestAnActivationUnderTheKeyOfAnotherEventIsADuplicate(t *testing.T) {
	t.Parallel()
	s := newState(t)
	pause := paused(1, "user_paused")
	pause.DedupeKey = activated(0, "key").DedupeKey
	require.Equal(t, []workflows.EventResult{workflows.EventApplied, workflows.EventDuplicate}, results(apply(s, at(1), pause, activated(2, "key"))))
}

func TestAKeyIsKeptUpToItsLongestLength(t *testing.T) {
	t.Parallel()
	for extra, attention := range map[int][]string{0: nil, 1: {workflows.AttentionNoAPIKey}} {
		s := newState(t)
		e := activated(0, "key")
		e.SealedAPIKey = make([]byte, 16<<10+extra)
		apply(s, noon, e)
		require.Equal(t, attention, s.View().Attention)
	}
	for extra, conflict := range map[int]bool{0: true, 1: false} {
		s := activeState(t)
		e := activated(1, "other")
		e.APIKeyFingerprint = make([]byte, 256+extra)
		apply(s, at(1), e)
		require.Equal(t, conflict, slices.Contains(s.View().Attention, workflows.AttentionAPIKeyConflict), "a fingerprint that is too long is none")
	}
}

func TestAnotherKeyUnderTheSameDedupeKeyIsStillReported(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	apply(s, at(1), activated(1, "other"))
	require.Equal(t, []string{workflows.AttentionAPIKeyConflict}, s.View().Attention)
}

func TestARepeatedOtherKeyCountsOnce(t *testing.T) {
	t.Parallel()
	applied, duplicate := workflows.EventApplied, workflows.EventDuplicate
	k1, k2, k3 := activated(5, "1"), activated(6, "2"), activated(7, "3")
	earlier := activated(1, "2")
	for name, tc := range map[string]struct {
		events []workflows.ActivationEvent
		want   []workflows.EventResult
		key    string
	}{
		"the other key is the later one":   {[]workflows.ActivationEvent{k1, k2, k2}, []workflows.EventResult{applied, applied, duplicate}, "sealed 1"},
		"the other key is the earlier one": {[]workflows.ActivationEvent{k1, earlier, k1, earlier}, []workflows.EventResult{applied, applied, duplicate, duplicate}, "sealed 2"},
		"two other keys":                   {[]workflows.ActivationEvent{k1, k2, k3, k2, k3, k1}, []workflows.EventResult{applied, applied, applied, duplicate, duplicate, duplicate}, "sealed 1"},
		"beyond the window of seen keys":   {[]workflows.ActivationEvent{k1, k2, redelivered(k2)}, []workflows.EventResult{applied, applied, duplicate}, "sealed 1"},
	} {
		s := newState(t)
		count := 0
		for i, e := range tc.events {
			require.Equal(t, tc.want[i:i+1], results(apply(s, at(10), e)), "%s, event %d", name, i)
			if tc.want[i] == applied {
				count++
				require.Len(t, s.State.Outbox.Waiting, 1, name)
			} else {
				require.Empty(t, s.State.Outbox.Waiting, name)
			}
			s.handOffAll(at(10))
			s = carried(t, s)
		}
		require.Equal(t, count, s.State.EventsApplied, name)
		require.Equal(t, len(tc.events)-count, s.State.Duplicates, name)
		require.Equal(t, tc.key, string(s.View().SealedAPIKey), name)
		require.Equal(t, []string{workflows.AttentionAPIKeyConflict}, s.View().Attention, name)
	}
}

func TestAttentionThatNothingEndsIsOverAfterSevenDays(t *testing.T) {
	t.Parallel()
	const week = 7 * 24 * 60
	for attention, happens := range map[string]func(s *world, minutes float64){
		workflows.AttentionAPIKeyConflict: func(s *world, minutes float64) { apply(s, at(minutes), activated(minutes, "other")) },
		workflows.AttentionNoticeRefused: func(s *world, minutes float64) {
			apply(s, at(minutes), paused(minutes, "user_paused"))
			h := lifecycle.Next(s.Activation, at(minutes)).HandOff
			s.Activation = lifecycle.HandOffFailed(s.Activation, *h, rules.Failure{Type: workflows.ErrTypeNoticeInvalid}, at(minutes))
		},
		workflows.AttentionResponseUnclear: func(s *world, minutes float64) {
			register(s.t, s, at(minutes), request("m1"))
			apply(s, at(minutes), response(minutes, "m2", "", true))
		},
	} {
		s := activeState(t)
		for _, minutes := range []float64{1, 2} {
			happens(s, minutes)
			s.Tick(at(minutes))
			s.handOffAll(at(minutes))
			require.Equal(t, []string{attention}, s.View().Attention)
		}
		wake, ok := s.NextWake(at(2))
		require.True(t, ok, attention)
		require.Equal(t, at(2+week), wake, "%s: after the last one", attention)
		s.Tick(at(1 + week))
		require.Equal(t, []string{attention}, s.View().Attention)
		s.Tick(wake)
		s = carried(t, s)
		require.Empty(t, s.View().Attention)
		require.Zero(t, s.State.AttentionSince, attention)
		_, ok = s.NextWake(wake)
		require.False(t, ok, attention)
	}
}

func TestTheWindowOfSeenKeysIsBoundedAndADuplicateBeyondItChangesNothing(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	first := paused(1, "user_paused")
	apply(s, at(1), first, resumed(1.5))
	register(t, s, at(2), request("m"))
	for i := range 2500 {
		apply(s, at(2), response(2, fmt.Sprint("m", i), "m", true))
	}
	require.Len(t, s.State.Seen, 2000)
	require.Equal(t, []workflows.EventResult{workflows.EventDuplicate}, results(apply(s, at(3), first)))
	require.Equal(t, at(1.5), s.View().StatusAt)
}

func TestAnArrivalFromTheFutureCountsAsNow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ occurred, received time.Time }{ // the ingress's clock is ahead
		"twenty years, without a time":  {time.Time{}, at(1e7)},
		"twenty years, dated ahead too": {at(1e7), at(1e7)},
		"minutes, without a time":       {time.Time{}, at(5)},
		"minutes, dated ahead too":      {at(9), at(5)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := activeState(t)
			e := paused(1, "user_paused")
			e.OccurredAt, e.ReceivedAt = c.occurred, c.received
			apply(s, at(1), e)
			require.Equal(t, workflows.ActivationPaused, s.State.Status)
			require.Equal(t, at(1), s.View().StatusAt)
			apply(s, at(60), resumed(60))
			require.Equal(t, workflows.ActivationActive, s.State.Status)
		})
	}
}

func TestATimeFromTheFutureCountsAsTheArrival(t *testing.T) {
	t.Parallel()
	ahead := func(e workflows.ActivationEvent, minutes float64) workflows.ActivationEvent {
		e.OccurredAt = e.ReceivedAt.Add(time.Duration(minutes * float64(time.Minute)))
		return e
	}
	for _, tc := range []struct {
		name   string
		events []workflows.ActivationEvent
		want   workflows.ActivationStatus
		at     time.Time
	}{
		{"a pause that is dated a day ahead does not outlast the resume", []workflows.ActivationEvent{ahead(paused(1, "user_paused"), 24*60), resumed(2)}, workflows.ActivationActive, at(2)},
		{"in the other order too", []workflows.ActivationEvent{resumed(2), ahead(paused(1, "user_paused"), 24*60)}, workflows.ActivationActive, at(2)},
		{"up to five minutes a clock may be ahead", []workflows.ActivationEvent{ahead(paused(1, "user_paused"), 5), resumed(2)}, workflows.ActivationPaused, at(6)},
		{"beyond five minutes the time of arrival counts", []workflows.ActivationEvent{ahead(paused(1, "user_paused"), 5.1), resumed(2)}, workflows.ActivationActive, at(2)},
		{"an activation and an end too", []workflows.ActivationEvent{ahead(activated(1, "k"), 1e6), ahead(deactivated(3), 1e6)}, workflows.ActivationDeactivated, at(3)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := activeState(t)
			for _, e := range tc.events {
				apply(s, at(10), e)
			}
			require.Equal(t, tc.want, s.View().Status)
			require.Equal(t, tc.at, s.View().StatusAt)
		})
	}
}

func TestTheSameBytesWithoutATimeAreOneEvent(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	timeless := func(e workflows.ActivationEvent, key string) workflows.ActivationEvent {
		e.OccurredAt, e.DedupeKey = time.Time{}, key
		return e
	}
	pause := timeless(paused(1, "user_paused"), "agent.paused:fingerprint of its body")
	apply(s, at(1), pause)
	apply(s, at(2), timeless(resumed(2), "agent.resumed:fingerprint of its body"))
	again := pause
	again.DeliveryID, again.ReceivedAt = "dlv_again", at(30)
	require.Equal(t, []workflows.EventResult{workflows.EventDuplicate}, results(apply(s, at(30), again)))
	require.Equal(t, workflows.ActivationActive, s.View().Status)
}

func TestWhenAttentionBecomesUrgent(t *testing.T) {
	t.Parallel()
	s := newState(t)
	require.Zero(t, lifecycle.DueAt(s.Activation))
	apply(s, at(1), activated(1, "k"))
	s.Tick(at(1))
	require.Zero(t, lifecycle.DueAt(s.Activation), "nothing is needed")
	register(t, s, at(1), requestDue("m1", 40), requestDue("m2", 30), request("m3"))
	open(t, s, "r1", 1)
	require.Zero(t, lifecycle.DueAt(s.Activation), "the brand has to answer, and the run is not stale")
	unclear := response(2, "what", "m1", true)
	unclear.Approved = nil
	apply(s, at(2), unclear)
	s.Tick(at(2))
	require.Equal(t, at(40), lifecycle.DueAt(s.Activation), "the deadline of the approval with the unclear response")
	apply(s, at(3), response(3, "yes", "m1", true))
	s.Tick(at(3))
	s.Tick(at(13))
	require.Equal(t, at(16), lifecycle.DueAt(s.Activation), "then the run is force-failed")
	apply(s, at(14), paused(14, "webhook_failure"))
	require.Equal(t, at(13), lifecycle.DueAt(s.Activation), "its clocks stand still")
	apply(s, at(24), resumed(24))
	require.Equal(t, at(26), lifecycle.DueAt(s.Activation))
}

func TestWithoutADeadlineAttentionIsUrgentSinceItArose(t *testing.T) {
	t.Parallel()
	s := newState(t)
	apply(s, at(1), activated(1, "k"))
	s.Tick(at(1))
	days := 24 * 60.0
	apply(s, at(100*days), activated(2, "other"))
	for _, later := range []float64{100 * days, 100*days + 5} {
		s.Tick(at(later))
		require.Contains(t, lifecycle.Attention(s.Activation), workflows.AttentionAPIKeyConflict)
		require.Equal(t, at(100*days), lifecycle.DueAt(s.Activation), "not since the activation began")
	}
	register(t, s, at(100*days+6), requestDue("m1", 130*days))
	s.Tick(at(100*days + 6))
	require.Equal(t, at(100*days), lifecycle.DueAt(s.Activation), "no deadline of an approval concerns the key")
	apply(s, at(101*days), deactivated(101*days))
	s.Tick(at(101 * days))
	require.Zero(t, lifecycle.DueAt(s.Activation), "after the end nothing is needed")
}

func TestForeignTextIsInertInTheDetails(t *testing.T) {
	t.Parallel()
	s := activeState(t)
	r := request("m1` **bold** `")
	r.Subject = "Publish?\n\n**DEACTIVATED** since today\r\r[here](https://evil.example)` <b>"
	register(t, s, noon, r)
	apply(s, at(1), paused(1, "user`_paused\n\n# x"))
	details := lifecycle.Details(s.Activation)
	require.Contains(t, details, "- `` m1` **bold** ` `` `` Publish?  **DEACTIVATED** since today  [here](https://evil.example)` <b> ``, asked 2026-03-02T12:00:00Z")
	require.Contains(t, details, "**PAUSED** since 2026-03-02T12:01:00Z (`` user`_paused  # x ``)")
}
