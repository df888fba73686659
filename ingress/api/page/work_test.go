package page_test

import (
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

func TestAQuestionIsShownWithItsCaseAndAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	b := w.signedIn(t, annSecret)
	_, body := b.get(t, "/")
	for _, part := range []string{"Is a signed PDF fine?", "Obtain a signed W-9", "Ada Vendor", "Answer the question.", "Send the answer", "1 item", "/workflows/offload-case%2Fw9"} {
		require.Contains(t, body, part)
	}
	status, body := b.post(t, "/cases/w9/answer", url.Values{"questionId": {"q1"}, "text": {"Yes, it is."}, "return": {"/"}})
	require.Equal(t, 200, status)
	require.Contains(t, body, `The answer was taken and is on its way to Offload. <a href="/cases/w9">See case <bdi>w9</bdi></a>`)
	require.Contains(t, body, "Nothing to do.")
	require.Equal(t, []string{"provide-input by ann"}, w.temporal.acts())
	_, body = b.get(t, "/cases/w9")
	require.Contains(t, body, "Yes, it is.")
}

// The second of two people sees what the first has answered, and keeps the text.
func TestAnAnswerThatComesTooLateIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	ann, bob := w.signedIn(t, annSecret), w.signedIn(t, bobSecret)
	_, _ = ann.post(t, "/cases/w9/answer", url.Values{"questionId": {"q1"}, "text": {"Yes, it is."}})
	status, body := bob.post(t, "/cases/w9/answer", url.Values{"questionId": {"q1"}, "text": {"No, on paper <please>."}})
	require.Equal(t, 409, status)
	require.Contains(t, body, "Your answer was not sent")
	require.Contains(t, body, "This question was answered before your answer came.")
	require.Contains(t, body, "<strong><bdi>ann</bdi></strong> answered")
	require.Contains(t, body, "Yes, it is.")
	require.Contains(t, body, "No, on paper &lt;please&gt;.</textarea>")
	require.Equal(t, []string{"provide-input by ann"}, w.temporal.acts())

	// The next question is open by now: the text stands in its box.
	next := w.temporal.get("w9")
	next.Status, next.Question = workflows.CaseInputNeeded, &workflows.Question{ID: "q2", Text: "Which date?"}
	w.temporal.set(next)
	_, body = bob.post(t, "/cases/w9/answer", url.Values{"questionId": {"q1"}, "text": {"No, on paper."}})
	require.Contains(t, body, "Which date?")
	require.Contains(t, body, `value="q2"`)
	require.Equal(t, 1, strings.Count(body, "No, on paper.</textarea>"))

	next.Question = nil
	w.temporal.set(next)
	_, body = bob.post(t, "/cases/w9/answer", url.Values{"questionId": {"q2"}, "text": {"Friday."}})
	require.Contains(t, body, "The case asks nothing at the moment.")
	require.Contains(t, body, "Friday.</textarea>")
}

// What is not there, or not yet, has no link, and the page says so in words for a person.
func TestNoLinkLeadsToWhatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(uncertain("u1"))
	w.temporal.set(asks("w9"))
	b := w.signedIn(t, annSecret)
	_, body := b.get(t, "/")
	require.Contains(t, body, "/cases/w9/transcript")
	require.NotContains(t, body, "/cases/u1/transcript", "Offload is not known to have the case")
	_, body = b.get(t, "/cases/u1")
	require.NotContains(t, body, "/cases/u1/transcript")
	for _, path := range []string{"/cases/none", "/activations/crm/none", "/deliveries/" + inbox.NewID(time.Now())} {
		status, body := b.get(t, path)
		require.Equal(t, 404, status, path)
		require.Contains(t, body, "There is no such case, activation or delivery. Its name may be misspelt, or it is not kept any more.", path)
		require.NotContains(t, body, "Temporal&#39;s Web UI", path)
	}
}

func TestATranscriptThatOffloadLacksIsNoMissingCase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("lost"))
	status, body := w.signedIn(t, annSecret).get(t, "/cases/lost/transcript")
	require.Equal(t, 404, status)
	require.Contains(t, body, "Offload does not have this case")
	require.Contains(t, body, "the base URL of its account is wrong")
	require.NotContains(t, body, "misspelt")
}

func TestAnAnswerWithoutASessionIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	b := w.signedIn(t, annSecret)
	w.clock.advance(3 * 3600e9)
	status, body := b.post(t, "/cases/w9/answer", url.Values{"questionId": {"q1"}, "text": {"Half an hour of work."}, "return": {"/cases/w9"}})
	require.Equal(t, 401, status)
	require.Contains(t, body, "Half an hour of work.</textarea>")
	require.Contains(t, body, `value="/cases/w9"`)
}

func TestWhatATokenMayNotDoHasNoButton(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	w.temporal.set(uncertain("u1"))
	id := w.storeDelivery(t, inbox.Delivery{Provider: "offload", Lane: "offload-case/w9", Kind: "case.completed", State: inbox.StateDead}, []byte(`{"event":"x"}`))
	reader, admin := w.signedIn(t, readSecret), w.signedIn(t, annSecret)
	for path, buttons := range map[string][]string{
		"/":                 {"Send the answer", "Cancel the case", "Adopt this case", "Create it again", "Replay", ">Dismiss<"},
		"/cases/w9":         {"Send the answer", "Cancel the case", "Check now"},
		"/deliveries":       {"Replay all", "Verify again"},
		"/deliveries/" + id: {">Replay<", ">Dismiss<", ">Reveal<"},
	} {
		_, read := reader.get(t, path)
		_, full := admin.get(t, path)
		for _, button := range buttons {
			require.Contains(t, full, button, path)
			require.NotContains(t, read, button, path)
		}
	}
}

// A delivery has no account, so the API shows a limited token those of its agents only.
func TestALimitedTokenIsOfferedNoDeliveryOfACase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	state := asks("w9")
	state.Account = "emea"
	w.temporal.set(state)
	ofCase := w.storeDelivery(t, inbox.Delivery{Provider: "offload", Lane: "offload-case/w9", Kind: "case.completed", State: inbox.StateDead}, []byte(`{"event":"x"}`))
	ofAgent := w.storeDelivery(t, inbox.Delivery{Provider: "artmail", Scope: "crm", Lane: "artmail-activation/crm/a1", Kind: "agent.resumed", State: inbox.StateDead}, []byte(`{}`))
	for secret, all := range map[string]bool{annSecret: true, emeaSecret: false, crmSecret: false} {
		b := w.signedIn(t, secret)
		_, list := b.get(t, "/")
		_, one := b.get(t, "/cases/w9")
		require.Contains(t, list, "Is a signed PDF fine?")
		require.Equal(t, all, strings.Contains(list, "/deliveries/"+ofCase), secret)
		require.Equal(t, all, strings.Contains(one, "Its deliveries"), secret)
		require.Contains(t, list, "/deliveries/"+ofAgent, secret)
		status, _ := b.get(t, "/deliveries/"+ofAgent)
		require.Equal(t, 200, status, secret)
		status, _ = b.get(t, "/deliveries/"+ofCase)
		require.Equal(t, all, status == 200, secret)
	}
	_, list := w.signedIn(t, emeaSecret).get(t, "/deliveries")
	require.Contains(t, list, "name one")
	require.NotContains(t, list, "Replay all")
}

func TestADismissedDeliveryLeavesTheToDoListAndCanBeReplayed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	b := w.signedIn(t, annSecret)
	dead := w.storeDelivery(t, inbox.Delivery{Provider: "artmail", Scope: "crm", State: inbox.StateDead, Reason: "unreadable"},
		[]byte(`{"type":"agent.paused","activationId":"a1","timestamp":1774131900000}`))
	held := w.storeDelivery(t, inbox.Delivery{Provider: "artmail", Scope: "crm", Kind: "unverified", State: inbox.StateQuarantined}, hook.Pack(nil, "", []byte(`{}`)))
	ping := w.storeDelivery(t, inbox.Delivery{Provider: "artmail", Scope: "crm", Kind: "test.ping", State: inbox.StateIgnored}, []byte(`{}`))
	_, body := b.get(t, "/")
	require.Contains(t, body, "/deliveries/"+dead+"/dismiss")
	_, body = b.post(t, "/deliveries/"+dead+"/dismiss", url.Values{"return": {"/"}})
	require.Contains(t, body, "Dismissed: 1.")
	require.NotContains(t, body, "/deliveries/"+dead)
	_, body = b.get(t, "/deliveries/"+dead)
	require.Contains(t, body, "dead before its dismissal by ann: unreadable")
	require.NotContains(t, body, ">Dismiss<")
	require.Contains(t, body, ">Replay<")

	for _, id := range []string{held, ping} {
		_, body = b.get(t, "/deliveries/"+id)
		require.NotContains(t, body, ">Dismiss<")
	}
	status, body := b.post(t, "/deliveries/"+ping+"/dismiss", nil)
	require.Equal(t, 409, status)
	require.Contains(t, html.UnescapeString(body), "the delivery is ignored and can't be dismissed: no person is needed for it")

	_, body = b.post(t, "/deliveries/"+dead+"/replay", nil)
	require.Contains(t, body, "Replayed: 1. Not replayable: 0.")
}

