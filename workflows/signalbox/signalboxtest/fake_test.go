package signalboxtest_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
	"github.com/signalbox-dev/signalbox/workflows/signalbox/signalboxtest"
	"github.com/signalbox-dev/signalbox/workflows/signalbox/signalboxtest/conformance"
)

func TestTheFakePassesTheConformanceSuite(t *testing.T) {
	t.Parallel()
	ring, err := keyring.Generate()
	require.NoError(t, err)
	apps, fake := signalboxtest.New(t, signalbox.Options{Keyring: ring})
	t.Run("suite", func(t *testing.T) { //nolint:paralleltest // the fake ends with the outer test
		conformance.Run(t, conformance.World{
			Apps: apps, Provider: fake.Provider, Terminate: func(_ *testing.T, workflowID string) { fake.Terminate(workflowID) },
		})
	})
}

func startOne(t *testing.T, apps *signalbox.Client, reference string, change func(*workflows.CaseStart)) *signalbox.Case {
	t.Helper()
	start := workflows.CaseStart{Reference: reference, Request: &workflows.CaseRequest{
		Channel:       "EMAIL",
		Goal:          workflows.CaseGoal{Objective: "Obtain a signed W-9"},
		Counterparty:  workflows.Counterparty{Address: "ap@example.com", Name: "Ada"},
		SenderPersona: workflows.SenderPersona{Name: "Grace"},
	}}
	if change != nil {
		change(&start)
	}
	one, err := apps.StartCase(t.Context(), start)
	require.NoError(t, err)
	return one
}

// The most urgent case is the first that started, so Temporal lists it last.
func TestTheMostUrgentComesFirstAmongTenThousandOpenCases(t *testing.T) {
	t.Parallel()
	apps, fake := signalboxtest.New(t, signalbox.Options{})
	const open, asked = 10_000, 1_500
	begin := fake.Now()
	for n := range open {
		reference := fmt.Sprintf("case-%05d", n)
		startOne(t, apps, reference, func(start *workflows.CaseStart) {
			// The later it starts, the later its deadline.
			start.Options.Deadline = begin.Add(time.Hour + time.Duration(n)*time.Second)
		})
		if n < asked {
			fake.Ask(reference, "Which form?")
		}
	}
	list, err := apps.ToDo(t.Context(), signalbox.ToDoOptions{Limit: 2})
	require.NoError(t, err)
	require.Equal(t, "case-00000", list.Items[0].Reference)
	require.Equal(t, "Which form?", list.Items[0].Says)
	require.WithinDuration(t, begin.Add(time.Hour), list.Items[0].DueAt, time.Second)
	require.Equal(t, "case-00001", list.Items[1].Reference)
	require.Equal(t, asked, list.Total)
	require.False(t, list.Truncated)

	var seen []string
	options := signalbox.ToDoOptions{Limit: signalbox.MaxPage}
	for {
		list, err = apps.ToDo(t.Context(), options)
		require.NoError(t, err)
		for _, item := range list.Items {
			seen = append(seen, item.Reference)
		}
		if options.Cursor = list.Next; list.Next == "" {
			break
		}
	}
	require.Len(t, seen, asked)
	require.True(t, slices.IsSorted(seen))

	for n := asked; n < 2_100; n++ {
		fake.Ask(fmt.Sprintf("case-%05d", n), "Which form?")
	}
	list, err = apps.ToDo(t.Context(), signalbox.ToDoOptions{Limit: 1})
	require.NoError(t, err)
	require.True(t, list.Truncated)
	require.EqualValues(t, 2_100, list.Workflows)
	require.Equal(t, 2_000, list.Total)
}

