package page_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdpage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// tab is a tab of a real browser, with cookies that no other tab has.
type tab struct {
	ctx context.Context
	url string
}

// waitTimeout bounds every wait for the browser.
const waitTimeout = 5 * time.Minute

// chromium starts a browser for one test. Each call of the result opens a tab.
func (w *world) chromium(t *testing.T) func() *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(testenv.Program(t, "chromium", "chromium")), chromedp.NoSandbox, chromedp.WSURLReadTimeout(waitTimeout))
	allocated, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	browser, closeBrowser := chromedp.NewContext(allocated)
	t.Cleanup(closeBrowser)
	require.NoError(t, chromedp.Do(browser, chromedp.Navigate("about:blank")))
	return func() *tab {
		ctx, closeTab := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
		t.Cleanup(closeTab)
		// What the policy forbids is noted before a page can do anything.
		require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(1280, 800), chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, cdpage.AddScriptToEvaluateOnNewDocument, cdpage.AddScriptToEvaluateOnNewDocumentParams{
				Source: `window.violations = []; document.addEventListener("securitypolicyviolation", (e) => violations.push(e.violatedDirective + " " + e.blockedURI));`,
			})
			return err
		})))
		return &tab{ctx: ctx, url: w.url}
	}
}

func (b *tab) do(t *testing.T, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, waitTimeout)
	defer cancel()
	require.NoError(t, chromedp.Do(ctx, actions...))
}

func (b *tab) open(t *testing.T, path string) {
	t.Helper()
	b.do(t, chromedp.Navigate(b.url+path))
}

func (b *tab) click(t *testing.T, selector string) {
	t.Helper()
	b.do(t, chromedp.Click(chromedp.CSS(selector)))
}

func (b *tab) write(t *testing.T, selector, text string) {
	t.Helper()
	b.do(t, chromedp.SendKeys(chromedp.CSS(selector), text))
}

// press presses keys where the focus is.
func (b *tab) press(t *testing.T, keys string) {
	t.Helper()
	b.do(t, chromedp.KeyEvent(keys))
}

func evaluate[T any](t *testing.T, b *tab, expression string, options ...chromedp.EvaluateOption) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, waitTimeout)
	defer cancel()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, options...))
	require.NoError(t, err, expression)
	return got
}

// until waits for a condition; pages may change meanwhile.
func (b *tab) until(t *testing.T, condition string) {
	t.Helper()
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
		defer cancel()
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+condition+")"))
		return err == nil && holds
	}, waitTimeout, 50*time.Millisecond, condition)
}

// shows waits for a text.
func (b *tab) shows(t *testing.T, text string) {
	t.Helper()
	b.until(t, "document.body && document.body.innerText.includes("+strconv.Quote(text)+")")
}

func (b *tab) signIn(t *testing.T, secret string) {
	t.Helper()
	b.open(t, "/")
	b.write(t, "#token", secret)
	b.click(t, ".signin button")
	b.until(t, `document.querySelector("h1")?.innerText === "To do"`)
}

// framed is what a signed-in person sees of an address in a frame of another page.
func (w *world) framed(t *testing.T, address string) string {
	t.Helper()
	around := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(rw, "<!doctype html><iframe src=%q></iframe>", address)
	}))
	t.Cleanup(around.Close)
	b := w.chromium(t)()
	b.signIn(t, annSecret)
	b.do(t, chromedp.Navigate(around.URL))
	var text string
	b.do(t, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		tree, err := cdp.Call(ctx, target, cdpage.GetFrameTree, cdp.Empty{})
		if err != nil {
			return err
		}
		if len(tree.FrameTree.ChildFrames) != 1 {
			return errors.New("there is no frame")
		}
		inside, err := cdp.Call(ctx, target, cdpage.CreateIsolatedWorld, cdpage.CreateIsolatedWorldParams{FrameID: tree.FrameTree.ChildFrames[0].Frame.ID})
		if err != nil {
			return err
		}
		seen, err := cdp.Call(ctx, target, runtime.Evaluate, runtime.EvaluateParams{Expression: "document.body.innerText", ContextID: inside.ExecutionContextID})
		if err != nil {
			return err
		}
		return json.Unmarshal(seen.Result.Value, &text)
	}))
	return text
}

func (b *tab) withoutJavaScript(t *testing.T) {
	t.Helper()
	b.do(t, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
}

// scheme is "light" or "dark". It is there at once: nothing moves.
func (b *tab) scheme(t *testing.T, scheme string) {
	t.Helper()
	b.do(t, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		return err
	}))
}

// axe returns the serious faults that axe-core finds in the page.
func (b *tab) axe(t *testing.T, source string) []string {
	t.Helper()
	_ = evaluate[bool](t, b, source+"; true")
	return evaluate[[]string](t, b, `axe.run(document, {resultTypes: ["violations"]}).then((found) => found.violations
		.filter((v) => ["serious", "critical"].includes(v.impact)).map((v) => v.id + ": " + v.nodes.map((n) => n.target.join(" ")).join(", ")))`, chromedp.EvalAwaitPromise)
}

func axeSource(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("..", "..", "..", ".ci", "page", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		testenv.Missing(t, "node", fmt.Sprintf("run `npm ci` in .ci/page: %v", err))
	}
	return string(source)
}
