package page_test

import (
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

// An answer that was sent twice was taken once, and is not called unsent: also when the case has gone on meanwhile.
func TestTheSameAnswerTwiceIsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	ann, bob := w.signedIn(t, annSecret), w.signedIn(t, bobSecret)
	form := url.Values{"questionId": {"q1"}, "text": {"Yes,\r\nit is."}}
	for range 2 {
		status, body := ann.post(t, "/cases/w9/answer", form)
		require.Equal(t, 200, status, body)
		require.Contains(t, body, "The answer was taken")
	}
	require.Equal(t, "Yes,\nit is.", w.temporal.get("w9").Answers[0].Text, "lines end as everywhere else")
	status, body := bob.post(t, "/cases/w9/answer", form)
	require.Equal(t, 409, status)
	require.Contains(t, body, "<strong><bdi>ann</bdi></strong> answered", "of another person it is another answer")
	status, _ = ann.post(t, "/cases/w9/answer", url.Values{"questionId": {"q1"}, "text": {"No."}})
	require.Equal(t, 409, status)
	for result, status := range map[workflows.InputResult]int{workflows.InputAccepted: 200, workflows.InputAlreadyResolved: 200, workflows.InputNotWaiting: 409} {
		state := w.temporal.get("w9")
		state.Answers = []workflows.Answer{{QuestionID: "q1", Text: "Yes,\nit is.", By: "ann", GivenAt: time.Now(), Result: result}}
		w.temporal.set(state)
		got, body := ann.post(t, "/cases/w9/answer", form)
		require.Equal(t, status, got, result)
		if status == 409 {
			require.Contains(t, body, "Your answer was not sent")
			require.Contains(t, body, `<span class="tag">Not waiting</span>`, "the page says why the first one counts for nothing")
		}
	}
}

// What the case would refuse is not offered; a refused request is corrected, not repeated.
func TestTheCasePageOffersWhatTheCaseTakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	b, reader := w.signedIn(t, annSecret), w.signedIn(t, readSecret)
	for attention, offered := range map[string][]string{
		workflows.AttentionNotCreated: nil, workflows.AttentionUsageLimit: nil, workflows.AttentionUnauthorized: nil, workflows.AttentionAccount: nil,
		workflows.AttentionCreateRejected: {"Adopt this case", "signalbox case retry-create c -f corrected.json"},
		workflows.AttentionAdoptRefused:   {"Adopt this case", "Create it again"},
	} {
		w.temporal.set(workflows.CaseState{Reference: "c", Status: workflows.CaseCreating, Since: time.Now(), Attention: []string{attention}})
		_, body := b.get(t, "/cases/c")
		for _, one := range []string{"Adopt this case", "Create it again", "signalbox case retry-create c -f corrected.json"} {
			require.Equal(t, slices.Contains(offered, one), strings.Contains(body, one), "%s: %s", attention, one)
		}
	}
	w.temporal.set(workflows.CaseState{Reference: "c", Status: workflows.CaseCreating, Since: time.Now(), Attention: []string{workflows.AttentionCreateRejected}})
	_, body := b.get(t, "/")
	require.Contains(t, body, "signalbox case retry-create c -f corrected.json")
	require.NotContains(t, body, "Create it again")
	_, body = reader.get(t, "/cases/c")
	require.NotContains(t, body, ">Do<", "no heading without anything below it")
}

func TestAPurgedBodyIsNotSaidToBeShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	id := w.storeDelivery(t, inbox.Delivery{Provider: "offload", Lane: "offload-case/w9", Kind: "k", State: inbox.StateDead}, []byte(`{}`))
	_, err := w.store.Purge(t.Context(), inbox.PurgeRequest{Now: time.Now(), BodiesBefore: time.Now().Add(time.Minute)})
	require.NoError(t, err)
	_, body := w.signedIn(t, annSecret).post(t, "/deliveries/"+id+"/reveal", nil)
	require.Contains(t, body, "the body was purged")
	require.NotContains(t, body, "The whole body is shown")
}