func TestADeadDeliveryIsReplayedAndTheQuarantineReleased(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	b := w.signedIn(t, annSecret)
	dead := w.storeDelivery(t, inbox.Delivery{Provider: "offload", Lane: "offload-case/w9", Kind: "case.completed", State: inbox.StateDead, Reason: "unreadable"}, []byte(`{"apiKey":"tulip"}`))
	_, body := b.get(t, "/")
	require.Contains(t, body, "/deliveries/"+dead)
	_, body = b.get(t, "/deliveries/"+dead)
	require.NotContains(t, body, "tulip")
	_, body = b.post(t, "/deliveries/"+dead+"/reveal", nil)
	require.Contains(t, body, "tulip")
	_, body = b.post(t, "/deliveries/"+dead+"/replay", nil)
	require.Contains(t, body, "Replayed: 1. Not replayable: 0.")
	one, err := w.store.Get(t.Context(), dead)
	require.NoError(t, err)
	require.Equal(t, inbox.StatePending, one.State)
	trail, err := w.store.AuditTrail(t.Context(), "", 10)
	require.NoError(t, err)
	var acts []string
	for _, entry := range trail {
		acts = append(acts, entry.Action+" by "+entry.Who)
	}
	require.Equal(t, []string{"replay by ann", "reveal by ann"}, acts)

	event := []byte(`{"type":"agent.activated","activationId":"a1","timestamp":1774131900000,"apiKey":"art_key_1"}`)
	w.storeDelivery(t, inbox.Delivery{Provider: "artmail", Scope: "crm", Kind: "unverified agent.activated", State: inbox.StateQuarantined},
		hook.Pack([]string{artmail.Sign(event, agentSecret)}, "", event))
	_, body = b.post(t, "/deliveries/release", url.Values{"agent": {"crm"}, "return": {"/deliveries"}})
	require.Contains(t, body, "Released: 1. Repetitions: 0.")
}

func TestHostileTextIsInert(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	state := asks("w9")
	state.Question.Text = "<script>document.title='owned'</script> **bold** [a](javascript:alert(1)) \u202egnp.exe\u0007 {{.}} " + strings.Repeat("x", 10_000)
	state.Objective = `"><img src=x onerror=alert(1)>`
	state.Counterparty = "\u2066Ada\u2069 \u00ad\u180e\u2060\u2064\U000E0041\u3164\u115f|\u0915\u094d\u200d\u0937|\u0600\u06f1|"
	w.temporal.set(state)
	b := w.signedIn(t, annSecret)
	for _, path := range []string{"/", "/cases/w9"} {
		_, body := b.get(t, path)
		for _, bad := range []string{"<script>document", "<img", "href=\"javascript", "\u202e", "\u0007", "\u2066", "\u00ad", "\u180e", "\u2060", "\u2064", "\U000E0041", "\u3164", "\u115f", "ZgotmplZ"} {
			require.NotContains(t, body, bad, path)
		}
		for _, shown := range []string{"<script>document", "⟨U+202E⟩", "⟨U+0007⟩", "⟨U+2066⟩", "⟨U+00AD⟩", "⟨U+E0041⟩", "|\u0915\u094d\u200d\u0937|\u0600\u06f1|", "**bold**"} {
			require.Contains(t, html.UnescapeString(body), shown, path)
		}
	}
}

