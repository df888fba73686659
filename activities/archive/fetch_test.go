package archive

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

func writeInPieces(w http.ResponseWriter, content string) {
	w.Header().Set("Content-Type", "application/octet-stream")
	for i := 0; i < len(content); i += 100_000 {
		_, _ = io.WriteString(w, content[i:min(i+100_000, len(content))])
		_ = http.NewResponseController(w).Flush()
	}
}

// compressible compresses its answer for clients that accept gzip, as file servers do.
func compressible(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		_, _ = io.WriteString(w, "plain")
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	packed := gzip.NewWriter(w)
	_, _ = io.WriteString(packed, "plain")
	_ = packed.Close()
}

func TestAnExpiredURLIsReplacedOnce(t *testing.T) {
	t.Parallel()
	for _, status := range []int{401, 403, 404, 410} {
		w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("n") != "2" {
				rw.WriteHeader(status)
				return
			}
			serve("a W-9 form")(rw, r)
		})
		w.provider.change = func(call int64, p *provider) { p.url = fmt.Sprintf("%s/file?sig=%s&n=%d", w.cdn.URL, secret, call) }
		stored, err := storeAttachment(t, w)
		require.NoError(t, err, status)
		require.Equal(t, sha("a W-9 form"), stored.SHA256)
		require.EqualValues(t, 2, w.provider.asked.Load())
	}
}

func TestAURLThatExpiredBeforeTheDownloadIsReplacedUnused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, serve("a W-9 form"))
	w.provider.change = func(call int64, p *provider) {
		p.expires = testNow
		if call == 2 {
			p.expires = testNow.Add(time.Second)
		}
	}
	_, err := storeAttachment(t, w)
	require.NoError(t, err)
	require.EqualValues(t, 2, w.provider.asked.Load())
	require.EqualValues(t, 1, w.served.Load())
}

func TestAWrongClockDoesNotPreventADownload(t *testing.T) {
	t.Parallel()
	w := newWorld(t, serve("a W-9 form"))
	w.provider.expires = testNow.Add(-time.Hour)
	_, err := storeAttachment(t, w)
	require.NoError(t, err)
}

func TestAnAnswerWithoutAFileIsRetried(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		served  int64
		says    string
	}{
		"gone for good":     {answer(410), 2, "410 Gone"},
		"server error":      {answer(503), 1, "503"},
		"throttled":         {answer(429), 1, "429"},
		"no content":        {answer(204), 1, "204"},
		"partial":           {answer(206), 1, "206"},
		"not modified":      {answer(304), 1, "304"},
		"redirect to where": {answer(302), 1, "no usable Location"},
		"redirect to junk": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://%zz/"+secret)
			w.WriteHeader(302)
		}, 1, "no usable Location"},
		"endless redirects": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/again?sig="+secret, http.StatusFound)
		}, 6, "more than 5 redirects"},
		"body cut short": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "a W-9 form")
		}, 1, "after 10 bytes"},
		"broken off": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 1, "download failed"},
		"huge headers": {func(w http.ResponseWriter, _ *http.Request) {
			for i := range 200 {
				w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", 1000))
			}
		}, 1, "download failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.handler)
			_, err := storeAttachment(t, w)
			requireFailure(t, err, workflows.ErrTypeArchiveDownload, false)
			require.ErrorContains(t, err, c.says)
			require.Equal(t, c.served, w.served.Load())
			require.Empty(t, keys(t, w.objects), "a part of a file is never visible")
		})
	}
}

func TestInvalidURLsAreFailedDownloads(t *testing.T) {
	t.Parallel()
	w := newWorld(t, answer(200))
	for _, url := range []string{"http://%zz/" + secret, "https://", "http://host with space/" + secret} {
		w.provider.url = url
		_, err := storeAttachment(t, w)
		requireFailure(t, err, workflows.ErrTypeArchiveDownload, false)
	}
	require.Zero(t, w.served.Load())
}

