package page_test

import (
	"bytes"
	"cmp"
	"context"
	"image"
	"image/color"
	"image/png"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

// picturesTo names the folder that gets pictures of each view, light and dark: .github has those of the last look. Look at each before you commit it.
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
	take := func(name, path string, width int64) {
		for _, scheme := range []string{"light", "dark"} {
			b.scheme(t, scheme)
			b.do(t, chromedp.EmulateViewport(width, 500))
			if path != "" {
				b.open(t, path)
			}
			ctx, cancel := context.WithTimeout(b.ctx, waitTimeout)
			picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
			cancel()
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(folder, name+"-"+scheme+".png"), small(t, picture), 0o600))
		}
	}
	const wide, phone = 1040, 390
	take("sign-in", "/", wide)
	b.write(t, "#token", "mistyped-token-of-ann")
	b.click(t, ".signin button")
	b.shows(t, "That token is not known")
	take("sign-in-refused", "", wide)

	// A browser leaves this page at once.
	_, again := w.browser(t).send(t, http.MethodGet, "/cases/acme-w9-2048", nil, map[string]string{"Sec-Fetch-Site": "cross-site"})
	again = strings.Replace(again, `http-equiv="refresh"`, "", 1)
	_ = evaluate[bool](t, b, "document.documentElement.innerHTML = "+strconv.Quote(again)+", true")
	b.until(t, "document.fonts.status === 'loaded'")
	take("again", "", wide)
	b.signIn(t, annSecret)
	views := map[string]string{
		"todo": "/", "cases": "/cases", "case": "/cases/acme-w9-2048", "case-uncertain": "/cases/acme-w9-2051", "case-ended": "/cases/acme-w9-1024",
		"transcript": "/cases/acme-w9-2048/transcript", "problem": "/cases/none", "activations": "/activations", "activation": "/activations/crm/a1",
		"deliveries": "/deliveries", "delivery": "/deliveries/" + dead, "notices": "/notices", "notices-of": "/notices/of?source=offload-case/acme-w9-2048",
		"health": "/health", "attention": "/attention",
	}
	for _, name := range slices.Sorted(maps.Keys(views)) {
		take(name, views[name], wide)
	}
	for _, name := range []string{"todo", "case", "cases"} {
		take(name+"-phone", views[name], phone)
	}

	// What a form brings has no address.
	b.do(t, chromedp.EmulateViewport(wide, 500))
	b.open(t, "/deliveries/"+dead)
	b.click(t, "#reveal summary")
	b.click(t, "#reveal button")
	b.shows(t, "The whole body is shown")
	take("delivery-revealed", "", wide)
	b.open(t, "/cases/acme-w9-2048")
	b.write(t, ".answer textarea", "No, on paper.")
	other := w.temporal.get("acme-w9-2048")
	other.Status, other.Attention, other.Question = workflows.CaseInputSent, nil, nil
	other.Since, other.WaitingFor = time.Now(), "The answer is being sent to Offload."
	other.Answers = append(slices.Clone(other.Answers), workflows.Answer{QuestionID: "q1", Text: "Yes, it is.", By: "bob", GivenAt: time.Now()})
	w.temporal.set(other)
	b.click(t, ".answer button")
	b.shows(t, "Your answer was not sent")
	take("case-late-answer", "", wide)

	w.temporal.set(asks("acme-w9-2048"))
	b.open(t, "/cases/acme-w9-2048") // with the text that was not sent
	w.clock.advance(12 * time.Hour)
	b.click(t, ".answer button")
	b.shows(t, "The session has ended, and nothing was sent.")
	b.write(t, "#token", annSecret)
	b.click(t, ".signin button")
	b.shows(t, "You are signed in")
	take("kept", "", wide)
}

// small is a picture with the colours that matter: the most frequent ones, each unlike those before it. Edges of letters take the nearest.
func small(t *testing.T, picture []byte) []byte {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(picture))
	require.NoError(t, err)
	area, count := full.Bounds(), map[color.RGBA]int{}
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(full.At(x, y)).(color.RGBA) }
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			count[at(x, y)]++
		}
	}
	colors := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int {
		return cmp.Or(count[b]-count[a], int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B))
	})
	var palette color.Palette
	for _, one := range colors {
		if len(palette) == 64 {
			break
		}
		if len(palette) < 16 || apart(one, palette[palette.Index(one)].(color.RGBA)) > 40 {
			palette = append(palette, one)
		}
	}
	index := map[color.RGBA]uint8{}
	for _, one := range colors {
		index[one] = uint8(palette.Index(one)) //nolint:gosec // at most 64
	}
	reduced := image.NewPaletted(area, palette)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			reduced.SetColorIndex(x, y, index[at(x, y)])
		}
	}
	var out bytes.Buffer
	require.NoError(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, reduced))
	return out.Bytes()
}

// apart is how much two colours differ: the sum over their channels.
func apart(a, b color.RGBA) int {
	abs := func(a, b uint8) int { return int(max(a, b)) - int(min(a, b)) }
	return abs(a.R, b.R) + abs(a.G, b.G) + abs(a.B, b.B)
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
	ended.CaseID = "c0"
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
		Source: lane, Attention: []string{workflows.AttentionNoticeGivenUp}, WaitingFor: "A person has to resend or dismiss 1 notice that could not be delivered.",
		Notices: []workflows.NoticeRecord{{
			ID: "n1", Kind: workflows.NoticeCaseInputNeeded, Status: workflows.NoticeGivenUp, Attempts: 12, Time: asking.Since,
			To: workflows.Target{WorkflowID: "onboarding/acme"}, LastError: "there is no workflow onboarding/acme",
		}},
	}
	w.storeDelivery(t, inbox.Delivery{Provider: "offload", Lane: lane, Kind: "case.input_needed", State: inbox.StatePending}, []byte(`{}`))
	return w.storeDelivery(t, inbox.Delivery{Provider: "offload", Lane: lane, Kind: "case.completed", State: inbox.StateDead, Reason: "body is not an event: data.caseId is missing"},
		[]byte(`{"event_id":"e7","event_type":"case.completed","timestamp":"2026-03-21T10:00:00Z","data":{"status":"completed","resultSummary":"Ada has signed."}}`))
}