// Each page is rendered, with what it is about.
func TestEachPageIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	ended := asks("done")
	reason := "BOUNCED"
	ended.Status, ended.Attention, ended.Question = workflows.CaseFailed, nil, nil
	ended.Facts = workflows.CaseFacts{Attachments: []workflows.Attachment{{ID: "1", Name: "scan.pdf", Size: 2048}}}
	ended.Facts.CreatedAt = ended.Since
	ended.Outcome = &workflows.CaseOutcome{Status: workflows.CaseFailed, Source: workflows.NewsByPoll, EndedAt: ended.Since, Facts: workflows.CaseFacts{FailureReason: &reason, Result: []byte(`{"a":1}`)}}
	w.temporal.set(ended)
	w.temporal.notices["notify/offload-case/w9"] = workflows.NotifyState{Source: "offload-case/w9", Notices: []workflows.NoticeRecord{
		{ID: "n1", Kind: workflows.NoticeCaseInputNeeded, Status: workflows.NoticeGivenUp, LastError: "no such workflow", To: workflows.Target{Callback: "finance"}},
	}}
	w.temporal.setActivation(active("a1"))
	w.temporal.notices["notify/artmail-activation/crm/a1"] = workflows.NotifyState{Source: "artmail-activation/crm/a1", Notices: []workflows.NoticeRecord{
		{ID: "n2", Kind: workflows.NoticeApprovalRejected, Status: workflows.NoticeDelivered},
	}}
	resumed := w.storeDelivery(t, inbox.Delivery{Provider: "artmail", Scope: "crm", Lane: "artmail-activation/crm/a1", Kind: "agent.resumed", State: inbox.StateDead}, []byte(`{}`))
	b := w.signedIn(t, annSecret)
	// The counts have two seconds.
	b.shows(t, "/health", "start it", "Oldest pending")
	for path, parts := range map[string][]string{
		"/cases":                               {"w9", "Input needed", "Reference begins with"},
		"/cases?state=NONSENSE":                {`role="alert"`, "Filter"},
		"/cases?startedSince=2026-01-01T10:00": {"w9"},
		"/cases/w9":                            {"<svg", "Timeline", "Offload asked", "case.input_needed: given up", "Dismiss"},
		"/cases/done":                          {"BOUNCED", "scan.pdf", "reported by poll", "Outcome", `<span class="tag">Poll</span> <bdi>The case ended: Failed</bdi>`, `<span class="tag">Create</span> <bdi>Offload created the case</bdi>`},
		"/cases/w9/transcript":                 {"The thread of w9"},
		"/activations":                         {`href="/activations/crm/a1"`, "Active", "Run stale"},
		"/activations?agent=other":             {"No activation fits."},
		"/activations/crm/a1": {
			"<svg", "held, sealed", "May the launch mail go out?", "Too loud", "Cancel the approval m1", "Close the run r1", "Run r1 is inactive",
			"Approval m0: Rejected", "approval.rejected: delivered", "agent.resumed: dead", "/deliveries/" + resumed, "/workflows/artmail-activation%2Fcrm%2Fa1",
		},
		"/deliveries":                        {"agent.resumed"},
		"/deliveries?kind=case.failed":       {"No delivery fits."},
		"/notices":                           {"offload-case/w9", "artmail-activation/crm/a1"},
		"/notices?agent=other":               {"No notices fit."},
		"/notices/of?source=offload-case/w9": {"no such workflow", "Send all again", "callback finance"},
	} {
		status, body := b.get(t, path)
		require.Equal(t, 200, status, path)
		for _, part := range parts {
			require.Contains(t, body, part, path)
		}
	}
	_, body := b.get(t, "/activations/crm/a1")
	require.Equal(t, 1, strings.Count(body, `class="box now"`))
	for _, secret := range []string{"brand@example.com", "c2VhbGVk", "Cancel the approval m0"} {
		require.NotContains(t, body, secret, "the user and the key are not shown, and what is closed has no button")
	}
	_, body = b.post(t, "/notices/dismiss", url.Values{"source": {"offload-case/w9"}, "id": {"n1"}, "return": {"/notices"}})
	require.Contains(t, body, "Dismissed: 1.")
	_, body = b.post(t, "/cases/w9/reconcile", nil)
	require.Contains(t, body, "Offload is asked how the case stands.")
	_, body = b.post(t, "/cases/w9/cancel", url.Values{"reason": {"no need"}})
	require.Contains(t, body, "The case was cancelled.")
	require.Equal(t, []string{"dismiss by ann", "reconcile-now", "cancel by ann"}, w.temporal.acts())
}

func TestARunIsClosedAndAnApprovalCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.setActivation(active("a1"))
	b, reader := w.signedIn(t, annSecret), w.signedIn(t, readSecret)
	_, body := reader.get(t, "/activations/crm/a1")
	require.NotContains(t, body, "Close the run r1")
	require.NotContains(t, body, "Cancel the approval m1")

	_, body = b.post(t, "/activations/crm/a1/close-run", url.Values{"runId": {"r1"}, "return": {"/activations/crm/a1"}})
	require.Contains(t, body, "The run was closed.")
	require.NotContains(t, body, "Close the run r1")
	_, body = b.post(t, "/activations/crm/a1/cancel-approval", url.Values{"messageId": {"m1"}})
	require.Contains(t, body, "The approval was cancelled.")
	require.Contains(t, body, "<h1><bdi>Activation a1</bdi></h1>", "without a place to return to, the activation is shown")
	require.NotContains(t, body, "Cancel the approval m1")
	require.Equal(t, []string{"close-run r1 by ann", "cancel-approval m1 by ann"}, w.temporal.acts())
}

func TestACreationIsTriedAgainAndNoticesAreSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(uncertain("u1"))
	notice := func(id string, status workflows.NoticeStatus) workflows.NoticeRecord {
		return workflows.NoticeRecord{ID: id, Kind: workflows.NoticeCaseAttention, Status: status}
	}
	w.temporal.notices["notify/offload-case/u1"] = workflows.NotifyState{Source: "offload-case/u1", Notices: []workflows.NoticeRecord{
		notice("n1", workflows.NoticeGivenUp), notice("n2", workflows.NoticeGivenUp), notice("n3", workflows.NoticeDelivered),
	}}
	b := w.signedIn(t, annSecret)
	since := w.temporal.get("u1").Since.Format(time.RFC3339Nano)
	for _, path := range []string{"/", "/cases/u1"} {
		_, body := b.get(t, path)
		require.Contains(t, html.UnescapeString(body), `name="since" value="`+since+`"`, path)
	}
	_, body := b.post(t, "/cases/u1/retry-create", url.Values{"return": {"/cases/u1"}, "since": {since}})
	require.Contains(t, body, "The case is created again.")
	again := w.temporal.get("u1")
	require.Equal(t, workflows.CaseCreating, again.Status)

	// It becomes uncertain once more: what another tab still shows is about the first time.
	again.Status, again.Since = workflows.CaseCreateUncertain, time.Now()
	w.temporal.set(again)
	status, body := b.post(t, "/cases/u1/retry-create", url.Values{"return": {"/cases/u1"}, "since": {since}})
	require.Equal(t, 409, status)
	require.Contains(t, body, "Nothing was created")
	again.Status = workflows.CaseCreating
	w.temporal.set(again)
	require.Equal(t, workflows.CaseCreating, w.temporal.get("u1").Status)
	_, body = b.post(t, "/notices/resend", url.Values{"source": {"offload-case/u1"}, "id": {"n1"}})
	require.Contains(t, body, "Sent again: 1.")
	_, body = b.post(t, "/notices/resend", url.Values{"source": {"offload-case/u1"}, "return": {"/notices"}})
	require.Contains(t, body, "Sent again: 1.", "without an ID, all that were given up")
	require.Equal(t, []string{"retry-create by ann", "resend by ann", "resend by ann"}, w.temporal.acts())

	// Without the time of the state nothing can tell later whether it is still the same.
	w.temporal.set(uncertain("u1"))
	w.temporal.silence()
	_, body = b.get(t, "/")
	require.Contains(t, body, "/cases/u1")
	require.NotContains(t, body, "Create it again")
}