func TestWhatNoRunningWorkflowWaitsForComesLastInTheToDoList(t *testing.T) {
	t.Parallel()
	apps, fake := signalboxtest.New(t, signalbox.Options{Deliveries: lateInbox{}})
	const cancelled = 21
	want := map[string]int{"late": 1, "dead": 1, "asks": 1}
	for n := range cancelled {
		reference := fmt.Sprintf("cancelled-%02d", n)
		one := startOne(t, apps, reference, nil)
		_, err := one.Cancel(t.Context(), workflows.CancelCase{})
		require.NoError(t, err)
		want[reference] = 1
	}
	startOne(t, apps, "asks", nil)
	fake.Ask("asks", "Which form?")

	seen := map[string]int{}
	options := signalbox.ToDoOptions{Limit: 4}
	for page := 0; ; page++ {
		list, err := apps.ToDo(t.Context(), options)
		require.NoError(t, err)
		require.Equal(t, len(want), list.Total)
		if page == 0 {
			require.Equal(t, "dead", list.Items[0].DeliveryID, "since long ago, and it can be replayed")
			require.Equal(t, "asks", list.Items[1].Reference)
			require.Equal(t, "late", list.Items[2].DeliveryID)
			require.Equal(t, []string{workflows.AttentionStillRunning}, list.Items[3].Attention)
		}
		for _, item := range list.Items {
			seen[cmp.Or(item.DeliveryID, item.Reference)]++
		}
		if options.Cursor = list.Next; list.Next == "" {
			break
		}
	}
	require.Equal(t, want, seen)
}

// lateInbox has a dead delivery, and an older one that came after the end of its case.
type lateInbox struct{ brokenInbox }

func (lateInbox) ToDo(context.Context, int) ([]signalbox.ToDoItem, bool, error) {
	return []signalbox.ToDoItem{
		{Kind: signalbox.ToDoDeliveryLate, DeliveryID: "late", DueAt: time.Unix(1, 0)},
		{Kind: signalbox.ToDoDeliveryDead, DeliveryID: "dead", DueAt: time.Unix(2, 0)},
	}, false, nil
}

func TestWithoutWorkersTheToDoListSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	apps, fake := signalboxtest.New(t, signalbox.Options{Deliveries: brokenInbox{}})
	startOne(t, apps, "vendor_2048", nil)
	fake.Ask("vendor_2048", "Which form?")
	fake.WorkersAway(true)
	list, err := apps.ToDo(t.Context(), signalbox.ToDoOptions{})
	require.NoError(t, err)
	require.Equal(t, "vendor_2048", list.Items[0].Reference)
	require.Equal(t, signalbox.ToDoQuestion, list.Items[0].Kind)
	require.Contains(t, list.Items[0].Note, "No details")
	require.Empty(t, list.Items[0].Says)
	require.Equal(t, "the inbox could not be read: disk full", list.DeliveriesMissing)

	fake.Away(true)
	_, err = apps.ToDo(t.Context(), signalbox.ToDoOptions{})
	require.ErrorIs(t, err, signalbox.ErrUnavailable)
}

type brokenInbox struct{}

func (brokenInbox) ToDo(context.Context, int) ([]signalbox.ToDoItem, bool, error) {
	return nil, false, errors.New("disk full")
}

func (brokenInbox) Replay(context.Context, signalbox.ReplayDeliveries) (signalbox.ReplayedDeliveries, error) {
	return signalbox.ReplayedDeliveries{}, errors.New("disk full")
}

func TestCatchUpGoesOnWithoutTheInbox(t *testing.T) {
	t.Parallel()
	apps, fake := signalboxtest.New(t, signalbox.Options{Deliveries: brokenInbox{}})
	one := startOne(t, apps, "vendor_2048", nil)
	fake.CompleteSilently("vendor_2048")
	report, err := apps.CatchUp(t.Context(), signalbox.CatchUpOptions{Since: time.Now(), By: "ada"})
	require.NoError(t, err)
	require.Equal(t, 1, report.Cases.Done)
	require.Equal(t, []signalbox.CatchUpFailure{{What: "deliveries", Error: "disk full"}}, report.Failures)
	_, err = one.Wait(t.Context())
	require.NoError(t, err)
}

