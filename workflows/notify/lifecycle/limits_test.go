package lifecycle_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/notify/lifecycle"
)

// payloadLimit is Temporal's limit of a payload, less what encryption adds.
const payloadLimit = 2<<20 - 1<<10

func requireFits(t *testing.T, s lifecycle.State) {
	t.Helper()
	carried, err := json.Marshal(struct {
		Carried *lifecycle.State `json:"carried"`
	}{&s})
	require.NoError(t, err)
	require.LessOrEqual(t, len(carried), payloadLimit, "continue-as-new")
	answer, err := json.Marshal(lifecycle.View(s))
	require.NoError(t, err)
	require.LessOrEqual(t, len(answer), payloadLimit, "query")
	require.LessOrEqual(t, len(lifecycle.Details(s)), 20_000, "details")
	var back lifecycle.State
	require.NoError(t, json.Unmarshal(carried, &struct {
		Carried *lifecycle.State `json:"carried"`
	}{&back}))
	require.Equal(t, len(s.Notices), len(back.Notices))
}

// longLog returns a delivery with the longest log that an activity can send.
func longLog() workflows.NoticeDelivery {
	d := workflows.NoticeDelivery{Attempts: 1 << 40}
	for range 20 {
		at := time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.FixedZone("", 14*3600-60))
		d.Log = append(d.Log, workflows.NoticeAttempt{At: at, Status: 599, Error: strings.Repeat("<\x01", 500)})
	}
	return d
}

// widest fills each text of a notice, its IDs included, with a character that JSON escapes.
func widest(character string, seq int64, header, data int) workflows.AddressedNotice {
	filled := func(bytes int) string { return strings.Repeat(character, bytes/workflows.JSONLen(character)) }
	text := func() string { return filled(header / 6) }
	n := notice(seq, workflows.Target{WorkflowID: fmt.Sprint(seq%600) + text(), Signal: text()})
	n.Data.Question.Text = filled(data)
	n.To = append(n.To, workflows.Target{Callback: strings.Repeat("c", 64)}, workflows.Target{HandOver: true})
	n.ID += text()
	n.Source, n.Agent, n.ActivationID = text(), text(), text()
	n.Time = time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.FixedZone("", 14*3600-60))
	return n
}

func TestTheLargestStateFitsIntoAPayload(t *testing.T) {
	t.Parallel()
	why := rules.Failure{Message: strings.Repeat("\x01<\xff", 1000)}
	const bracket, control, separator = "<", "\x01", "\u2028"
	for name, c := range map[string]struct {
		character    string
		header, data int
	}{
		"many small ones":                          {bracket, 0, 60},
		"wide texts":                               {bracket, 7000, 60},
		"wide texts of control characters":         {control, 7000, 60},
		"wide texts of line separators":            {separator, 7000, 60},
		"some data":                                {bracket, 100, 5000},
		"much data":                                {bracket, 100, 200_000},
		"texts beyond all use":                     {bracket, 30_000, 100},
		"the largest notice":                       {bracket, 100, workflows.MaxNoticeBytes - 2000},
		"the largest notice of control characters": {control, 100, workflows.MaxNoticeBytes - 2000},
		"the largest notice of line separators":    {separator, 100, workflows.MaxNoticeBytes - 2000},
		"larger than that":                         {bracket, 100, workflows.MaxNoticeBytes + 100_000},
		"texts of half a notice":                   {bracket, workflows.MaxNoticeBytes / 2, 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begun()
			held := 0
			var list []workflows.AddressedNotice
			for seq := range int64(1300) {
				list = append(list, widest(c.character, seq+1, c.header, c.data))
				if held += c.header + c.data; held > 4*workflows.MaxNoticesBytes {
					break
				}
			}
			s = lifecycle.Receive(s, list, t0)
			require.Greater(t, len(s.Notices)+s.Forgotten, 3)
			requireFits(t, s)
			for wanted := lifecycle.Next(s, t0).Deliver; len(wanted) > 0; wanted = lifecycle.Next(s, t0).Deliver {
				for i, d := range wanted {
					k := lifecycle.Key{ID: d.Notice.ID, To: d.To}
					if i%20 == 1 {
						s = lifecycle.Delivered(s, k, longLog(), t0)
					} else {
						s = lifecycle.Failed(s, k, why, longLog(), t0)
					}
				}
			}
			require.NotEmpty(t, lifecycle.Attention(s))
			requireFits(t, s)
			s, _, err := lifecycle.Dismiss(s, workflows.SelectNotices{}, t0)
			require.NoError(t, err)
			requireFits(t, s)
		})
	}
}