// The form of a filtered list replays what the filter matches, and no more.
func TestAllThatMatchAFilterAreReplayed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	store := func(reference, kind string, state inbox.State) string {
		return w.storeDelivery(t, inbox.Delivery{Provider: "offload", Lane: "offload-case/" + reference, Kind: kind, State: state}, []byte(`{}`))
	}
	matching := []string{store("w9", "case.completed", inbox.StateDead), store("w10", "case.completed", inbox.StateDead)}
	outside := map[string]inbox.State{
		store("w9", "case.failed", inbox.StateDead): inbox.StateDead, store("w9", "case.completed", inbox.StateIgnored): inbox.StateIgnored,
	}
	b := w.signedIn(t, annSecret)
	_, body := b.get(t, "/deliveries?state=dead&kind=case.completed")
	_, form, found := strings.Cut(body, `action="/deliveries/replay"`)
	require.True(t, found)
	form, _, _ = strings.Cut(form, "</form>")
	values := url.Values{}
	for _, field := range regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`).FindAllStringSubmatch(form, -1) {
		values.Add(field[1], html.UnescapeString(field[2]))
	}
	_, body = b.post(t, "/deliveries/replay", values)
	require.Contains(t, body, "Replayed: 2. Not replayable: 0.")
	require.Contains(t, body, "No delivery fits.", "the filter is still there")
	stateOf := func(id string) inbox.State {
		one, err := w.store.Get(t.Context(), id)
		require.NoError(t, err)
		return one.State
	}
	for _, id := range matching {
		require.Equal(t, inbox.StatePending, stateOf(id))
	}
	for id, state := range outside {
		require.Equal(t, state, stateOf(id), "outside the filter")
	}
}

// Each value of attention can be chosen from a list, which then shows what was chosen.
func TestListsAreFilteredByAttention(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	w.temporal.set(uncertain("u1"))
	w.temporal.setActivation(active("a1"))
	quiet := active("a2")
	quiet.Attention = nil
	w.temporal.setActivation(quiet)
	b := w.signedIn(t, annSecret)
	for _, list := range []struct{ path, attention, shown, hidden string }{
		{"/cases", workflows.AttentionInputNeeded, "/cases/w9", "/cases/u1"},
		{"/cases", workflows.AttentionCreateUncertain, "/cases/u1", "/cases/w9"},
		{"/activations", workflows.AttentionRunStale, "/activations/crm/a1", "/activations/crm/a2"},
	} {
		_, body := b.get(t, list.path)
		require.Contains(t, body, `href="`+list.hidden+`"`)
		for _, attention := range workflows.Attentions() {
			require.Contains(t, body, `<option value="`+attention+`">`, list.path)
		}
		_, body = b.get(t, list.path+"?attention="+list.attention)
		require.Contains(t, body, `href="`+list.shown+`"`)
		require.NotContains(t, body, `href="`+list.hidden+`"`)
		require.Contains(t, body, `<option value="`+list.attention+`" selected>`)
	}
}

func TestEachStateHasAPlaceInThePicture(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	b := w.browser(t)
	for _, status := range workflows.CaseStatuses() {
		w.temporal.set(workflows.CaseState{Reference: "w9", Status: status})
		_, body := b.get(t, "/cases/w9")
		require.Equal(t, 1, strings.Count(body, `class="box now"`), status)
	}
}

func TestTheTimelineTellsWhoDidWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	state := asks("w9")
	state.Answers = []workflows.Answer{{QuestionID: "q0", Text: "On Friday.", By: "bob", GivenAt: state.Since.Add(-1), Result: workflows.InputRejected, Error: "too short"}}
	state.Check = &workflows.Check{By: "ann", At: state.Since}
	w.temporal.set(state)
	w.storeDelivery(t, inbox.Delivery{Provider: "offload", Lane: "offload-case/w9", Kind: "case.input_needed", State: inbox.StateDead}, []byte(`{}`))
	_, body := w.browser(t).get(t, "/cases/w9")
	_, life, _ := strings.Cut(body, "Timeline")
	at := 0
	for _, part := range []string{"case.input_needed: dead", "A person asked for a check", "by <bdi>ann</bdi>", "(too short)", "by <bdi>bob</bdi>", "On Friday."} {
		next := strings.Index(life[at:], part)
		require.GreaterOrEqual(t, next, 0, "%s in order in %s", part, life)
		at += next
	}
}

func TestWhatToDoIsShownForEachAttention(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	b := w.signedIn(t, readSecret)
	_, body := b.get(t, "/attention")
	for _, attention := range workflows.Attentions() {
		sentence, _ := workflows.AttentionHelp(attention)
		require.Contains(t, html.UnescapeString(body), `<div id="`+attention+`">`)
		require.Contains(t, html.UnescapeString(body), "<dd>"+sentence+"</dd>")
	}
	require.Contains(t, body, "<dt>No API key ", "abbreviations stay as they are")
	_, body = b.get(t, "/cases/w9")
	require.Contains(t, body, `href="/attention#input_needed">Input needed</a> Answer the question.`)
	_, body = b.get(t, "/cases")
	require.Contains(t, body, `href="/attention#input_needed"`, "each attention leads there")
}

// The files of a case have their names, as Offload told them, with size, state and place.
func TestTheFilesOfACaseSayWhereTheyLie(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	ended := asks("w9")
	ended.Status, ended.Attention, ended.Question = workflows.CaseCompleted, nil, nil
	ended.Facts.Attachments = []workflows.Attachment{{ID: "1", Name: "W-9.pdf", Size: 2048}, {ID: "2", Name: "<b>.exe", Size: 10}, {ID: "3", Name: "late.pdf"}}
	ended.Outcome = &workflows.CaseOutcome{Status: ended.Status, FilesWorkflowID: workflows.OffloadFilesWorkflowID("w9")}
	w.temporal.set(ended)
	b := w.signedIn(t, annSecret)
	rows := func() string {
		_, body := b.get(t, "/cases/w9")
		_, table, found := strings.Cut(body, `aria-label="Files"`)
		require.True(t, found, body)
		table, _, _ = strings.Cut(table, "</table>")
		return table
	}
	require.Equal(t, 3, strings.Count(rows(), "at Offload"), "nothing has been stored yet")

	w.temporal.files[ended.Outcome.FilesWorkflowID] = workflows.CaseFiles{
		Reference: "w9", Status: workflows.FilesStoring, Pending: 1, Result: &workflows.StoredFile{Bucket: "s3://files", Key: "acme/w9/result.json", Size: 5 << 20},
		Stored:   []workflows.StoredFile{{AttachmentID: "1", Bucket: "s3://files", Key: "acme/w9/attachments/1/W-9.pdf", Size: 4096, ReportedSize: 2048, SHA256: "abc123"}},
		Unstored: []workflows.UnstoredFile{{AttachmentID: "2", Name: "<b>.exe", Reason: "the download stalled"}},
	}
	table := rows()
	for _, part := range []string{
		"s3://files/acme/w9/result.json", "5.0 MiB", "<bdi>W-9.pdf</bdi>", "s3://files/acme/w9/attachments/1/W-9.pdf", "4.0 KiB", "SHA-256 abc123", "Its size or type differs",
		"&lt;b&gt;.exe", "the download stalled", "Not stored", "<bdi>late.pdf</bdi>", "Storing",
	} {
		require.Contains(t, table, part)
	}
	_, body := b.get(t, "/cases/w9")
	require.Contains(t, body, "/workflows/offload-files%2Fw9", "the workflow that stores them is a link")
}

// Each case tells how its own news came, so the figures are right whatever process is asked.
func TestHealthIsShownWithoutCountsThatTakeTooLong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, false)
	b := w.browser(t)
	b.shows(t, "/health", "Oldest pending")
	w.countsBlock.Store(true)
	status, body := b.get(t, "/health")
	require.Equal(t, 200, status)
	require.Contains(t, body, "could not be counted in 2 seconds")
	require.NotContains(t, body, "Oldest pending")
	require.Contains(t, body, `class="checks"`)
}

func TestHealthTellsTheShareOfPollingAndTheTimeUntilAnEventIsApplied(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	b := w.signedIn(t, annSecret)
	_, body := b.get(t, "/health")
	require.NotContains(t, body, "Webhooks and polling", "there is no case")

	at := time.Now().Add(-time.Hour)
	applied := func(d time.Duration) *workflows.AppliedEvent {
		return &workflows.AppliedEvent{AcceptedAt: at, AppliedAt: at.Add(d)}
	}
	running := asks("runs")
	running.LastApplied = applied(90 * time.Minute)
	w.temporal.set(running)
	for i, source := range []workflows.NewsSource{workflows.NewsByWebhook, workflows.NewsByWebhook, workflows.NewsByPoll, workflows.NewsByApp} {
		ended := workflows.CaseState{Reference: fmt.Sprint("ended-", i), Status: workflows.CaseCompleted, Since: at}
		ended.Outcome = &workflows.CaseOutcome{Status: ended.Status, Source: source, EndedAt: at}
		if source == workflows.NewsByWebhook {
			ended.LastApplied = applied(250 * time.Millisecond)
		}
		w.temporal.set(ended)
	}
	// On a slow machine not all may answer in time.
	body = b.shows(t, "/health", "5 of 5 could be read")
	require.Contains(t, body, "1 of 3 ended cases (33%)")
	require.Contains(t, body, "250 ms at the median, 90 min at most; the newest webhook of 3 cases")
	_, body = w.signedIn(t, emeaSecret).get(t, "/health")
	require.NotContains(t, body, "1 of 3 ended cases", "cases of other accounts are not told")

	w.temporal.silence()
	_, body = b.get(t, "/health")
	require.Contains(t, body, "0 of 5 could be read within 2 s; the others need a running worker.")
}
