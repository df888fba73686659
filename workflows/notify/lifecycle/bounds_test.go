package lifecycle_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/notify/lifecycle"
)

// countedBytes returns the bytes that the limits count of the notices with one of the statuses, or of all: each notice with its error and 250 bytes for its
// record, and each body once. The notices have no logged attempts.
func countedBytes(s lifecycle.State, status ...workflows.NoticeStatus) int {
	total := 0
	needed := map[string]bool{}
	for _, n := range s.Notices {
		if len(status) == 0 || slices.Contains(status, n.Status) {
			total += n.Bytes + 250 + workflows.JSONLen(n.LastError)
			needed[n.ID] = needed[n.ID] || !n.NoData
		}
	}
	for _, b := range s.Bodies {
		if needed[b.ID] {
			total += b.Bytes
		}
	}
	return total
}

// longer returns the notice with so many bytes more.
func longer(n workflows.AddressedNotice, bytes int) workflows.AddressedNotice {
	question := *n.Data.Question
	question.Text += strings.Repeat("a", bytes)
	n.Data.Question = &question
	return n
}

// ofCase returns a notice of another case that used the same reference: with the same seq, but its own ID.
func ofCase(name string, n workflows.AddressedNotice) workflows.AddressedNotice {
	n.ID += name
	return n
}

func withoutData(seq int64, to workflows.Target) workflows.AddressedNotice {
	n := notice(seq, to)
	n.ActivationID = strings.Repeat("a", 7000)
	n.Data, n.OmittedBytes = workflows.NoticeData{}, 3_000_000
	return n
}

func TestNothingIsRemovedUpToTheBytesThatOneWorkflowHolds(t *testing.T) {
	t.Parallel()
	type held struct{ listed, withData, forgotten int }
	count := func(s lifecycle.State) held {
		c := held{listed: len(s.Notices), forgotten: s.Forgotten}
		for _, n := range s.Notices {
			if !n.NoData {
				c.withData++
			}
		}
		return c
	}
	givenUp := func(s lifecycle.State, notices ...workflows.AddressedNotice) lifecycle.State {
		for i, n := range notices {
			s = down(lifecycle.Receive(s, []workflows.AddressedNotice{n}, after(1+i)), n, after(1+i))
		}
		return s
	}
	two := []workflows.AddressedNotice{sized(2, app, 400<<10), sized(3, app, 400<<10)}
	var records []workflows.AddressedNotice
	for seq := range int64(110) {
		records = append(records, withoutData(seq+1, app))
	}
	for name, c := range map[string]struct {
		before lifecycle.State
		want   held // what one byte more removes
	}{
		"the record of a delivered notice": {
			givenUp(lifecycle.Delivered(received(notice(1, app)), key(notice(1, app)), tries(1), t0), two...), held{listed: -1},
		},
		"the data of a given-up notice": {givenUp(begun(), two...), held{withData: -1}},
		"the data of a given-up notice after one that has none": {
			givenUp(begun(), append([]workflows.AddressedNotice{withoutData(1, app)}, two...)...), held{withData: -1},
		},
		"the data of a given-up notice, but not that which another target needs": {
			givenUp(received(forAll(1, 300<<10, workflows.Target{WorkflowID: strings.Repeat("a", 9000), Signal: "s"}, app)), sized(2, finance, 600<<10)),
			held{withData: -1},
		},
		"the record of a given-up notice": {givenUp(begun(), records...), held{listed: -1, forgotten: 1}},
	} {
		last := sized(900, finance, 600<<10)
		receive := func(bytes int) lifecycle.State {
			return lifecycle.Receive(c.before, []workflows.AddressedNotice{longer(last, bytes)}, after(200))
		}
		room := workflows.MaxNoticesBytes - countedBytes(receive(0))
		before := count(c.before)
		all := held{before.listed + 1, before.withData + 1, 0}
		require.Equal(t, all, count(receive(room)), name)
		require.Equal(t, held{all.listed + c.want.listed, all.withData + c.want.withData, c.want.forgotten}, count(receive(room+1)), name)
	}
}

