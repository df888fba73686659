package sealtest_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/cmd/signalbox-dev/internal/stories"
	"github.com/signalbox-dev/signalbox/workflows/payloadcodec"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

// waitTimeout bounds every wait: on a busy machine a browser and the Web UI take minutes.
const waitTimeout = 5 * time.Minute

// shown is the document of a page in a real browser, once it holds all of the texts. The page may ask the server again and again.
func shown(t *testing.T, address string, texts ...string) string {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(testenv.Program(t, "chromium", "chromium")), chromedp.NoSandbox, chromedp.WSURLReadTimeout(waitTimeout))
	allocated, stop := chromedp.NewExecAllocator(context.Background(), options...)
	defer stop()
	browser, closeBrowser := chromedp.NewContext(allocated)
	defer closeBrowser()
	ctx, cancel := context.WithTimeout(browser, waitTimeout)
	defer cancel()
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(1400, 6000), chromedp.Navigate(address)))
	var document string
	require.Eventually(t, func() bool {
		var err error
		document, err = chromedp.Run(ctx, chromedp.Evaluate[string]("document.documentElement.outerHTML + document.body.innerText"))
		return err == nil && !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(document, text) })
	}, waitTimeout, 500*time.Millisecond, "%s shows %q", address, texts)
	return document
}

// inputOf is the Web UI's page of a workflow, which shows its input and result.
func inputOf(ui, workflowID string) string {
	return ui + "/namespaces/default/workflows/" + url.PathEscape(workflowID)
}

func TestTheWebUIShowsPlainTextThroughTheCodecServer(t *testing.T) {
	t.Parallel()
	p := playedStories(t)
	shown(t, inputOf(shared.UIURL(), p.answered), "zebra.objective", "The counterparty confirmed")
	// Also where the Web UI is reached by its other name.
	shown(t, inputOf(strings.Replace(shared.UIURL(), "127.0.0.1", "localhost", 1), p.refused), "zebra.refused")
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

// encrypted is what the Web UI shows in place of the input and the result of a workflow: their encrypted data.
func encrypted(t *testing.T, workflowID string) (texts []string) {
	t.Helper()
	for _, event := range stories.History(t, shared.Temporal, workflowID, "").GetEvents() {
		for _, payload := range append(
			event.GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads(),
			event.GetWorkflowExecutionCompletedEventAttributes().GetResult().GetPayloads()...,
		) {
			_, encrypted := payloadcodec.KeyID(payload)
			require.True(t, encrypted, workflowID)
			texts = append(texts, base64.StdEncoding.EncodeToString(payload.GetData()))
		}
	}
	require.NotEmpty(t, texts, workflowID)
	return texts
}

func TestTheWebUIShowsNothingWithoutTheCodecServer(t *testing.T) {
	t.Parallel()
	p := playedStories(t)
	// The same Web UI, whose settings name no codec server.
	ui, err := url.Parse(shared.UIURL())
	require.NoError(t, err)
	without := httptest.NewServer(withoutCodec(ui))
	t.Cleanup(without.Close)
	for _, id := range []string{p.answered, p.refused, p.activation} {
		page := shown(t, inputOf(without.URL, id), append(encrypted(t, id), "WorkflowTaskCompleted")...)
		for _, text := range planted {
			require.NotContains(t, page, text, id)
		}
	}
}
