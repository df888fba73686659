package page_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

// picturesTo names the folder that gets pictures of each view, light and dark, as wide as a desk and as a phone. Look at each; those of the to-do
// list and of a case belong to the README, in .github.
const picturesTo = "SIGNALBOX_TEST_PICTURES"

func TestPicturesOfEachView(t *testing.T) {
	t.Parallel()
	folder := os.Getenv(picturesTo) //nolint:forbidigo // a person asks for pictures in the environment
	if folder == "" {
		t.Skipf("on demand: set %s to a folder", picturesTo)
	}
	w := newWorld(t, true)
	dead := w.pictured(t)
	b := w.chromium(t)()
	take := func(name, path string) {
		for kind, width := range map[string]int64{"": 1040, "phone-": 390} {
			for _, scheme := range []string{"light", "dark"} {
				b.scheme(t, scheme)
				b.do(t, chromedp.EmulateViewport(width, 800))
				if path != "" {
					b.open(t, path)
				}
				ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
				picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
				cancel()
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(filepath.Join(folder, name+"-"+kind+scheme+".png"), picture, 0o600))
			}
		}
	}
	take("sign-in", "/")
	b.write(t, "#token", "a-wrong-token-of-ann")
	b.click(t, ".signin button")
	b.shows(t, "That token is not known")
	take("sign-in-refused", "")
	b.signIn(t, annSecret)
	views := map[string]string{
		"todo": "/", "cases": "/cases", "case": "/cases/acme-w9-2048", "case-uncertain": "/cases/acme-w9-2051", "case-ended": "/cases/acme-w9-1024",
		"transcript": "/cases/acme-w9-2048/transcript", "problem": "/cases/none", "activations": "/activations", "activation": "/activations/crm/a1",
		"deliveries": "/deliveries", "delivery": "/deliveries/" + dead, "notices": "/notices", "notices-of": "/notices/of?source=offload-case/acme-w9-2048",
		"health": "/health", "attention": "/attention", "nothing-fits": "/cases?attention=conflict",
	}
	for _, name := range slices.Sorted(maps.Keys(views)) {
		take(name, views[name])
	}

	// What a form brings has no address.
	b.open(t, "/deliveries/"+dead)
	b.click(t, "#reveal summary")
	take("delivery-reveal", "")
	b.click(t, "#reveal button")
	b.shows(t, "The whole body is shown")
	take("delivery-revealed", "")
	b.open(t, "/deliveries")
	_ = evaluate[bool](t, b, `document.querySelectorAll("details").forEach((details) => details.open = true), true`)
	take("deliveries-open", "")
	b.open(t, "/cases/acme-w9-2048")
	b.write(t, ".answer textarea", "No, on paper.")
	other := w.temporal.get("acme-w9-2048")
	other.Status, other.Attention, other.Question = workflows.CaseInputSent, nil, nil
	other.Answers = append(slices.Clone(other.Answers), workflows.Answer{QuestionID: "q1", Text: "Yes, it is.", By: "bob", GivenAt: time.Now()})
	w.temporal.set(other)
	b.shows(t, "The question is not open any more")
	take("case-meanwhile", "")
	b.click(t, ".answer button")
	b.shows(t, "Your answer was not sent")
	take("case-late-answer", "")
}

// pictured fills the world with something for each view. It returns the ID of a dead delivery.
func (w *world) pictured(t *testing.T) string {
	t.Helper()
	asking := asks("acme-w9-2048")
	asking.WaitingFor, asking.EventsApplied = "A person has to answer question `q1`.", 2
	asking.Facts.CreatedAt, asking.Facts.AttemptCount = asking.Since.Add(-time.Hour), 2
	asking.Answers = []workflows.Answer{{QuestionID: "q0", Text: "By Friday, please.", By: "bob", GivenAt: asking.Since.Add(-20 * time.Minute), Result: workflows.InputAccepted}}
	w.temporal.set(asking)
	w.temporal.set(uncertain("acme-w9-2051"))
	ended := asks("acme-w9-1024")
	ended.Status, ended.Attention, ended.Question = workflows.CaseCompleted, []string{workflows.AttentionFileNotStored}, nil
	ended.EventsApplied, ended.Facts.CreatedAt = 2, ended.Since.Add(-26*time.Hour)
	ended.Facts.Attachments = []workflows.Attachment{{ID: "1", Name: "W-9 signed.pdf", Size: 204_800}, {ID: "2", Name: "cover letter.docx", Size: 51_200}}
	ended.LastApplied = &workflows.AppliedEvent{AcceptedAt: ended.Since, AppliedAt: ended.Since.Add(84 * time.Millisecond)}
	ended.Outcome = &workflows.CaseOutcome{
		Status: ended.Status, ResultStatus: "goal_achieved", Source: workflows.NewsByWebhook, EndedAt: ended.Since, FilesWorkflowID: "offload-files/acme-w9-1024",
		ResultIs: workflows.ResultInline, Facts: workflows.CaseFacts{Result: []byte(`{"form":"W-9","signed":true,"signedOn":"2026-03-20"}`)},
	}
	w.temporal.set(ended)
	w.temporal.files["offload-files/acme-w9-1024"] = workflows.CaseFiles{
		Status: workflows.FilesStored, Attention: ended.Attention, Unstored: []workflows.UnstoredFile{{AttachmentID: "2", Name: "cover letter.docx", Reason: "the download stalled for 30s"}},
		Stored: []workflows.StoredFile{{
			AttachmentID: "1", Bucket: "s3://acme-files", Key: "acme-w9-1024/attachments/1/W-9 signed.pdf", Size: 204_800,
			SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		}},
	}
	w.temporal.setActivation(active("a1"))
	const lane = "offload-case/acme-w9-2048"
	w.temporal.notices["notify/"+lane] = workflows.NotifyState{
		Source: lane, Attention: []string{workflows.AttentionNoticeGivenUp},
		Notices: []workflows.NoticeRecord{{
			ID: "n1", Kind: workflows.NoticeCaseInputNeeded, Status: workflows.NoticeGivenUp, Attempts: 12, Time: asking.Since,
			To: workflows.Target{WorkflowID: "onboarding/acme"}, LastError: "there is no workflow onboarding/acme",
		}},
	}
	w.storeDelivery(t, inbox.Delivery{Provider: "offload", Lane: lane, Kind: "case.input_needed", State: inbox.StatePending}, []byte(`{}`))
	return w.storeDelivery(t, inbox.Delivery{Provider: "offload", Lane: lane, Kind: "case.completed", State: inbox.StateDead, Reason: "the body is not JSON"},
		[]byte(`{"event":"case.completed","caseId":"c1","timestamp":"2026-03-21T10:00:00Z","summary":"Ada has signed."}`))
}
