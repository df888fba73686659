package page_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

// picturesTo names the folder that gets a picture of each view, light and dark. Look at each; those of the to-do list and of a case belong to the
// README, in .github.
const picturesTo = "SIGNALBOX_TEST_PICTURES"

func TestPicturesOfEachView(t *testing.T) {
	t.Parallel()
	folder := os.Getenv(picturesTo) //nolint:forbidigo // a person asks for pictures in the environment
	if folder == "" {
		t.Skipf("on demand: set %s to a folder", picturesTo)
	}
	w := newWorld(t, true)
	asking := asks("acme-w9-2048")
	asking.WaitingFor, asking.EventsApplied = "an answer to the open question", 2
	asking.Facts.CreatedAt, asking.Facts.AttemptCount = asking.Since.Add(-time.Hour), 2
	asking.Answers = []workflows.Answer{{QuestionID: "q0", Text: "By Friday, please.", By: "bob", GivenAt: asking.Since.Add(-20 * time.Minute), Result: workflows.InputAccepted}}
	w.temporal.set(asking)
	w.temporal.set(uncertain("acme-w9-2051"))
	w.temporal.setActivation(active("a1"))
	w.temporal.notices["notify/offload-case/acme-w9-2048"] = workflows.NotifyState{
		Source: "offload-case/acme-w9-2048", Attention: []string{workflows.AttentionNoticeGivenUp},
		Notices: []workflows.NoticeRecord{{
			ID: "n1", Kind: workflows.NoticeCaseInputNeeded, Status: workflows.NoticeGivenUp, Attempts: 12, Time: asking.Since,
			LastError: "there is no workflow onboarding/acme",
		}},
	}
	const lane = "offload-case/acme-w9-2048"
	w.storeDelivery(t, inbox.Delivery{Provider: "offload", Lane: lane, Kind: "case.input_needed", State: inbox.StatePending}, []byte(`{}`))
	dead := w.storeDelivery(t, inbox.Delivery{Provider: "offload", Lane: lane, Kind: "case.completed", State: inbox.StateDead, Reason: "the body is not JSON"},
		[]byte(`{"event":"case.completed","caseId":"c1","timestamp":"2026-03-21T10:00:00Z"}`))
	b := w.chromium(t)()
	b.do(t, chromedp.EmulateViewport(1040, 800))
	take := func(name, path string) {
		for _, scheme := range []string{"light", "dark"} {
			b.scheme(t, scheme)
			b.open(t, path)
			ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
			picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
			cancel()
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(folder, name+"-"+scheme+".png"), picture, 0o600))
		}
	}
	take("sign-in", "/")
	b.signIn(t, annSecret)
	for name, path := range map[string]string{
		"todo": "/", "cases": "/cases", "case": "/cases/acme-w9-2048", "transcript": "/cases/acme-w9-2048/transcript", "problem": "/cases/none",
		"activations": "/activations", "activation": "/activations/crm/a1", "deliveries": "/deliveries", "delivery": "/deliveries/" + dead,
		"notices": "/notices", "notices-of": "/notices/of?source=" + lane, "health": "/health", "attention": "/attention",
	} {
		take(name, path)
	}
}
