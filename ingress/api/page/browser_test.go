package page_test

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

func TestInABrowserAQuestionIsAnswered(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*testing.T, *tab){
		"with JavaScript": func(*testing.T, *tab) {}, "without": func(t *testing.T, b *tab) { b.withoutJavaScript(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, true)
			w.temporal.set(asks("w9"))
			b := w.chromium(t)()
			prepare(t, b)
			b.signIn(t, annSecret)
			b.write(t, ".answer textarea", "Yes, it is.")
			b.click(t, ".answer button")
			b.shows(t, "The answer was taken")
			b.shows(t, "Nothing to do.")
			require.Equal(t, "Yes, it is.", w.temporal.get("w9").Answers[0].Text)
			require.Equal(t, []string{"provide-input by ann"}, w.temporal.acts())
			b.click(t, ".top nav li:nth-child(2) a")
			b.shows(t, "Input sent")
		})
	}
}

// Ann answers while Bob writes: his page says so, keeps what he wrote, and tells her answer when he sends his.
func TestInABrowserTwoPeopleAnswerTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	open := w.chromium(t)
	ann, bob := open(), open()
	ann.signIn(t, annSecret)
	bob.signIn(t, bobSecret)
	bob.write(t, ".answer textarea", "No, on paper.")
	ann.write(t, ".answer textarea", "Yes, it is.")
	ann.click(t, ".answer button")
	ann.shows(t, "The answer was taken")

	bob.shows(t, "This was dealt with meanwhile")
	require.Equal(t, "No, on paper.", evaluate[string](t, bob, `document.querySelector(".answer textarea").value`))
	bob.click(t, ".answer button")
	bob.shows(t, "Your answer was not sent")
	bob.shows(t, "ann answered")
	bob.shows(t, "Yes, it is.")
	require.Equal(t, "No, on paper.", evaluate[string](t, bob, `document.querySelector("#kept").value`))

	// A new question appears by itself.
	w.temporal.set(asks("second"))
	ann.shows(t, "1 new")
	require.Equal(t, 1.0, evaluate[float64](t, ann, `document.querySelectorAll(".answer").length`))
}

// What a person has begun to write is there again after a reload, and after the session has ended and another one has begun: once more after the
// sign-in, since the question may not be open any more. Once it was taken, it is gone from the browser.
func TestInABrowserAHalfWrittenAnswerIsNotLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	b := w.chromium(t)()
	b.signIn(t, annSecret)
	b.open(t, "/cases/w9")
	written := func() string { return evaluate[string](t, b, `document.querySelector(".answer textarea").value`) }
	b.write(t, ".answer textarea", "Yes, it ")
	b.open(t, "/cases/w9")
	require.Equal(t, "Yes, it ", written(), "after a reload")
	b.open(t, "/")
	require.Equal(t, "Yes, it ", written(), "in the list")

	b.write(t, ".answer textarea", "is.")
	w.clock.advance(12 * time.Hour)
	b.click(t, ".answer button")
	b.shows(t, "The session has ended, and nothing was sent.")
	require.Equal(t, "Yes, it is.", evaluate[string](t, b, `document.querySelector("#kept").value`))
	b.write(t, "#token", annSecret)
	b.click(t, ".signin button")
	b.shows(t, "You are signed in")
	require.Equal(t, "Yes, it is.", evaluate[string](t, b, `document.querySelector("#kept").value`))
	b.click(t, "main .button")
	b.shows(t, "Is a signed PDF fine?")
	require.Equal(t, "Yes, it is.", written(), "after a new sign-in")
	b.click(t, ".answer button")
	b.shows(t, "The answer was taken")
	require.Equal(t, "Yes, it is.", w.temporal.get("w9").Answers[0].Text)
	require.False(t, evaluate[bool](t, b, `Object.values(sessionStorage).includes("Yes, it is.")`))
}