func TestNoticesWaitUpToTheBytesThatMayWait(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before []workflows.AddressedNotice
		fits   []string
		over   []string // with one byte more
	}{
		"at once": {
			[]workflows.AddressedNotice{sized(1, app, 300<<10)},
			[]string{"app 1 WAITING", "other 9 WAITING"},
			[]string{"app 1 WAITING", "other 9 GIVEN_UP"},
		},
		"after another was given up": {
			[]workflows.AddressedNotice{sized(1, app, 300<<10), sized(2, app, 300<<10), sized(3, app, 300<<10), sized(4, finance, 300<<10)},
			[]string{"app 1 WAITING", "app 2 WAITING", "app 3 GIVEN_UP", "finance 4 WAITING", "other 9 WAITING"},
			[]string{"app 1 WAITING", "app 2 GIVEN_UP", "app 3 GIVEN_UP", "finance 4 WAITING", "other 9 WAITING"},
		},
	} {
		receive := func(bytes int) lifecycle.State {
			last := longer(notice(9, workflows.Target{WorkflowID: "other", Signal: "s"}), bytes)
			return received(append(slices.Clone(c.before), last)...)
		}
		room := workflows.MaxWaitingNoticeBytes - countedBytes(receive(0), workflows.NoticeWaiting)
		require.Equal(t, c.fits, statuses(receive(room)), name)
		require.Equal(t, c.over, statuses(receive(room+1)), name)
	}
}

func TestTheTargetWithTheMostBytesGivesUpItsNewestNotices(t *testing.T) {
	t.Parallel()
	const kib = 1 << 10
	for name, c := range map[string]struct {
		notices []workflows.AddressedNotice
		want    []string
	}{
		"several, while it has the most": {
			[]workflows.AddressedNotice{sized(1, app, 500*kib), sized(2, app, 200*kib), sized(3, app, 100*kib), sized(4, finance, 400*kib)},
			[]string{"app 1 WAITING", "app 2 GIVEN_UP", "app 3 GIVEN_UP", "finance 4 WAITING"},
		},
		"then the one that has the most now": {
			[]workflows.AddressedNotice{sized(1, app, 400*kib), sized(2, app, 150*kib), sized(3, app, 60*kib), sized(4, finance, 600*kib)},
			[]string{"app 1 WAITING", "app 2 WAITING", "app 3 GIVEN_UP", "finance 4 GIVEN_UP"},
		},
		"the newest by seq, whenever it came": {
			[]workflows.AddressedNotice{sized(1, app, 300*kib), sized(3, app, 300*kib), sized(2, app, 300*kib), sized(4, finance, 300*kib)},
			[]string{"app 1 WAITING", "app 3 GIVEN_UP", "app 2 WAITING", "finance 4 WAITING"},
		},
		"the first by seq is spared, whenever it came": {
			[]workflows.AddressedNotice{sized(2, app, 400*kib), sized(3, app, 200*kib), sized(1, app, 700*kib)},
			[]string{"app 2 GIVEN_UP", "app 3 GIVEN_UP", "app 1 WAITING"},
		},
		"of one seq the one that came first is spared": {
			[]workflows.AddressedNotice{sized(1, app, 400*kib), ofCase("again", sized(1, app, 400*kib)), sized(2, finance, 300*kib)},
			[]string{"app 1 WAITING", "app 1 GIVEN_UP", "finance 2 WAITING"},
		},
	} {
		require.Equal(t, c.want, statuses(received(c.notices...)), name)
	}
}

func TestNoticesOfOneSeqAreDeliveredInTheOrderOfTheirArrival(t *testing.T) {
	t.Parallel()
	first, second := ofCase("first", notice(5, app)), ofCase("again", notice(5, app))
	s := received(first, second)
	require.Equal(t, first.ID, lifecycle.Next(s, t0).Deliver[0].Notice.ID)
	s = lifecycle.Delivered(s, key(first), tries(1), after(1))
	require.Equal(t, second.ID, lifecycle.Next(s, after(1)).Deliver[0].Notice.ID)
}

func TestATargetWhoseOnlyNoticeWasGivenUpIsNoneThatWaits(t *testing.T) {
	t.Parallel()
	target := func(i int) workflows.Target {
		return workflows.Target{WorkflowID: fmt.Sprintf("app-%d", i), Signal: "s"}
	}
	var list []workflows.AddressedNotice
	for i := range workflows.MaxNoticeTargets - 1 {
		list = append(list, sized(int64(i+1), target(i), 600))
	}
	list = append(list, sized(900, app, 760<<10), notice(901, target(900)), notice(902, app))
	s := received(list...)
	last := len(s.Notices) - 3
	require.Equal(t, []string{"app 900 GIVEN_UP", "app-900 901 WAITING", "app 902 GIVEN_UP"}, statuses(s)[last:])
	require.Contains(t, s.Notices[last].LastError, "too many bytes wait")
	require.Contains(t, s.Notices[last+2].LastError, "500 other targets")
}