// The end of an activation with hundreds of open approvals and runs: at most 50 notices come in one signal.
func TestABurstOfOneActivationWaitsForAHealthyTarget(t *testing.T) {
	t.Parallel()
	s := lifecycle.Begin("artmail-activation/pages/act_0123456789", t0)
	seq := int64(0)
	add := func(kind workflows.NoticeKind, data func(int64) workflows.NoticeData, count int) {
		var list []workflows.AddressedNotice
		for range count {
			seq++
			list = append(list, workflows.AddressedNotice{
				Notice: workflows.Notice{
					ID: rules.NoticeID(s.Source, kind, fmt.Sprint(seq)), Seq: seq, Kind: kind, Source: s.Source, Agent: "pages", ActivationID: "act_0123456789",
					Time: t0.Add(time.Microsecond), Data: data(seq),
				},
				To: []workflows.Target{{HandOver: true}},
			})
		}
		s = lifecycle.Receive(s, list, t0)
	}
	for range 16 {
		add(workflows.NoticeApprovalVoided, func(seq int64) workflows.NoticeData {
			return workflows.NoticeData{Approval: &workflows.Approval{
				ApprovalRequest: workflows.ApprovalRequest{
					MessageID: fmt.Sprintf("msg_%016d", seq), RunID: fmt.Sprintf("run_%016d", seq), Subject: "publish the page about our shop", Deadline: t0,
				},
				Status: workflows.ApprovalVoided, RequestedAt: t0, ClosedAt: t0, Source: workflows.NewsByWebhook, Reason: "the activation was deactivated",
			}}
		}, 50)
	}
	add(workflows.NoticeActivationDeactivated, func(int64) workflows.NoticeData {
		return workflows.NoticeData{Activation: &workflows.ActivationChange{Status: workflows.ActivationDeactivated, At: t0, Reason: "user_deactivated"}}
	}, 1)
	require.Len(t, s.Notices, 801)
	for _, n := range s.Notices {
		require.Equal(t, workflows.NoticeWaiting, n.Status, n.LastError)
	}
	requireFits(t, s)
	requireWithinLimits(t, s)

	// If the target is gone instead, each notice gets the error.
	why := rules.Failure{Type: workflows.ErrTypeNoticeTargetGone, Message: strings.Repeat("x", 1000)}
	s = lifecycle.Failed(s, s.Notices[0].Key(), why, longLog(), t0)
	require.Equal(t, 801, len(s.Notices)+s.Forgotten)
	requireFits(t, s)
	requireWithinLimits(t, s)
}

