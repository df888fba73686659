package sealtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/dev"
	"github.com/signalbox-dev/signalbox/workflows"
)

// patience bounds every wait: on a busy machine a browser and the Web UI take minutes.
const patience = 5 * time.Minute

// chromium starts a browser for one test. Each call of the result opens a tab with cookies that no other has.
func chromium(t *testing.T) func() context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		missing(t, "chromium", "install Debian's package chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox)
	allocated, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	browser, closeBrowser := chromedp.NewContext(allocated)
	t.Cleanup(closeBrowser)
	require.NoError(t, chromedp.Do(browser, chromedp.Navigate("about:blank")))
	return func() context.Context {
		tab, closeTab := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
		t.Cleanup(closeTab)
		// A tab ends with the context of its first action.
		require.NoError(t, chromedp.Do(tab, chromedp.EmulateViewport(1280, 1600)))
		return tab
	}
}

func open(t *testing.T, tab context.Context, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(tab, patience)
	defer cancel()
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(address)))
}

// shows waits for a text of the page and returns all of it, as a person would copy it.
func shows(t *testing.T, tab context.Context, text string) string {
	t.Helper()
	var page string
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(tab, time.Minute)
		defer cancel()
		all, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText + " " + [...document.querySelectorAll(".cm-content, pre, code")].map((e) => e.textContent).join(" ")`))
		if page = all; err != nil {
			page = err.Error()
		}
		return err == nil && strings.Contains(page, text)
	}, patience, 100*time.Millisecond, "the page does not show %q but:\n%.3000s", text, laterText{&page})
	return page
}

// laterText is shown as it is when a message is written.
type laterText struct{ text *string }

func (l laterText) String() string { return *l.text }

// inputOf is the Web UI's page of a workflow, which shows its input and result.
func inputOf(ui, workflowID string) string {
	return ui + "/namespaces/default/workflows/" + url.PathEscape(workflowID)
}

func TestTheWebUIShowsPlainTextThroughTheCodecServer(t *testing.T) {
	t.Parallel()
	p := stories(t)
	tab := chromium(t)()
	open(t, tab, inputOf(shared.UIURL(), p.answered))
	page := shows(t, tab, "zebra.objective")
	require.Contains(t, page, "The counterparty confirmed", "the result")
	// Also where the Web UI is reached by its other name.
	open(t, tab, inputOf(strings.Replace(shared.UIURL(), "127.0.0.1", "localhost", 1), p.refused))
	shows(t, tab, "zebra.refused")
}

// withoutCodec is a Web UI as it is without a codec server.
func withoutCodec(ui *url.URL) http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(ui)
			r.Out.Header.Del("Accept-Encoding")
		},
		ModifyResponse: func(r *http.Response) error {
			if !strings.HasSuffix(r.Request.URL.Path, "/settings") {
				return nil
			}
			var settings map[string]any
			if err := json.NewDecoder(r.Body).Decode(&settings); err != nil {
				return err
			}
			settings["Codec"] = map[string]any{}
			body, err := json.Marshal(settings)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
			return err
		},
	}
	return proxy
}

func TestTheWebUIShowsNothingWithoutTheCodecServer(t *testing.T) {
	t.Parallel()
	p := stories(t)
	// The same Web UI, whose settings name no codec server.
	ui, err := url.Parse(shared.UIURL())
	require.NoError(t, err)
	without := httptest.NewServer(withoutCodec(ui))
	t.Cleanup(without.Close)
	tab := chromium(t)()
	for _, id := range []string{p.answered, p.refused, p.activation} {
		open(t, tab, inputOf(without.URL, id))
		page := shows(t, tab, "binary/encrypted")
		for _, text := range planted {
			require.NotContains(t, page, text, id)
		}
	}
}

// The codec server lets those in who are signed in on the page: their browser sends its cookie, since both are on one site.
func TestTheWebUIShowsPlainTextToThoseWhoAreSignedIn(t *testing.T) {
	t.Parallel()
	const reader, other = "token-of-a-reader-of-payloads", "token-of-a-reader-of-cases"
	folder := t.TempDir()
	tokens := filepath.Join(folder, "tokens.yaml")
	require.NoError(t, os.WriteFile(tokens, []byte(`
- {name: ann, token: `+reader+`, scopes: ["cases:read", "payloads:read"]}
- {name: bob, token: `+other+`, scopes: ["cases:read"]}
`), 0o600))
	in, err := dev.Start(t.Context(), dev.Options{
		Data: filepath.Join(folder, "data"), Listen: anyPort, InternalListen: anyPort, Temporal: anyPort, UI: anyPort, Simulators: anyPort,
		Pace: 20 * time.Millisecond, EncryptPayloads: true, TokenFile: tokens, DynamicConfig: impatient, Log: zap.NewNop(),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, in.Stop()) })
	one, err := in.Apps.StartCase(t.Context(), workflows.CaseStart{Reference: "signed-in", CaseID: "zebra.case", Options: workflows.CaseOptions{ConfirmEnd: true}})
	require.NoError(t, err)
	newTab := chromium(t)
	for secret, want := range map[string]string{"": "binary/encrypted", other: "binary/encrypted", reader: "confirmEnd"} {
		tab := newTab()
		if secret != "" {
			ctx, cancel := context.WithTimeout(tab, patience)
			require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(in.InternalURL()+"/"), chromedp.SendKeys(chromedp.CSS("#token"), secret), chromedp.Click(chromedp.CSS(".signin button"))))
			cancel()
			shows(t, tab, "To do")
			require.Eventually(t, func() bool {
				ctx, cancel := context.WithTimeout(tab, time.Minute)
				defer cancel()
				heading, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector("h1")?.innerText ?? ""`))
				return err == nil && heading == "To do"
			}, patience, 50*time.Millisecond)
		}
		open(t, tab, inputOf(in.UIURL(), one.WorkflowID()))
		page := shows(t, tab, want)
		require.Equal(t, secret == reader, strings.Contains(page, "confirmEnd"))
	}
}