// The page asks for itself every few seconds: that alone keeps no session alive.
func TestWhatThePageAsksByItselfKeepsNoSessionAlive(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	b := w.signedIn(t, annSecret)
	status := 0
	for range 5 {
		w.clock.advance(30 * time.Minute)
		status, _ = b.send(t, "GET", "/health", nil, map[string]string{"X-Live": "1"})
	}
	require.Equal(t, 401, status)
}

// Each time that a person may have to tell others is there in full, in UTC.
func TestTimesAreToldInFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	state := asks("w9")
	w.temporal.set(state)
	running := active("a1")
	running.Runs[0].LastActiveAt = state.Question.RequestedAt
	w.temporal.setActivation(running)
	w.storeDelivery(t, inbox.Delivery{Provider: "offload", Lane: "offload-case/w9", Kind: "k", State: inbox.StateDead}, []byte(`{}`))
	b := w.signedIn(t, annSecret)
	asked := state.Question.RequestedAt.UTC().Format("2 Jan 2006, 15:04:05 UTC")
	cell := ">" + strings.TrimSuffix(asked, " UTC") + "<"
	for path, parts := range map[string][]string{
		"/": {">" + asked + "<"}, "/cases": {">Started (UTC)<", cell}, "/cases/w9": {"Asked <time"}, "/deliveries": {">Received (UTC)<", "</time></a> <span"},
		"/activations/crm/a1": {">Last active (UTC)<", ">Warned (UTC)<", ">Due (UTC)<", cell},
	} {
		_, body := b.get(t, path)
		for _, part := range parts {
			require.Contains(t, body, part, path)
		}
	}
	_, body := b.get(t, "/cases/w9")
	_, life, _ := strings.Cut(body, "Timeline")
	require.Contains(t, life, ">"+asked+"<")
	_, body = b.get(t, "/")
	require.Regexp(t, `Input needed for <time [^>]+>60 min</time>`, body)
}

// A page and a timeline hold a number of deliveries; what leads on repeats nothing that was said.
func TestWhatDoesNotFitIsOnTheNextPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	var many []inbox.Delivery
	for i := range 101 {
		at := time.Now().Add(time.Duration(i-200) * time.Second)
		many = append(many, inbox.Delivery{
			ID: inbox.NewID(at), ReceivedAt: at, Provider: "offload", Lane: "offload-case/w9", Kind: fmt.Sprintf("kind.%03d", i), State: inbox.StateDead, Body: []byte("sealed"),
		})
	}
	_, err := w.store.Append(t.Context(), many)
	require.NoError(t, err)
	state := asks("w9")
	state.Answers = []workflows.Answer{{QuestionID: "q0", Text: "On Friday.", GivenAt: state.Since, Result: workflows.InputAccepted}}
	w.temporal.set(state)
	b := w.signedIn(t, annSecret)
	_, body := b.get(t, "/deliveries?done=replayed&n=5&n=0")
	require.Contains(t, body, "Replayed: 5.")
	_, body = b.get(t, link(t, body, "Next page"))
	require.NotContains(t, body, "Replayed: 5.")

	_, body = b.get(t, "/cases/w9")
	require.Contains(t, body, "Answered question q0: Accepted", "its question is not kept")
	require.NotContains(t, body, "kind.000")
	_, body = b.get(t, link(t, body, "Older deliveries"))
	require.Contains(t, body, "kind.000")
	require.NotContains(t, body, "kind.001")
}