func TestTextsOfUpTo8KiBAreDelivered(t *testing.T) {
	t.Parallel()
	receive := func(bytes int) lifecycle.State {
		return received(notice(1, workflows.Target{WorkflowID: "app" + strings.Repeat("a", bytes), Signal: "s"}))
	}
	room := 8<<10 - receive(0).Notices[0].Bytes
	require.Equal(t, workflows.NoticeWaiting, receive(room).Notices[0].Status)
	require.Equal(t, workflows.NoticeGivenUp, receive(room + 1).Notices[0].Status)
}

func TestNoticesAreResentUpToTheBytesThatMayWait(t *testing.T) {
	t.Parallel()
	n := sized(1, app, 300<<10)
	s := down(received(n), n, after(1))
	receive := func(bytes int) lifecycle.State {
		return lifecycle.Receive(s, []workflows.AddressedNotice{longer(sized(2, finance, 600<<10), bytes)}, after(2))
	}
	room := workflows.MaxWaitingNoticeBytes - countedBytes(receive(0))
	require.NoError(t, lifecycle.CheckResend(receive(room), ids("ntc_1")))
	requireRefusal(t, workflows.ErrTypeTooMany, lifecycle.CheckResend(receive(room+1), ids("ntc_1")), "ntc_1")
}

func TestTheDataOfAResentNoticeCountsOnceWithThatOfAWaitingOne(t *testing.T) {
	t.Parallel()
	n := forAll(1, 600<<10, app, hook)
	s := down(received(n), n, after(1))
	s, selected, err := lifecycle.Resend(s, ids("ntc_1"), after(2))
	require.NoError(t, err)
	require.Equal(t, 1, selected.Notices)
	require.Len(t, lifecycle.Next(s, after(2)).Deliver, 2)
}

// One workflow task starts at most 2 MiB of deliveries, and one run has at most 3 MiB with its state. One delivery always starts.
func TestDeliveriesStartUpToTheBytesOfATaskAndOfARun(t *testing.T) {
	t.Parallel()
	const task, run = 2 << 20, 3 << 20
	s := received(notice(1, app), notice(2, finance))
	runs := []lifecycle.Key{key(notice(1, app))}
	size := s.Notices[0].Bytes + s.Bodies[0].Bytes // of what runs
	room := run - countedBytes(s)
	for name, c := range map[string]struct {
		wanted  []int // bytes
		running []lifecycle.Key
		started int // bytes
		starts  int
		want    lifecycle.Plan
	}{
		"the first of a run, however large": {[]int{2 * run}, nil, 0, 1, lifecycle.Plan{}},
		"all of a task":                     {[]int{task / 2, task / 2}, nil, 0, 2, lifecycle.Plan{}},
		"more than a task":                  {[]int{task / 2, task/2 + 1, 1}, nil, 0, 1, lifecycle.Plan{More: true}},
		"one larger than a task":            {[]int{task + 1}, nil, 1, 1, lifecycle.Plan{}},
		"all of a run":                      {[]int{room - 100}, runs, 100, 1, lifecycle.Plan{}},
		"more than a run":                   {[]int{room - 99}, runs, 100, 0, lifecycle.Plan{Full: true}},
		"a small one beside it":             {[]int{room - 99, 1}, runs, 100, 1, lifecycle.Plan{Full: true}},
		"the first of a new run, however large": {
			[]int{2 * run}, nil, 1, 0, lifecycle.Plan{Full: true, NewRun: true},
		},
		"all of a new run, with what runs": {
			[]int{room - size}, runs, 2 * size, 0, lifecycle.Plan{Full: true, NewRun: true},
		},
		"more than a new run, with what runs": {
			[]int{room - size + 1}, runs, 2 * size, 0, lifecycle.Plan{Full: true},
		},
		"all of a new run, with what starts now": {
			[]int{size, room - 2*size}, runs, 3 * size, 1, lifecycle.Plan{Full: true, NewRun: true},
		},
		"more than a new run, with what starts now": {
			[]int{size, room - 2*size + 1}, runs, 3 * size, 1, lifecycle.Plan{Full: true},
		},
		"one fits a new run, and the next does not": {
			[]int{room - size, run}, runs, 2 * size, 0, lifecycle.Plan{Full: true, NewRun: true},
		},
		"a large one beside what starts now": {[]int{size, run}, runs, 0, 1, lifecycle.Plan{Full: true}},
	} {
		var wanted []lifecycle.Delivery
		for _, bytes := range c.wanted {
			wanted = append(wanted, lifecycle.Delivery{Bytes: bytes})
		}
		got := lifecycle.Startable(s, wanted, c.running, c.started)
		require.Len(t, got.Start, c.starts, name)
		got.Start = nil
		require.Equal(t, c.want, got, name)
	}
}
