package page_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// From the sign-in over the list to the answered question with keys alone; what has the focus is seen at each step.
func TestInABrowserTheKeyboardIsEnough(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	open := w.chromium(t)
	for _, scheme := range []string{"light", "dark"} {
		reference := "w9-" + scheme
		w.temporal.set(asks(reference))
		b := open()
		b.scheme(t, scheme)
		b.open(t, "/")
		b.until(t, `document.activeElement.id === "token"`)
		require.Empty(t, b.unseen(t))
		b.press(t, annSecret+enter)
		b.shows(t, "Is a signed PDF fine?")

		// The first stop leads past the menu.
		b.press(t, tabKey)
		require.Equal(t, "Skip to the content", evaluate[string](t, b, `document.activeElement.innerText`))
		require.Empty(t, b.unseen(t))
		b.press(t, enter)
		b.tabTo(t, "main a")

		b.open(t, "/")
		b.tabTo(t, `.top a[href="/cases"]`)
		b.press(t, enter)
		b.until(t, `document.querySelector("h1")?.innerText === "Cases"`)
		b.tabTo(t, `a[href="/cases/`+reference+`"]`)
		b.press(t, enter)
		b.shows(t, "Open question")
		b.tabTo(t, ".answer textarea")
		b.press(t, "Yes.")
		b.tabTo(t, ".answer button")
		b.press(t, enter)
		b.shows(t, "The answer was taken")
		require.Equal(t, "Yes.", w.temporal.get(reference).Answers[0].Text)

		// What could do harm opens first, and asks why.
		b.tabTo(t, "summary")
		b.press(t, " ")
		b.tabTo(t, "[name=reason]")
		b.press(t, "No need."+tabKey+enter)
		b.shows(t, "The case was cancelled.")
		require.Equal(t, "No need.", w.temporal.get(reference).Outcome.Reason)

		b.tabTo(t, ".who button")
		b.press(t, enter)
		b.until(t, `document.querySelector("h1")?.innerText === "Sign in"`)
	}
	require.Equal(t, []string{"provide-input by ann", "cancel by ann", "provide-input by ann", "cancel by ann"}, w.temporal.acts())
}

// On each page the Tab key reaches all that can be used, in the order of the page.
func TestInABrowserTabReachesEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	w.temporal.set(uncertain("u1"))
	w.temporal.setActivation(active("a1"))
	dead := w.storeDelivery(t, inbox.Delivery{Provider: "offload", Lane: "offload-case/w9", Kind: "case.completed", State: inbox.StateDead}, []byte(`{"event":"x"}`))
	b := w.chromium(t)()
	b.signIn(t, annSecret)
	for _, path := range []string{
		"/", "/cases", "/cases/w9", "/cases/u1", "/cases/none", "/activations", "/activations/crm/a1", "/deliveries", "/deliveries/" + url.PathEscape(dead), "/notices", "/health",
	} {
		b.open(t, path)
		for at := range int(evaluate[float64](t, b, usable+".length")) {
			b.next(t)
			require.Equal(t, float64(at), evaluate[float64](t, b, usable+".indexOf(document.activeElement)"), "%s: %s", path,
				evaluate[string](t, b, "document.activeElement.outerHTML"))
			require.Empty(t, b.unseen(t), path)
		}
	}

	// What finds nothing is shown to find something.
	b.open(t, "/")
	b.tabTo(t, ".top a")
	_ = evaluate[float64](t, b, `document.styleSheets[0].insertRule(":focus-visible { outline: none !important; }", document.styleSheets[0].cssRules.length)`)
	require.NotEmpty(t, b.unseen(t), "no outline")
}

const tabKey, enter = "\t", "\r"

// usable is all of a page that a person can use or scroll now, in its order.
const usable = `[...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")].filter((e) => e.type !== "hidden" && e.checkVisibility())`

// next presses Tab until something else has the focus: the box of a time has several stops.
func (b *tab) next(t *testing.T) {
	t.Helper()
	_ = evaluate[bool](t, b, `window.before = document.activeElement, true`)
	for range 12 {
		b.press(t, tabKey)
		if evaluate[bool](t, b, `document.activeElement !== window.before`) {
			return
		}
	}
	require.Fail(t, "the focus is caught", evaluate[string](t, b, "document.activeElement.outerHTML"))
}

// tabTo presses Tab until the focus is at the selector.
func (b *tab) tabTo(t *testing.T, selector string) {
	t.Helper()
	for range 60 {
		b.next(t)
		if evaluate[bool](t, b, `document.activeElement === document.body`) {
			continue // behind the last stop the page begins again
		}
		require.Empty(t, b.unseen(t))
		if evaluate[bool](t, b, "document.activeElement.matches(`"+selector+"`)") {
			return
		}
	}
	require.Fail(t, "Tab does not lead to "+selector)
}

// unseen says why a person would not see what has the focus; empty where it is seen: in the window, not covered, with an outline of two pixels or more
// whose contrast with the page's ground is 3:1 or more (WCAG 2.4.7 and 1.4.11).
func (b *tab) unseen(t *testing.T) string {
	t.Helper()
	return evaluate[string](t, b, `(() => {
		const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
		if (e === document.body) return "nothing has the focus";
		if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) return "no outline: " + e.outerHTML;
		const light = (color) => {
			const [r, g, b] = color.match(/[\d.]+/g).map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
			return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
		};
		const line = light(style.outlineColor), ground = light(getComputedStyle(document.body).backgroundColor);
		if (Math.max(line, ground) / Math.min(line, ground) < 3) return "a pale outline: " + style.outlineColor;
		const x = Math.max(box.left, 0) + Math.min(box.width, innerWidth) / 2, y = Math.max(box.top, 0) + Math.min(box.height, innerHeight - Math.max(box.top, 0)) / 2;
		const there = document.elementFromPoint(x, y);
		return there && (e.contains(there) || there.contains(e)) ? "" : "covered or outside the window: " + e.outerHTML;
	})()`)
}