// What a person may type or follow has an answer for a person.
func TestMistakesAreExplainedInThePagesOwnWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	b := w.signedIn(t, annSecret)
	for path, says := range map[string]string{
		"/?a=%zz":                             "The address has a % that is not followed by two hex digits",
		"/notices/of":                         "choose one in the list of notices",
		"/notices/of?source=offload-files/w9": "choose one in the list of notices",
		"/deliveries?lane=offload-case/w9&reference=w9": "Choose a case or a workflow, not both",
		"/cases?state=NONSENSE":                         `role="alert"`,
	} {
		_, body := b.get(t, path)
		require.Contains(t, html.UnescapeString(body), says, path)
		for _, not := range []string{"openapi.yaml", "too large", "No case fits", "No delivery fits"} {
			require.NotContains(t, body, not, path)
		}
	}
	w.inboxGone.Store(true)
	status, body := b.get(t, "/deliveries")
	require.Equal(t, 503, status)
	require.Contains(t, body, "Try again in some seconds")
	require.NotContains(t, body, "Retry-After")
}

func TestAReleasedDeliveryLeadsToWhatItBecame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	event := []byte(`{"type":"agent.activated","activationId":"a1","timestamp":1774131900000,"apiKey":"art_key_1"}`)
	held := w.storeDelivery(t, inbox.Delivery{Provider: "artmail", Scope: "crm", Kind: "unverified agent.activated", State: inbox.StateQuarantined},
		hook.Pack([]string{artmail.Sign(event, agentSecret)}, "", event))
	b := w.signedIn(t, annSecret)
	_, _ = b.post(t, "/deliveries/release", url.Values{"agent": {"crm"}})
	_, body := b.get(t, "/deliveries/"+held)
	found := regexp.MustCompile(`released as <a href="([^"]+)">`).FindStringSubmatch(body)
	require.NotEmpty(t, found, body)
	status, body := b.get(t, found[1])
	require.Equal(t, 200, status)
	require.Contains(t, body, "agent.activated")
}

func TestADeadDeliveryWithoutAWorkflowIsReadAgainAndLeadsToWhatItBecame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	dead := w.storeDelivery(t, inbox.Delivery{Provider: "artmail", Scope: "crm", State: inbox.StateDead, Reason: "unreadable"},
		[]byte(`{"type":"agent.paused","activationId":"a1","timestamp":1774131900000}`))
	b := w.signedIn(t, annSecret)
	_, body := b.get(t, "/deliveries/"+dead)
	require.Contains(t, body, "<button>Replay</button>")
	_, body = b.post(t, "/deliveries/"+dead+"/replay", nil)
	require.Contains(t, body, "Replayed: 1. Not replayable: 0.")
	_, body = b.get(t, "/deliveries/"+dead)
	require.NotContains(t, body, "<button>Replay</button>")
	found := regexp.MustCompile(`replayed as <a href="([^"]+)">`).FindStringSubmatch(body)
	require.NotEmpty(t, found, body)
	status, body := b.get(t, found[1])
	require.Equal(t, 200, status)
	require.Contains(t, body, "agent.paused")
}

