package dev_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// A person who knows only Temporal's Web UI finds the case with a question in the list by attention, and reads on its page what is asked and how to answer.
func TestInTheWebUIAQuestionIsFoundAndRead(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	asking := startScripted(t, "web-ui-asks", "question", workflows.CaseOptions{})
	silent := startScripted(t, "web-ui-silent", "silent", workflows.CaseOptions{})
	state := inStatus(t, asking, workflows.CaseInputNeeded)
	inStatus(t, silent, workflows.CaseRunning)

	b.open(t, listing(t, "running cases", silent.WorkflowID()))
	b.shows(t, silent.WorkflowID())
	b.open(t, listing(t, "needs a person", asking.WorkflowID()))
	b.shows(t, asking.WorkflowID())
	b.picture(t, "web-ui-list")
	require.False(t, b.holds(t, "document.body.innerText.includes("+strconv.Quote(silent.WorkflowID())+")"), "a case that only waits is not in the list")

	b.click(t, "a", asking.WorkflowID())
	b.click(t, "a", "User Metadata")
	b.shows(t, state.Question.Text)
	b.shows(t, state.Question.ID)
	b.shows(t, workflows.UpdateProvideInput)
	b.picture(t, "web-ui-case")
}

// picturesTo names the folder that gets pictures of the Web UI. Look at each, and cut off what a reader does not need; they
// belong to the README, in .github.
const picturesTo = "SIGNALBOX_TEST_PICTURES"

// The form for updates answers a question.
func TestInTheWebUIAQuestionIsAnswered(t *testing.T) {
	t.Parallel()
	b := openBrowser(t)
	asking := startScripted(t, "web-ui-answered", "question", workflows.CaseOptions{})
	state := inStatus(t, asking, workflows.CaseInputNeeded)
	b.open(t, listing(t, "needs a person", asking.WorkflowID()))
	b.click(t, "a", asking.WorkflowID())
	b.choose(t, visible("button", "More Actions"), visible("[data-testid=update-button]", "Send an Update"))
	b.choose(t, visible("dialog[open] button:has(#update-select)", ""), visible("dialog[open] [role=option]", workflows.UpdateProvideInput))
	const field = `document.querySelector("dialog[open] [contenteditable=true]")`
	answer, err := json.Marshal(workflows.ProvideInput{QuestionID: state.Question.ID, Text: "Yes, a signed PDF is fine.", By: "pat"})
	require.NoError(t, err)
	b.until(t, "(("+field+")?.focus(), document.activeElement === "+field+")")
	b.insert(t, string(answer))
	b.until(t, field+"?.innerText.includes("+strconv.Quote(state.Question.ID)+")")
	b.picture(t, "web-ui-answer")
	b.click(t, "dialog[open] [data-testid=confirm-modal-button]:enabled", "Submit")
	ended := inStatus(t, asking, workflows.CaseCompleted)
	require.Equal(t, "Yes, a signed PDF is fine.", ended.Answers[0].Text)
}

// listing is the address of a view, once Temporal lists the workflow there: the page may ask only once.
func listing(t *testing.T, name, workflowID string) string {
	t.Helper()
	views := shared.Views()
	i := slices.IndexFunc(views, func(v dev.View) bool { return v.Name == name })
	require.GreaterOrEqual(t, i, 0, name)
	testenv.Eventually(t, listedIn(views[i]), func(ids []string) bool { return slices.Contains(ids, workflowID) })
	return views[i].URL
}

// browser is a tab of a real browser.
type browser struct{ ctx context.Context }

// pageWithin bounds the wait for what a page is to show: the Web UI is large, and asks the server again and again.
const pageWithin = 5 * time.Minute

func openBrowser(t *testing.T) browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(testenv.Program(t, "chromium", "chromium")), chromedp.NoSandbox, chromedp.WSURLReadTimeout(pageWithin))
	allocated, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, closeBrowser := chromedp.NewContext(allocated)
	t.Cleanup(closeBrowser)
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(1400, 1000)))
	return browser{ctx}
}

func (b browser) open(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, pageWithin)
	defer cancel()
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(url)))
}

// insert writes a text where the focus is.
func (b browser) insert(t *testing.T, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, pageWithin)
	defer cancel()
	require.NoError(t, chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, input.InsertText, input.InsertTextParams{Text: text})
		return err
	})))
}

// holds evaluates a condition once.
func (b browser) holds(t *testing.T, condition string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, pageWithin)
	defer cancel()
	holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+condition+")"))
	require.NoError(t, err, condition)
	return holds
}

// until waits for a condition; the page may change meanwhile.
func (b browser) until(t *testing.T, condition string) {
	t.Helper()
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(b.ctx, pageWithin)
		defer cancel()
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+condition+")"))
		return err == nil && holds
	}, pageWithin, 100*time.Millisecond, condition)
}

// shows waits for a text, on the page or in a frame of it: Markdown stands in one.
func (b browser) shows(t *testing.T, text string) {
	t.Helper()
	b.until(t, `[document, ...[...document.querySelectorAll("iframe")].map((f) => f.contentDocument)].some((d) => d?.body?.innerText.includes(`+
		strconv.Quote(text)+`))`)
}

// visible is an expression for the first visible element with a text. The Web UI also has an invisible copy of its buttons, for narrow windows, which opens
// invisible dialogs.
func visible(selector, text string) string {
	return `[...document.querySelectorAll(` + strconv.Quote(selector) + `)].find((e) =>
		e.checkVisibility({visibilityProperty: true}) && e.innerText.includes(` + strconv.Quote(text) + `))`
}

// click clicks the first visible element with a text once it is there.
func (b browser) click(t *testing.T, selector, text string) {
	t.Helper()
	b.until(t, `(() => {
		const found = `+visible(selector, text)+`;
		found?.click();
		return found;
	})()`)
}

// choose clicks an option of the list that a button opens. The button is clicked again where the page has closed the list meanwhile, as it does
// when it draws itself again.
func (b browser) choose(t *testing.T, button, option string) {
	t.Helper()
	b.until(t, `(() => {
		const option = `+option+`;
		if (option) {
			option.click();
			return true;
		}
		const button = `+button+`;
		if (button?.getAttribute("aria-expanded") === "false") {
			button.click();
		}
		return false;
	})()`)
}

// picture takes a picture where one is asked for.
func (b browser) picture(t *testing.T, name string) {
	t.Helper()
	folder := os.Getenv(picturesTo)
	if folder == "" {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, pageWithin)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o600))
}
