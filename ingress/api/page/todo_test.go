package page_test

import (
	"fmt"
	"html"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

// fill makes a list of more than one page: questions that were asked an hour ago, one after another.
func (w *world) fill(n int) {
	for i := range n {
		one := asks(fmt.Sprintf("q%02d", i))
		one.Since = one.Since.Add(time.Duration(i) * time.Second)
		w.temporal.set(one)
	}
}

func link(t *testing.T, body, text string) string {
	t.Helper()
	found := regexp.MustCompile(`href="([^"]+)"[^>]*>` + text + `<`).FindStringSubmatch(body)
	require.NotEmpty(t, found, "%s in %s", text, body)
	return html.UnescapeString(found[1])
}

// After an outage dead deliveries fill the first page; questions alone can be asked for, on all their pages.
func TestQuestionsAreListedAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.fill(21)
	w.temporal.set(uncertain("u1"))
	b := w.signedIn(t, annSecret)
	_, body := b.get(t, "/")
	require.Contains(t, body, "22 items")
	_, body = b.get(t, link(t, body, "Questions only"))
	require.Contains(t, body, "21 items")
	require.NotContains(t, body, "Back to the beginning")
	_, body = b.get(t, link(t, body, "Next page"))
	require.Contains(t, body, "21 items")
	require.Contains(t, body, "/cases/q20")
	require.NotContains(t, body, "/cases/u1")
	_, body = b.get(t, link(t, body, "Back to the beginning"))
	require.Contains(t, body, "21 items")
	_, body = b.get(t, link(t, body, "All kinds"))
	require.Contains(t, body, "22 items")
}

// A token for cases sees the notices of a case, and sends them again only if it may change the case.
func TestACaseShowsItsNoticesToATokenForCases(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	w.temporal.setActivation(active("a1"))
	for _, source := range []string{"offload-case/w9", "artmail-activation/crm/a1"} {
		w.temporal.notices["notify/"+source] = workflows.NotifyState{Source: source, Notices: []workflows.NoticeRecord{
			{ID: "n1", Status: workflows.NoticeGivenUp, To: workflows.Target{Callback: "finance"}},
		}}
	}
	_, body := w.signedIn(t, caseSecret).get(t, "/cases/w9")
	require.Contains(t, body, "finance")
	require.Contains(t, body, `action="/notices/resend"`)
	_, body = w.signedIn(t, mixedSecret).get(t, "/cases/w9")
	require.Contains(t, body, "finance")
	require.NotContains(t, body, `action="/notices/resend"`)
	_, body = w.signedIn(t, mixedSecret).get(t, "/activations/crm/a1")
	require.Contains(t, body, `action="/notices/resend"`)
}

// A token for cases gets the cases of the list; leftOut names what it does not get.
func TestTheListHasWhatTheTokenMaySee(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.temporal.set(asks("w9"))
	w.temporal.setActivation(active("a1"))
	w.storeDelivery(t, inbox.Delivery{Provider: "offload", Lane: "offload-case/w9", Kind: "case.completed", State: inbox.StateDead}, []byte(`{}`))
	_, body := w.signedIn(t, caseSecret).get(t, "/")
	require.Contains(t, body, "Is a signed PDF fine?")
	require.Contains(t, body, "1 item.")
	require.Contains(t, body, "Without activations and deliveries")
	_, body = w.signedIn(t, readSecret).get(t, "/")
	require.Contains(t, body, "3 items")
	require.NotContains(t, body, "Without ")
}