// "Dismiss all" is about what the page shows: if more was given up later, it dismisses nothing. It includes those that are no longer listed.
func TestDismissAllIsAboutWhatIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	givenUp := func(id, to string) workflows.NoticeRecord {
		return workflows.NoticeRecord{ID: id, Status: workflows.NoticeGivenUp, To: workflows.Target{Callback: to}}
	}
	set := func(forgotten int, notices ...workflows.NoticeRecord) {
		w.temporal.notices["notify/offload-case/w9"] = workflows.NotifyState{
			Source: "offload-case/w9", Attention: []string{workflows.AttentionNoticeGivenUp}, Notices: notices, Forgotten: forgotten,
		}
	}
	b := w.signedIn(t, annSecret)
	dismissAll := func() url.Values {
		_, body := b.get(t, "/notices/of?source=offload-case/w9")
		found := regexp.MustCompile(`name="shown" value="([^"]+)"`).FindStringSubmatch(body)
		require.NotEmpty(t, found, body)
		return url.Values{"source": {"offload-case/w9"}, "shown": {found[1]}, "return": {"/notices"}}
	}
	set(0, givenUp("n1", "finance"))
	form := dismissAll()
	for name, change := range map[string]func(){
		"another notice": func() { set(0, givenUp("n1", "finance"), givenUp("n2", "finance")) },
		"another target": func() { set(0, givenUp("n1", "finance"), givenUp("n1", "sales")) },
		"forgotten":      func() { set(1, givenUp("n1", "finance")) },
	} {
		change()
		status, body := b.post(t, "/notices/dismiss", form)
		require.Equal(t, 409, status, name)
		require.Contains(t, body, "The notices have changed: look again.", name)
		require.Equal(t, "/notices/of?source=offload-case%2Fw9", link(t, body, "Back"), name)
	}
	status, _ := b.post(t, "/notices/dismiss", url.Values{"source": {"offload-case/w9"}})
	require.Equal(t, 409, status, "a form that names nothing and showed nothing")
	require.Empty(t, w.temporal.acts())

	set(3, givenUp("n1", "finance"))
	_, body := b.post(t, "/notices/dismiss", dismissAll())
	require.Contains(t, body, "Dismissed: 4.")
	set(3)
	_, body = b.get(t, "/notices/of?source=offload-case/w9")
	require.NotContains(t, body, "Send all again", "what is forgotten can't be sent")
	_, body = b.post(t, "/notices/dismiss", dismissAll())
	require.Contains(t, body, "Dismissed: 3.")

	set(0, givenUp("n1", "finance"))
	_, body = b.get(t, "/")
	require.NotContains(t, body, "Dismiss all", "the list does not show them")
	require.Equal(t, "/notices/of?source=offload-case%2Fw9", link(t, body, "Look at the notices"))
}

// "Send all again" sends what can be sent, however much was given up: also if some can't be, or was settled since the page was read.
func TestSendAllAgainSendsWhatCanBeSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	state := workflows.NotifyState{Source: "offload-case/w9", Notices: []workflows.NoticeRecord{{ID: "gone", Status: workflows.NoticeGivenUp, NoData: true}}}
	for i := range 501 { // more than a call may name
		state.Notices = append(state.Notices, workflows.NoticeRecord{ID: fmt.Sprint("n", i), Status: workflows.NoticeGivenUp})
	}
	w.temporal.notices["notify/offload-case/w9"] = state
	b := w.signedIn(t, annSecret)
	_, body := b.get(t, "/notices/of?source=offload-case/w9")
	forms := regexp.MustCompile(`(?s)<form method="post" action="/notices/resend".*?</form>`).FindAllString(body, -1)
	form := url.Values{}
	for _, field := range regexp.MustCompile(`name="([^"]+)" value="([^"]+)"`).FindAllStringSubmatch(forms[len(forms)-1], -1) {
		form.Add(field[1], html.UnescapeString(field[2]))
	}
	require.Contains(t, forms[len(forms)-1], "Send all again")
	_, _ = b.post(t, "/notices/dismiss", url.Values{"source": {"offload-case/w9"}, "id": {"n0"}})
	status, body := b.post(t, "/notices/resend", form)
	require.Equal(t, 200, status, body)
	require.Contains(t, body, "Sent again: 500.")
}

// The notices of an activation come and go while its page is open.
func TestTheNoticesOfAnActivationAreBroughtUpToDate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.setActivation(active("a1"))
	b := w.signedIn(t, annSecret)
	_, before := b.get(t, "/activations/crm/a1")
	w.temporal.notices["notify/artmail-activation/crm/a1"] = workflows.NotifyState{Notices: []workflows.NoticeRecord{{ID: "n2", Kind: workflows.NoticeApprovalRejected, Status: workflows.NoticeDelivered}}}
	_, after := b.get(t, "/activations/crm/a1")
	for _, body := range []string{before, after} {
		require.Contains(t, body, `<div id="live-notices" data-live>`)
	}
	_, live, _ := strings.Cut(after, `<div id="live-notices" data-live>`)
	require.Contains(t, live, "approval.rejected")
}