func TestWithoutWorkersAStateAndAnUpdateAreUnavailable(t *testing.T) {
	t.Parallel()
	apps, fake := signalboxtest.New(t, signalbox.Options{})
	one := startOne(t, apps, "vendor_2048", nil)
	fake.WorkersAway(true)
	_, err := one.State(t.Context())
	require.ErrorIs(t, err, signalbox.ErrUnavailable)
	require.ErrorContains(t, err, "no poller seen for task queue recently", "as Temporal says it")
	_, err = one.Cancel(t.Context(), workflows.CancelCase{})
	require.ErrorIs(t, err, signalbox.ErrUnavailable)
}

func TestWaitSurvivesAnOutageOfTemporal(t *testing.T) {
	t.Parallel()
	apps, fake := signalboxtest.New(t, signalbox.Options{})
	one := startOne(t, apps, "vendor_2048", nil)
	type ended struct {
		outcome workflows.CaseOutcome
		err     error
	}
	done, changed := make(chan ended, 1), make(chan error, 1)
	go func() {
		outcome, err := one.Wait(t.Context())
		done <- ended{outcome, err}
	}()
	go func() {
		state, err := one.WaitForChange(t.Context(), time.Minute, nil)
		if err == nil && !state.Status.Ended() {
			err = fmt.Errorf("it returned in %s", state.Status)
		}
		changed <- err
	}()
	_, err := one.WaitForChange(t.Context(), 3*time.Second, nil) // the others wait by now
	require.NoError(t, err)
	fake.Away(true)
	_, err = one.State(t.Context())
	require.ErrorIs(t, err, signalbox.ErrUnavailable)
	fake.Complete("vendor_2048", nil)
	fake.Away(false)
	got := <-done
	require.NoError(t, got.err)
	require.Equal(t, workflows.CaseCompleted, got.outcome.Status)
	require.NoError(t, <-changed)
}

func TestAWaitForAChangeMayBeginInAnOutage(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(*signalboxtest.Fake, bool){
		"of Temporal":    (*signalboxtest.Fake).Away,
		"of the workers": (*signalboxtest.Fake).WorkersAway,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			apps, fake := signalboxtest.New(t, signalbox.Options{})
			one := startOne(t, apps, "vendor_2048", nil)
			away(fake, true)
			changed := make(chan error, 1)
			go func() {
				state, err := one.WaitForChange(t.Context(), 5*time.Minute, nil)
				if err == nil && !state.Status.Ended() {
					err = fmt.Errorf("it returned in %s", state.Status)
				}
				changed <- err
			}()
			_, err := one.WaitForChange(t.Context(), time.Second, nil) // the other has begun by now
			require.ErrorIs(t, err, signalbox.ErrUnavailable)
			ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer stop()
			_, err = one.WaitForChange(ctx, 5*time.Minute, nil)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NotErrorIs(t, err, signalbox.ErrUnavailable)
			away(fake, false)
			fake.Complete("vendor_2048", nil)
			require.NoError(t, <-changed)
		})
	}
}

func TestAThousandWaitersLeaveNoGoroutine(t *testing.T) { //nolint:paralleltest // it counts goroutines
	apps, fake := signalboxtest.New(t, signalbox.Options{})
	const waiters = 1_000
	cases := make([]*signalbox.Case, waiters)
	for n := range cases {
		cases[n] = startOne(t, apps, fmt.Sprintf("case-%04d", n), nil)
	}
	before := goleak.IgnoreCurrent()
	var group sync.WaitGroup
	failed := make(chan error, waiters)
	for n, one := range cases {
		group.Go(func() {
			atMost := 5 * time.Minute
			if n%2 == 1 { // half of them see nothing
				atMost = 500 * time.Millisecond
			}
			state, err := one.WaitForChange(t.Context(), atMost, nil)
			for errors.Is(err, signalbox.ErrUnavailable) { // on a slow machine a call may take longer than the SDK lets it
				state, err = one.WaitForChange(t.Context(), atMost, nil)
			}
			if err == nil && n%2 == 0 && !state.Status.Ended() {
				err = fmt.Errorf("told of %s", state.Status)
			}
			if err != nil {
				failed <- err
			}
		})
	}
	for n := 0; n < waiters; n += 2 {
		fake.Complete(cases[n].Reference(), nil)
	}
	group.Wait()
	close(failed)
	require.NoError(t, <-failed)
	err := goleak.Find(before)
	for n := 0; err != nil && n < 20; n++ { // one Find waits for less than half a second
		err = goleak.Find(before)
	}
	require.NoError(t, err)
}

