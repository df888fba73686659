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
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// waitTimeout bounds every wait: on a busy machine a browser and the Web UI take minutes.
const waitTimeout = 5 * time.Minute

// onDemand skips unless it is asked for: with --dump-dom Chromium sometimes waits for the Web UI's open calls and does not end.
func onDemand(t *testing.T) {
	t.Helper()
	if os.Getenv("SIGNALBOX_TEST_WEB_UI") == "" {
		t.Skip("set SIGNALBOX_TEST_WEB_UI=1 to run it")
	}
}

// shown is a page's document once a real browser has let it run for a minute of virtual time.
func shown(t *testing.T, address string) string {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		missing(t, "chromium", "install Debian's package chromium")
	}
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	browser := exec.CommandContext(ctx, path, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+t.TempDir(),
		"--virtual-time-budget=60000", "--dump-dom", address)
	document, err := browser.Output()
	require.NoError(t, err)
	return string(document)
}

// inputOf is the Web UI's page of a workflow, which shows its input and result.
func inputOf(ui, workflowID string) string {
	return ui + "/namespaces/default/workflows/" + url.PathEscape(workflowID)
}

func TestTheWebUIShowsPlainTextThroughTheCodecServer(t *testing.T) {
	t.Parallel()
	onDemand(t)
	p := stories(t)
	page := shown(t, inputOf(shared.UIURL(), p.answered))
	require.Contains(t, page, "zebra.objective")
	require.Contains(t, page, "The counterparty confirmed", "the result")
	// Also where the Web UI is reached by its other name.
	page = shown(t, inputOf(strings.Replace(shared.UIURL(), "127.0.0.1", "localhost", 1), p.refused))
	require.Contains(t, page, "zebra.refused")
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
	onDemand(t)
	p := stories(t)
	// The same Web UI, whose settings name no codec server.
	ui, err := url.Parse(shared.UIURL())
	require.NoError(t, err)
	without := httptest.NewServer(withoutCodec(ui))
	t.Cleanup(without.Close)
	for _, id := range []string{p.answered, p.refused, p.activation} {
		page := shown(t, inputOf(without.URL, id))
		require.Contains(t, page, "WorkflowTaskCompleted", "the page shows the history of %s", id)
		for _, text := range planted {
			require.NotContains(t, page, text, id)
		}
	}
}