func TestAnUnreachableFileServerIsRetried(t *testing.T) {
	t.Parallel()
	w := newWorld(t, answer(200))
	w.provider.url = "http://127.0.0.1:1/file"
	_, err := storeAttachment(t, w)
	requireFailure(t, err, workflows.ErrTypeArchiveDownload, false)
	require.ErrorContains(t, err, "connection refused")
}

func TestAStalledDownloadIsCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/pdf")
		_, _ = io.WriteString(rw, "a W-9 ")
		_ = http.NewResponseController(rw).Flush()
		<-r.Context().Done()
	})
	w.stall = time.Second
	_, err := storeAttachment(t, w)
	for tries := 0; err != nil && strings.Contains(err.Error(), "after 0 bytes") && tries < 10; tries++ { // a busy machine stalled first
		_, err = storeAttachment(t, w)
	}
	requireFailure(t, err, workflows.ErrTypeArchiveDownload, false)
	require.ErrorContains(t, err, "after 6 bytes: nothing came for too long")
	require.Empty(t, keys(t, w.objects))
}

// A download may take longer than the stall as long as bytes arrive.
func TestASlowDownloadIsNotCutWhileBytesArrive(t *testing.T) {
	t.Parallel()
	const stall, pieces = 4 * time.Second, 9
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/pdf")
		tick := time.NewTicker(stall / 8)
		defer tick.Stop()
		for range pieces {
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
			_, _ = io.WriteString(rw, "x")
			_ = http.NewResponseController(rw).Flush()
		}
	})
	w.stall = stall
	stored, err := storeAttachment(t, w)
	for tries := 0; err != nil && tries < 10; tries++ { // a busy machine sends too slowly at times; without the promise each try fails
		stored, err = storeAttachment(t, w)
	}
	require.NoError(t, err)
	require.EqualValues(t, pieces, stored.Size)
}

func TestAFileOverTheCapIsAFinalError(t *testing.T) {
	t.Parallel()
	at := func(most int64) func(*Config) { return func(c *Config) { c.MaxBytes = most } }
	for says, handler := range map[string]http.HandlerFunc{
		"10 bytes announced": serve("a W-9 form"),
		"more than 9 bytes":  func(w http.ResponseWriter, _ *http.Request) { writeInPieces(w, "a W-9 form") },
	} {
		w := newWorld(t, handler, at(9))
		_, err := storeAttachment(t, w)
		requireFailure(t, err, workflows.ErrTypeArchiveTooLarge, true)
		require.ErrorContains(t, err, says)
		require.Empty(t, keys(t, w.objects))

		w = newWorld(t, handler, at(10))
		_, err = storeAttachment(t, w)
		require.NoError(t, err)
	}
}

func TestErrorsOfTheProviderAreReturnedUnchanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, answer(200))
	w.provider.err = errors.New("so says the provider")
	_, err := storeAttachment(t, w)
	require.ErrorContains(t, err, "so says the provider")
	_, err = store(t, w.Activities, workflows.ActivityArchiveStoreResult, resultParams)
	require.ErrorContains(t, err, "so says the provider")
	require.Zero(t, w.served.Load())
}

func TestAWorkerWithoutAFolderRetries(t *testing.T) {
	t.Parallel()
	w := newWorld(t, serve("a W-9 form"))
	w.folder += "/missing"
	_, err := storeAttachment(t, w)
	requireFailure(t, err, workflows.ErrTypeArchiveWorker, false)
}

// A write fails as on a full disk, so the download is not the cause.
func TestAFailedWriteIsAnErrorOfTheWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t, serve("a W-9 form"))
	file, err := newScratch(w.folder)
	require.NoError(t, err)
	file.drop()
	_, err = w.fetch(&attempt{Context: t.Context()}, w.provider.url, file)
	require.ErrorIs(t, err, errWorker)
	require.NotErrorIs(t, err, errDownload)
	_, err = file.reader()
	require.ErrorIs(t, err, errWorker)
}