// On the page of a case a half-written answer stays while another person answers, and while Offload asks something else.
func TestInABrowserTheCasePageSaysWhatAnotherPersonDidMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	open := w.chromium(t)
	ann, bob := open(), open()
	ann.signIn(t, annSecret)
	bob.signIn(t, bobSecret)
	bob.open(t, "/cases/w9")
	bob.write(t, ".answer textarea", "No, on paper.")
	ann.write(t, ".answer textarea", "Yes, it is.")
	ann.click(t, ".answer button")
	bob.shows(t, "The question is not open any more.")
	bob.shows(t, "Input sent")
	require.Equal(t, "No, on paper.", evaluate[string](t, bob, `document.querySelector(".answer textarea").value`))

	// Offload did not take her answer, so the question is open again, and there is nothing to say.
	answered := w.temporal.get("w9")
	w.temporal.set(asks("w9"))
	bob.until(t, `!document.querySelector(".meanwhile")`)
	require.Equal(t, "No, on paper.", evaluate[string](t, bob, `document.querySelector(".answer textarea").value`))
	w.temporal.set(answered)
	bob.shows(t, "The question is not open any more.")

	// Offload asks again: what was written for the first question is not sent for the second.
	again := w.temporal.get("w9")
	again.Status, again.Question = workflows.CaseInputNeeded, &workflows.Question{ID: "q2", Text: "By Friday?"}
	w.temporal.set(again)
	bob.shows(t, "Input needed")
	bob.click(t, ".answer button")
	bob.shows(t, "Your answer was not sent")
	bob.shows(t, "ann answered")
	bob.shows(t, "By Friday?")
	require.Equal(t, []string{"provide-input by ann"}, w.temporal.acts())
}

func TestInABrowserOperatorsPutThingsRight(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(uncertain("u1"))
	dead := w.storeDelivery(t, inbox.Delivery{Provider: "offload", Lane: "offload-case/u1", Kind: "case.completed", State: inbox.StateDead}, []byte(`{"event":"x"}`))
	event := []byte(`{"type":"agent.activated","activationId":"a1","timestamp":1774131900000,"apiKey":"art_key_1"}`)
	held := w.storeDelivery(t, inbox.Delivery{Provider: "artmail", Scope: "crm", Kind: "unverified agent.activated", State: inbox.StateQuarantined},
		hook.Pack([]string{artmail.Sign(event, agentSecret)}, "", event))
	b := w.chromium(t)()
	b.signIn(t, annSecret)
	b.write(t, "[name=caseId]", "case-77")
	b.click(t, "form[action$='/adopt'] button")
	b.shows(t, "Offload is asked for that case")
	require.Equal(t, "case-77", w.temporal.get("u1").CaseID)

	b.open(t, "/deliveries/"+dead)
	b.click(t, "form[action$='/replay'] button")
	b.shows(t, "Replayed: 1.")
	one, err := w.store.Get(t.Context(), dead)
	require.NoError(t, err)
	require.Equal(t, inbox.StatePending, one.State)

	b.open(t, "/deliveries/"+held)
	b.click(t, "form[action='/deliveries/release'] button")
	b.shows(t, "Released: 1.")
}

// hostile is a case whose texts try to be more than texts.
func hostile() workflows.CaseState {
	state := asks("hostile")
	state.Question.Text = "<script>owned=1</script><img src=x onerror=owned=1> # Title\n[a](javascript:owned=1) \u202egnp.exe\u0007" + longText
	state.Objective = `"><img src=x onerror=owned=1>`
	state.Counterparty = longText
	state.LastError = longText
	return state
}

var longText = func() string {
	text := make([]byte, 10_000)
	for i := range text {
		text[i] = 'x'
	}
	return string(text)
}()

// sideways are the parts of a page that scroll sideways, the whole page among them. A box of one line scrolls while a person writes in it.
const sideways = `[...document.querySelectorAll("html, body *")].filter((e) => !e.matches("input, select") && e.scrollWidth > e.clientWidth &&
	(e.tagName === "HTML" || ["auto", "scroll"].includes(getComputedStyle(e).overflowX))).map((e) => (e.tagName + " " + e.className).trim().toLowerCase())`

// unlabelled are the cells of tables that are not labelled with their column, which a phone shows in front of each.
const unlabelled = `[...document.querySelectorAll("tbody td")].filter((td) =>
	td.dataset.th !== td.closest("table").tHead.rows[0].cells[td.cellIndex].innerText.trim()).map((td) => td.outerHTML)`

