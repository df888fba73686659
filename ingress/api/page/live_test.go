package page_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

const newsText = `document.getElementById("news").textContent`

// One page holds twenty items: a more urgent one pushes the last out, which is not done.
func TestInABrowserAnEntryThatLeavesThePageIsNotCalledDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.fill(20)
	b := w.chromium(t)()
	b.signIn(t, annSecret)
	b.write(t, fmt.Sprintf(`form[action="/cases/%s/answer"] textarea`, "q19"), "No, on paper.")
	require.False(t, evaluate[bool](t, b, `!!document.querySelector("a[rel=next]")`))
	urgent := asks("urgent")
	urgent.Since = urgent.Since.Add(-time.Hour)
	w.temporal.set(urgent)
	b.shows(t, "This item is not on this page of the list any more. What you wrote is kept.")
	require.Equal(t, "The list has changed.", evaluate[string](t, b, newsText))
	b.shows(t, "Next page")
	require.Equal(t, "No, on paper.", evaluate[string](t, b, `document.querySelector("form[action='/cases/q19/answer'] textarea").value`))

	// It comes back when there is room, and then there is nothing to say of it.
	urgent.Status, urgent.Attention, urgent.Question = workflows.CaseInputSent, nil, nil
	w.temporal.set(urgent)
	b.until(t, `!document.querySelector(".meanwhile") && !document.querySelector("a[rel=next]")`)
	require.Equal(t, "No, on paper.", evaluate[string](t, b, `document.querySelector("form[action='/cases/q19/answer'] textarea").value`))
}

func TestInABrowserADeliveryThatCanNotBeReadIsNotCalledDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	dead := w.storeDelivery(t, inbox.Delivery{Provider: "offload", Lane: "offload-case/w9", Kind: "case.completed", State: inbox.StateDead}, []byte(`{}`))
	b := w.chromium(t)()
	b.signIn(t, annSecret)
	b.until(t, `document.querySelector("main a[href='/deliveries/`+dead+`']")`)
	w.inboxGone.Store(true)
	b.shows(t, "Deliveries are missing from this list")
	b.until(t, `!document.querySelector("main a[href='/deliveries/`+dead+`']")`)
	require.Equal(t, "The list has changed.", evaluate[string](t, b, newsText))
	w.inboxGone.Store(false)
	b.until(t, `document.querySelector("main a[href='/deliveries/`+dead+`']")`)
	b.until(t, `!document.body.innerText.includes("Deliveries are missing")`)
}

// In the list, too, what was written for one question is not sent for the next.
func TestInABrowserTheListSaysThatTheQuestionChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	b := w.chromium(t)()
	b.signIn(t, annSecret)
	b.write(t, ".answer textarea", "No, on paper.")
	next := asks("w9")
	next.Question = &workflows.Question{ID: "q2", Text: "By Friday?"}
	w.temporal.set(next)
	b.shows(t, "The question is not open any more.")
	require.Equal(t, "No, on paper.", evaluate[string](t, b, `document.querySelector(".answer textarea").value`))
}

// An open form keeps its item, but only a text is said to be kept.
func TestInABrowserAMarkSpeaksOfATextOnlyWhereThereIsOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	b := w.chromium(t)()
	b.signIn(t, annSecret)
	b.click(t, "details summary")
	ended := asks("w9")
	ended.Status, ended.Attention, ended.Question = workflows.CaseCancelled, nil, nil
	w.temporal.set(ended)
	b.shows(t, "This was dealt with meanwhile, by another person or by itself.")
	require.NotContains(t, evaluate[string](t, b, "document.body.innerText"), "What you wrote")
	b.write(t, ".answer textarea", "No, on paper.")
	b.shows(t, "by itself. What you wrote is kept; send it to see who answered.")
}

func TestInABrowserASecondClickSendsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	b := w.chromium(t)()
	b.signIn(t, annSecret)
	b.write(t, ".answer textarea", "Yes.")
	require.Equal(t, []string{"sent", "", "stopped", "It is being sent."}, evaluate[[]string](t, b, `(() => {
		const seen = [], form = document.querySelector(".answer");
		addEventListener("submit", (event) => { seen.push(event.defaultPrevented ? "stopped" : "sent", `+newsText+`); });
		form.requestSubmit();
		form.requestSubmit();
		return seen;
	})()`))
	b.shows(t, "The answer was taken")
	require.Equal(t, []string{"provide-input by ann"}, w.temporal.acts())
}

// A page that brings itself up to date in an empty room is no use of the session.
func TestInABrowserASessionEndsWhileItsTabIsOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	b := w.chromium(t)()
	b.signIn(t, annSecret)
	w.clock.advance(90 * time.Minute)
	w.temporal.set(asks("second"))
	b.shows(t, "1 new")
	w.clock.advance(45 * time.Minute)
	b.shows(t, "The session has ended.")
}

// Without JavaScript the form to sign in carries the text on, and the text is shown once more after it.
func TestInABrowserWithoutJavaScriptATextSurvivesAMistypedToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	b := w.chromium(t)()
	b.withoutJavaScript(t)
	b.signIn(t, annSecret)
	b.open(t, "/cases/w9")
	b.write(t, ".answer textarea", "Half an hour of work.")
	w.clock.advance(12 * time.Hour)
	b.click(t, ".answer button")
	for _, says := range []string{"The session has ended, and nothing was sent.", "That token is not known"} {
		b.shows(t, says)
		require.Equal(t, "Half an hour of work.", evaluate[string](t, b, `document.querySelector("#kept").value`))
		if says == "That token is not known" {
			break
		}
		b.write(t, "#token", "mistyped-token-of-ann")
		b.click(t, ".signin button")
	}
	b.write(t, "#token", annSecret)
	b.click(t, ".signin button")
	b.shows(t, "You are signed in")
	require.Equal(t, "Half an hour of work.", evaluate[string](t, b, `document.querySelector("#kept").value`))
	b.click(t, "main .button")
	b.shows(t, "Is a signed PDF fine?")
}

// The page of a delivery says by itself that it was replayed.
func TestInABrowserADeliveryIsUpToDate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	dead := w.storeDelivery(t, inbox.Delivery{Provider: "offload", Lane: "offload-case/w9", Kind: "case.completed", State: inbox.StateDead}, []byte(`{}`))
	b := w.chromium(t)()
	b.signIn(t, annSecret)
	b.open(t, "/deliveries/"+dead)
	b.shows(t, "Dead")
	_, _ = w.signedIn(t, bobSecret).post(t, "/deliveries/"+dead+"/replay", nil)
	b.shows(t, "Pending")
}