// After any events in any order, the state fits, waiting notices are never dropped for settled ones, and every notice is listed or
// counted.
func TestAnyEventsStayWithinTheLimits(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := begun()
		now, seq := t0, int64(0)
		for step := range 80 {
			now = now.Add(time.Minute)
			switch before := s; random.IntN(6) {
			case 0, 1, 2:
				var list []workflows.AddressedNotice
				for range 1 + random.IntN(4) {
					seq++
					n := sized(seq, workflows.Target{WorkflowID: fmt.Sprint(random.IntN(5)), Signal: "s"}, 1+random.IntN(random.IntN(400_000)+1))
					for i := range random.IntN(4) {
						n.To = append(n.To, workflows.Target{Callback: fmt.Sprint(i)})
					}
					list = append(list, n)
				}
				s = lifecycle.Receive(s, list, now)
			case 3, 4:
				for _, d := range lifecycle.Next(s, now).Deliver {
					k := lifecycle.Key{ID: d.Notice.ID, To: d.To}
					if random.IntN(2) == 0 {
						s = lifecycle.Delivered(s, k, longLog(), now)
					} else {
						failure := rules.Failure{Message: "gone"}
						if random.IntN(8) == 0 {
							failure.Type = workflows.ErrTypeNoticeTargetGone
						}
						s = lifecycle.Failed(s, k, failure, longLog(), now)
					}
				}
			case 5:
				next, _, err := lifecycle.Resend(before, workflows.SelectNotices{}, now)
				require.Equal(t, err, lifecycle.CheckResend(before, workflows.SelectNotices{}))
				s = next
			}
			if step%4 == 0 {
				requireWithinLimits(t, s)
			}
		}
		requireFits(t, s)
	}
}

func requireWithinLimits(t *testing.T, s lifecycle.State) {
	t.Helper()
	waiting, all, done := 0, 0, 0
	bodies, waited := map[string]int{}, map[string]bool{}
	for _, b := range s.Bodies {
		text, err := json.Marshal(b)
		require.NoError(t, err)
		require.NotContains(t, bodies, b.ID, "one body for all targets")
		bodies[b.ID] = len(text)
		all += len(text)
	}
	needed := map[string]bool{}
	for _, n := range s.Notices {
		text, err := json.Marshal(n)
		require.NoError(t, err)
		all += len(text)
		switch n.Status {
		case workflows.NoticeWaiting:
			waiting += len(text)
			if !waited[n.ID] {
				waiting += bodies[n.ID]
			}
			waited[n.ID] = true
			require.Contains(t, bodies, n.ID, "what waits has its data")
			require.False(t, n.NoData)
		case workflows.NoticeDelivered, workflows.NoticeDismissed:
			done++
			require.True(t, n.NoData, "what is over needs none")
		case workflows.NoticeGivenUp:
			if !n.NoData {
				require.Contains(t, bodies, n.ID)
			}
			require.NotEmpty(t, n.LastError)
		}
		needed[n.ID] = needed[n.ID] || !n.NoData
		require.Zero(t, n.Data)
		require.LessOrEqual(t, len(n.Log), workflows.MaxNoticeAttempts)
	}
	for id := range bodies {
		require.True(t, needed[id], "no body is kept for nothing")
	}
	require.LessOrEqual(t, waiting, workflows.MaxWaitingNoticeBytes)
	require.LessOrEqual(t, all, workflows.MaxNoticesBytes)
	require.LessOrEqual(t, done, workflows.MaxDoneNotices)
}

func TestATargetThatIsDownCostsOthersNoNotice(t *testing.T) {
	t.Parallel()
	s := received(sized(1, app, 300<<10), sized(2, app, 300<<10), sized(3, app, 300<<10))
	s = lifecycle.Receive(s, []workflows.AddressedNotice{sized(4, finance, 300<<10)}, after(1))
	require.Equal(t, []string{"app 1 WAITING", "app 2 WAITING", "app 3 GIVEN_UP", "finance 4 WAITING"}, statuses(s))
	require.True(t, s.Notices[2].NoData)
	require.Contains(t, s.Notices[2].LastError, "too many bytes wait")
	require.Equal(t, after(1), s.Notices[2].SettledAt)

	s = lifecycle.Receive(s, []workflows.AddressedNotice{sized(5, app, 300<<10)}, after(2))
	require.Equal(t, "app 5 GIVEN_UP", statuses(s)[4], "the newest of the target that holds the most")
	require.Equal(t, []string{"app 1", "finance 4"}, toDeliver(s, after(2)))
}