func TestACaseThatIsAdoptedAtItsStartEnds(t *testing.T) {
	t.Parallel()
	apps, fake := signalboxtest.New(t, signalbox.Options{})
	completed := make(chan struct{})
	go func() {
		defer close(completed)
		fake.Complete("vendor_2048", nil) // it waits for the start, which says the caseId
	}()
	one := startOne(t, apps, "vendor_2048", func(start *workflows.CaseStart) { start.Request, start.CaseID = nil, "0b6c" })
	<-completed
	state, err := one.State(t.Context())
	require.NoError(t, err)
	require.Equal(t, workflows.CaseCompleted, state.Status)
	require.Equal(t, "0b6c", state.CaseID)
	require.Empty(t, state.Attention)
	require.Equal(t, "0b6c", fake.CaseID("vendor_2048"))
}

func TestAdvanceMovesTheClock(t *testing.T) {
	t.Parallel()
	apps, fake := signalboxtest.New(t, signalbox.Options{})
	one := startOne(t, apps, "vendor_2048", func(start *workflows.CaseStart) {
		start.Options.Deadline = fake.Now().Add(time.Hour)
		start.ReplyTo = &workflows.ReplyTo{WorkflowID: "app", Signal: "told"}
	})
	fake.Advance(59 * time.Minute)
	state, err := one.State(t.Context())
	require.NoError(t, err)
	require.Equal(t, workflows.CaseRunning, state.Status)
	require.Empty(t, fake.Notices())
	fake.Advance(time.Minute)
	outcome, err := one.Wait(t.Context())
	require.NoError(t, err)
	require.Equal(t, workflows.CaseExpired, outcome.Status)
	notices := fake.Notices()
	require.Len(t, notices, 1)
	require.Equal(t, workflows.NoticeCaseExpired, notices[0].Kind)
	require.Equal(t, "app", notices[0].ReplyTo.WorkflowID)
}

func TestAdvanceFiresEachTimerAtItsTime(t *testing.T) {
	t.Parallel()
	apps, fake := signalboxtest.New(t, signalbox.Options{})
	deadline := fake.Now().Add(210 * time.Minute)
	one := startOne(t, apps, "vendor_2048", func(start *workflows.CaseStart) {
		start.Options.RemindAfter, start.Options.Deadline = workflows.Duration(time.Hour), deadline
		start.ReplyTo = &workflows.ReplyTo{WorkflowID: "app", Signal: "told"}
	})
	fake.Ask("vendor_2048", "Which form?")
	asked := fake.Notices()[0].Time
	fake.Advance(48 * time.Hour)
	notices := fake.Notices()
	require.Len(t, notices, 5)
	for n, notice := range notices[:4] {
		require.Equal(t, workflows.NoticeCaseInputNeeded, notice.Kind)
		require.Equal(t, asked.Add(time.Duration(n)*time.Hour), notice.Time)
	}
	require.Equal(t, workflows.NoticeCaseExpired, notices[4].Kind)
	require.Equal(t, deadline, notices[4].Time)
	outcome, err := one.Wait(t.Context())
	require.NoError(t, err)
	require.Equal(t, deadline, outcome.EndedAt)
	require.False(t, fake.Now().Before(asked.Add(48*time.Hour)))
}