// Each page fits a phone, keeps the policy, and can be used by all that axe-core knows of, in both schemes.
func TestInABrowserEachPageIsFitForEverybody(t *testing.T) {
	t.Parallel()
	axe := axeSource(t)
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	w.temporal.set(uncertain("u1"))
	w.temporal.set(hostile())
	w.temporal.notices["notify/offload-case/w9"] = workflows.NotifyState{Source: "offload-case/w9", Notices: []workflows.NoticeRecord{
		{ID: "n1", Kind: workflows.NoticeCaseInputNeeded, Status: workflows.NoticeGivenUp, LastError: longText},
	}}
	ended := asks("ended")
	ended.Status, ended.Attention, ended.Question = workflows.CaseCompleted, []string{workflows.AttentionFileNotStored}, nil
	ended.Facts.Attachments = []workflows.Attachment{{ID: "1", Name: longText[:200], Size: 2048}}
	ended.LastApplied = &workflows.AppliedEvent{AcceptedAt: ended.Since, AppliedAt: ended.Since.Add(time.Second)}
	ended.Outcome = &workflows.CaseOutcome{Status: ended.Status, Source: workflows.NewsByWebhook, EndedAt: ended.Since, FilesWorkflowID: "offload-files/ended"}
	w.temporal.set(ended)
	w.temporal.files["offload-files/ended"] = workflows.CaseFiles{
		Status: workflows.FilesStored, Stored: []workflows.StoredFile{{AttachmentID: "1", Bucket: "s3://files", Key: longText[:200], Size: 4096, SHA256: longText[:64]}},
		Unstored: []workflows.UnstoredFile{{AttachmentID: "2", Name: "b.pdf", Reason: longText[:200]}},
	}
	busy := active("a1")
	busy.StatusReason, busy.Approvals[0].Subject, busy.Runs[0].Reason = longText, longText, longText
	w.temporal.setActivation(busy)
	dead := w.storeDelivery(t, inbox.Delivery{
		Provider: "offload", Lane: "offload-case/w9", Kind: "case.completed", State: inbox.StateDead, Reason: longText[:500],
	}, []byte(`{"event":"`+longText+`"}`))
	b := w.chromium(t)()
	b.open(t, "/")
	require.Empty(t, b.axe(t, axe), "sign-in")
	b.do(t, chromedp.EmulateViewport(390, 800))
	require.Empty(t, evaluate[[]string](t, b, sideways), "sign-in")
	b.signIn(t, annSecret)
	for _, path := range []string{
		"/", "/cases", "/cases/w9", "/cases/hostile", "/cases/none", "/cases/w9/transcript", "/activations", "/activations/crm/a1", "/deliveries", "/deliveries/" + dead,
		"/notices", "/notices/of?source=offload-case/w9", "/health", "/attention", "/cases/ended",
	} {
		for _, scheme := range []string{"light", "dark"} {
			b.scheme(t, scheme)
			b.open(t, path)
			require.Empty(t, b.axe(t, axe), "%s %s", path, scheme)
		}
		b.do(t, chromedp.EmulateViewport(390, 800))
		require.Empty(t, evaluate[[]string](t, b, sideways), path)
		require.Empty(t, evaluate[[]string](t, b, unlabelled), path)
		b.do(t, chromedp.EmulateViewport(1280, 800))
		require.Empty(t, evaluate[[]string](t, b, `violations`), path)
		require.Equal(t, "undefined", evaluate[string](t, b, `typeof owned`), path)
	}

	// What finds nothing is shown to find something.
	b.open(t, "/")
	_ = evaluate[bool](t, b, `document.querySelectorAll(".answer label").forEach((label) => label.remove()), true`)
	require.NotEmpty(t, b.axe(t, axe), "a box without a label")
	_ = evaluate[bool](t, b, `(() => { const s = document.createElement("script"); s.textContent = "owned = 1"; document.head.append(s); return true; })()`)
	b.until(t, `violations.length === 1`)
	require.Equal(t, "undefined", evaluate[string](t, b, `typeof owned`))
	b.do(t, chromedp.EmulateViewport(390, 800))
	_ = evaluate[bool](t, b, `(() => { const p = document.createElement("pre"); p.style.width = "500px"; document.body.append(p); return true; })()`)
	require.Equal(t, []string{"html"}, evaluate[[]string](t, b, sideways))
}

// The cookie is strict, so a link of another site brings none; the page asks itself again, and is then signed in.
func TestInABrowserALinkFromElsewhereLeadsToThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	b := w.chromium(t)()
	b.signIn(t, annSecret)
	b.do(t, chromedp.Navigate("data:text/html,<a id=a href='"+w.url+"/cases/w9'>look</a>"))
	b.click(t, "#a")
	b.shows(t, "Is a signed PDF fine?")
}