func TestTheFirstNoticeOfATargetIsSpared(t *testing.T) {
	t.Parallel()
	s := received(sized(1, app, 700<<10))
	s = lifecycle.Receive(s, []workflows.AddressedNotice{sized(2, finance, 400<<10)}, after(1))
	require.Equal(t, []string{"app 1 WAITING", "finance 2 GIVEN_UP"}, statuses(s), "it may be under way")
}

func TestANoticeThatIsTooLargeIsGivenUpAtOnceAndVisible(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]workflows.AddressedNotice{
		"too large here": sized(1, app, workflows.MaxNoticeBytes),
		"too large for the hand-off": func() workflows.AddressedNotice {
			n := notice(1, app)
			n.Data, n.OmittedBytes = workflows.NoticeData{}, 3_000_000
			return n
		}(),
	} {
		s := received(n, notice(2, app))
		require.Equal(t, []string{"app 1 GIVEN_UP", "app 2 WAITING"}, statuses(s), name)
		record := lifecycle.View(s).Notices[0]
		require.True(t, record.NoData)
		require.Contains(t, record.LastError, "too large")
		require.Contains(t, record.LastError, fmt.Sprint(workflows.MaxNoticeBytes))
	}
	largest := notice(1, app)
	text, err := json.Marshal(largest)
	require.NoError(t, err)
	largest.Data.Question.Text += strings.Repeat("a", workflows.MaxNoticeBytes-len(text))
	require.Equal(t, []string{"app 1 WAITING"}, statuses(received(largest)))
	largest.Data.Question.Text += "a"
	require.Equal(t, []string{"app 1 GIVEN_UP"}, statuses(received(largest)))
}

func TestTooLongTextsOfATargetAreCut(t *testing.T) {
	t.Parallel()
	n := notice(1, workflows.Target{WorkflowID: strings.Repeat("a", 9000), Signal: "s"})
	s := received(n, n)
	require.Len(t, s.Notices, 1, "and its repetition is dropped")
	require.Equal(t, workflows.NoticeGivenUp, s.Notices[0].Status)
	require.LessOrEqual(t, len(s.Notices[0].To.WorkflowID), 500)
	require.Contains(t, s.Notices[0].LastError, "too long")
}

func TestANoticeForOneTargetTooManyIsGivenUpWithItsData(t *testing.T) {
	t.Parallel()
	target := func(i int) workflows.Target {
		return workflows.Target{WorkflowID: fmt.Sprintf("app-%d", i), Signal: "s"}
	}
	s := begun()
	for i := range workflows.MaxNoticeTargets {
		s = lifecycle.Receive(s, []workflows.AddressedNotice{notice(int64(i+1), target(i))}, t0)
	}
	s = lifecycle.Receive(s, []workflows.AddressedNotice{notice(900, target(0)), notice(901, app)}, t0)
	require.Len(t, lifecycle.Next(s, t0).Deliver, workflows.MaxNoticeTargets)
	require.Equal(t, "app-0 900 WAITING", statuses(s)[workflows.MaxNoticeTargets], "a target that has one already may have more")
	require.Equal(t, "app 901 GIVEN_UP", statuses(s)[workflows.MaxNoticeTargets+1])
	require.Contains(t, s.Notices[workflows.MaxNoticeTargets+1].LastError, "500 other targets")

	s = lifecycle.Delivered(s, key(notice(2, target(1))), tries(1), t0)
	_, _, err := lifecycle.Resend(s, ids("ntc_901"), t0)
	require.NoError(t, err)
}