func TestNoticesOfSeveralCasesComeInTheOrderOfTheirTimes(t *testing.T) {
	t.Parallel()
	apps, fake := signalboxtest.New(t, signalbox.Options{})
	begin := fake.Now()
	const cases = 20
	var want []string
	for n := range cases {
		reference := fmt.Sprintf("case-%02d", n)
		want = append(want, reference)
		startOne(t, apps, reference, func(start *workflows.CaseStart) {
			start.Options.Deadline = begin.Add(time.Hour + time.Duration(n/2)*time.Minute) // two at a time
			start.ReplyTo = &workflows.ReplyTo{WorkflowID: "app", Signal: "told"}
		})
	}
	fake.Advance(2 * time.Hour)
	var got []string
	for _, notice := range fake.Notices() {
		got = append(got, notice.Reference)
	}
	require.Equal(t, want, got)
}

func TestACaseRunsAgainAfterAnAnswer(t *testing.T) {
	t.Parallel()
	apps, fake := signalboxtest.New(t, signalbox.Options{})
	one := startOne(t, apps, "vendor_2048", nil)
	question := fake.Ask("vendor_2048", "Which form?")
	_, err := one.ProvideInput(t.Context(), workflows.ProvideInput{QuestionID: question, Text: "A W-9."})
	require.NoError(t, err)
	fake.AwaitAnswer("vendor_2048", question)
	status := func() workflows.CaseStatus {
		state, err := one.State(t.Context())
		require.NoError(t, err)
		require.Empty(t, state.Attention)
		return state.Status
	}
	fake.Advance(10 * time.Minute)
	require.Equal(t, workflows.CaseInputSent, status())
	fake.Proceed("vendor_2048")
	fake.Advance(2 * time.Minute)
	require.Equal(t, workflows.CaseRunning, status())
	fake.Advance(2 * time.Hour)
	require.Equal(t, workflows.CaseRunning, status())
}

func TestAdvanceBeyondADeadlineExpiresAnApproval(t *testing.T) {
	t.Parallel()
	apps, fake := signalboxtest.New(t, signalbox.Options{})
	fake.Activate("pages", "act_1", "key")
	pages := apps.Activation("pages", "act_1")
	_, err := pages.RequestApprovals(t.Context(), workflows.ApprovalRequest{MessageID: "m1", Deadline: fake.Now().Add(time.Hour)})
	require.NoError(t, err)
	fake.Advance(2 * time.Hour)
	state, err := pages.State(t.Context())
	require.NoError(t, err)
	require.Equal(t, workflows.ApprovalExpired, state.Approvals[0].Status)
}

func TestASecondAnswerComesLateAndAnotherAPIKeyIsAConflict(t *testing.T) {
	t.Parallel()
	ring, err := keyring.Generate()
	require.NoError(t, err)
	apps, fake := signalboxtest.New(t, signalbox.Options{Keyring: ring})
	one := apps.Activation("pages", "act_1")
	state := func() workflows.ActivationState {
		t.Helper()
		state, err := one.State(t.Context())
		require.NoError(t, err)
		return state
	}
	yes, no := true, false
	fake.Activate("pages", "act_1", "key 1")
	fake.Activate("pages", "act_1", "key 1")
	require.Empty(t, state().Attention)
	fake.Activate("pages", "act_1", "key 2")
	require.Equal(t, []string{workflows.AttentionAPIKeyConflict}, state().Attention)

	_, err = one.RequestApprovals(t.Context(), workflows.ApprovalRequest{MessageID: "m1", RunID: "r1"})
	require.NoError(t, err)
	for range 9 {
		fake.Respond("pages", "act_1", "m1", &yes, "Lovely.")
	}
	fake.Respond("pages", "act_1", "m1", &no, "On second thoughts.")
	require.Equal(t, workflows.ApprovalApproved, state().Approvals[0].Status)
	require.Equal(t, 9, state().Approvals[0].LateResponses)

	fake.ForceFail("pages", "act_1", "r1")
	require.Equal(t, "stale", state().Runs[0].Reason, "as Artmail documents")
}