func TestSettledNoticesMakeRoomOldestFirst(t *testing.T) {
	t.Parallel()
	s := begun()
	for seq := int64(1); seq <= 4; seq++ { // 1.6 MB given up, one after the other
		n := sized(seq, app, 400<<10)
		s = down(lifecycle.Receive(s, []workflows.AddressedNotice{n}, after(int(seq))), n, after(int(seq)))
	}
	var data []bool
	for _, n := range s.Notices {
		data = append(data, !n.NoData)
	}
	require.Equal(t, []bool{false, true, true, true}, data, "the oldest loses its data, and is listed still")
	require.Zero(t, s.Forgotten)
	require.Len(t, lifecycle.View(s).Notices, 4)
}

func TestRemovedRecordsOfGivenUpNoticesAreCounted(t *testing.T) {
	t.Parallel()
	s := begun()
	most := 600
	for seq := range int64(most) {
		n := notice(seq+1, app)
		n.ActivationID = escaped(3000)
		s = lifecycle.Receive(s, []workflows.AddressedNotice{n}, after(int(seq)))
		s = down(s, n, after(int(seq)))
	}
	require.Positive(t, s.Forgotten)
	require.Equal(t, most, s.Forgotten+len(s.Notices), "none is unaccounted for")
	require.Equal(t, s.Forgotten, lifecycle.View(s).Forgotten)
	require.Equal(t, int64(most), s.Notices[len(s.Notices)-1].Seq)
	require.Equal(t, int64(s.Forgotten+1), s.Notices[0].Seq, "the oldest went")
	require.Contains(t, lifecycle.WaitingFor(s), "600 notices that")
	requireFits(t, s)

	s.Notices = nil
	require.Equal(t, []string{workflows.AttentionNoticeGivenUp}, lifecycle.Attention(s))
}

func TestDeliveredAndDismissedNoticesAreListedTogether(t *testing.T) {
	t.Parallel()
	s := begun()
	for seq := int64(1); seq <= 60; seq++ {
		n := notice(seq, app)
		s = lifecycle.Receive(s, []workflows.AddressedNotice{n}, after(int(seq)))
		if seq%2 == 0 {
			s = lifecycle.Delivered(s, key(n), tries(1), after(int(seq)))
			continue
		}
		var err error
		s, _, err = lifecycle.Dismiss(down(s, n, after(int(seq))), workflows.SelectNotices{}, after(int(seq)))
		require.NoError(t, err)
	}
	require.Len(t, s.Notices, workflows.MaxDoneNotices)
	require.Equal(t, int64(11), s.Notices[0].Seq)
}

func TestRecordsOfDeliveredNoticesGoBeforeTheDataOfGivenUpOnes(t *testing.T) {
	t.Parallel()
	s := lifecycle.Delivered(received(notice(1, app)), key(notice(1, app)), tries(1), after(1))
	// These notices are over the limit only with the record.
	for seq := int64(2); seq <= 3; seq++ {
		n := notice(seq, app)
		text, err := json.Marshal(n)
		require.NoError(t, err)
		n.Data.Question.Text += strings.Repeat("a", workflows.MaxNoticesBytes/2-400-len(text))
		s = down(lifecycle.Receive(s, []workflows.AddressedNotice{n}, after(2)), n, after(int(seq)))
	}
	require.Equal(t, []string{"app 2 GIVEN_UP", "app 3 GIVEN_UP"}, statuses(s))
	require.False(t, s.Notices[0].NoData)
	require.False(t, s.Notices[1].NoData)
}

func TestANoticeThatIsGivenUpAtItsArrivalIsNotGivenUpTwice(t *testing.T) {
	t.Parallel()
	large := sized(9, finance, workflows.MaxNoticeBytes)
	s := received(sized(1, app, 300<<10), sized(2, finance, 300<<10), large, sized(3, finance, 300<<10), sized(4, finance, 300<<10))
	require.Equal(t, []string{"app 1 WAITING", "finance 2 WAITING", "finance 9 GIVEN_UP", "finance 3 WAITING", "finance 4 GIVEN_UP"}, statuses(s))
	require.Contains(t, s.Notices[2].LastError, "too large")
	require.Contains(t, s.Notices[4].LastError, "too many bytes wait")
}
