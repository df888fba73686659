package archive

import (
	"compress/gzip"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/workflows"
)

// storeAsOften runs attempts of the activity until one succeeds, at most that many. Like the server, it gives each attempt the last heartbeat
// of the one before.
func storeAsOften(t *testing.T, w *world, p workflows.StoreAttachmentParams, most int) (workflows.StoredFile, int) {
	t.Helper()
	var last Progress
	for attempt := 1; attempt <= most; attempt++ {
		env := environment(w.Activities)
		env.SetHeartbeatDetails(last)
		env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) { _ = details.Get(&last) })
		stored, err := execute(t, env, workflows.ActivityArchiveStoreAttachment, p)
		if err == nil {
			return stored, attempt
		}
		requireFailure(t, err, workflows.ErrTypeArchiveDiffers, false)
		require.ErrorContains(t, err, "Offload reported")
		require.Empty(t, keys(t, w.objects), "a file is not stored while the next download may be right")
	}
	require.Fail(t, "never stored")
	return workflows.StoredFile{}, 0
}

func TestADifferingFileIsFetchedAgainThenStoredAndMarked(t *testing.T) {
	t.Parallel()
	const page = "<!DOCTYPE html><title>Please wait</title>"
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		size    int64
		told    string
		want    workflows.StoredFile
	}{
		"empty": {
			serve("", "Content-Type", "application/pdf"), 904_860, "application/pdf",
			workflows.StoredFile{ContentType: "application/pdf", ReportedSize: 904_860},
		},
		"shorter": {
			serve("a W-9", "Content-Type", "application/pdf"), 10, "application/pdf",
			workflows.StoredFile{Size: 5, ContentType: "application/pdf", ReportedSize: 10},
		},
		"a page with 200": {
			serve(page, "Content-Type", "text/html; charset=utf-8"), 904_860, "application/pdf",
			workflows.StoredFile{Size: int64(len(page)), ContentType: "text/html; charset=utf-8", ReportedSize: 904_860, ReportedType: "application/pdf"},
		},
		"a page of the same size": {
			serve(page, "Content-Type", "text/html"), int64(len(page)), "Application/PDF; version=1.7",
			workflows.StoredFile{Size: int64(len(page)), ContentType: "text/html", ReportedType: "application/pdf"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.handler)
			p := attachmentParams
			p.Attachment.Size, p.Attachment.Type = c.size, c.told
			stored, attempts := storeAsOften(t, w, p, 20)
			require.Equal(t, differingDownloads, attempts)
			require.EqualValues(t, differingDownloads, w.provider.asked.Load(), "each by a fresh URL")
			require.True(t, stored.Differs())
			require.Equal(t, c.want, workflows.StoredFile{Size: stored.Size, ContentType: stored.ContentType, ReportedSize: stored.ReportedSize, ReportedType: stored.ReportedType})

			again, attempts := storeAsOften(t, w, p, 1)
			require.Equal(t, 1, attempts)
			require.Equal(t, stored, again, "found, it is marked as well")
			require.EqualValues(t, differingDownloads, w.served.Load())
		})
	}
}

func TestAFileThatIsRightAfterARetryIsNotMarked(t *testing.T) {
	t.Parallel()
	var w *world
	w = newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		if w.served.Load() < differingDownloads {
			serve("", "Content-Type", "text/html")(rw, r)
			return
		}
		serve("a W-9 form")(rw, r)
	})
	p := attachmentParams
	p.Attachment.Size = 10
	stored, attempts := storeAsOften(t, w, p, 20)
	require.Equal(t, differingDownloads, attempts)
	require.False(t, stored.Differs())
	require.Equal(t, sha("a W-9 form"), stored.SHA256)
	require.Equal(t, "application/pdf", stored.ContentType)
}

// Attempts that fail for another reason are not counted.
func TestOnlyDownloadsThatDifferedAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, answer(503))
	env := environment(w.Activities)
	env.SetHeartbeatDetails(Progress{Differed: differingDownloads - 2})
	_, err := execute(t, env, workflows.ActivityArchiveStoreAttachment, attachmentParams)
	requireFailure(t, err, workflows.ErrTypeArchiveDownload, false)

	p := attachmentParams
	p.Attachment.Size = 11
	for differed, want := range map[int64][]string{differingDownloads - 2: nil, differingDownloads - 1: {attachmentObject}} {
		w = newWorld(t, serve("a W-9 form"))
		env := environment(w.Activities)
		env.SetHeartbeatDetails(Progress{Differed: differed})
		_, err = execute(t, env, workflows.ActivityArchiveStoreAttachment, p)
		require.Equal(t, want == nil, err != nil)
		require.Equal(t, want, keys(t, w.objects))
	}
}

func TestAnUnknownSizeOrTypeIsNotMarked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		size         int64
		told, served string
	}{
		"no size, no type":           {0, "", "text/html"},
		"negative size":              {-1, "application/pdf", "application/pdf"},
		"the same":                   {10, "application/pdf", "application/pdf"},
		"the same, with parameters":  {10, "text/plain", "Text/Plain; charset=utf-8"},
		"generic type served":        {10, "application/pdf", "application/octet-stream"},
		"S3's generic type served":   {10, "application/pdf", "binary/octet-stream"},
		"generic type told":          {10, "application/octet-stream", "application/pdf"},
		"no type served":             {10, "application/pdf", ""},
		"what is served is no type":  {10, "application/pdf", ";;"},
		"what was told is no type":   {10, "what?", "application/pdf"},
		"generic and with parameter": {10, "application/pdf", "application/octet-stream; x=y"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, serve("a W-9 form", "Content-Type", c.served))
			p := attachmentParams
			p.Attachment.Size, p.Attachment.Type = c.size, c.told
			for range 2 { // stored anew, and found
				stored, attempts := storeAsOften(t, w, p, 1)
				require.Equal(t, 1, attempts)
				require.False(t, stored.Differs())
			}
		})
	}
}

// A compressed file is often served with a Content-Encoding that describes the file itself.
func TestAFileServedWithAContentEncodingIsStoredUnchanged(t *testing.T) {
	t.Parallel()
	var packed strings.Builder
	zip := gzip.NewWriter(&packed)
	_, err := io.WriteString(zip, "a W-9 form")
	require.NoError(t, err)
	require.NoError(t, zip.Close())
	var asked string
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		asked = r.Header.Get("Accept-Encoding")
		serve(packed.String(), "Content-Encoding", "gzip", "Content-Type", "application/gzip")(rw, r)
	})
	p := attachmentParams
	p.Attachment.Size, p.Attachment.Type = int64(packed.Len()), "application/gzip"
	stored, attempts := storeAsOften(t, w, p, 1)
	require.Equal(t, 1, attempts)
	require.Equal(t, "identity", asked)
	require.Equal(t, sha(packed.String()), stored.SHA256)
	require.False(t, stored.Differs())
	content, err := w.objects.ReadAll(t.Context(), stored.Key)
	require.NoError(t, err)
	require.Equal(t, packed.String(), string(content))
}

func TestAFileThatTheProviderDoesNotKnowYetIsRetriedUntilLagUntil(t *testing.T) {
	t.Parallel()
	unknown := temporal.NewApplicationErrorWithOptions("no such attachment", workflows.ErrTypeOffloadNotFound, temporal.ApplicationErrorOptions{
		NextRetryDelay: time.Hour,
	})
	for name, c := range map[string]struct {
		until   time.Time
		final   bool
		retryIn time.Duration
	}{
		"within the lag":  {testNow.Add(time.Second), false, 30 * time.Second},
		"after it":        {testNow, true, 0},
		"no lag is given": {time.Time{}, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, answer(200))
			w.provider.err = unknown
			requireLag := func(err error, errType string) {
				t.Helper()
				requireFailure(t, err, errType, c.final)
				var failed *temporal.ApplicationError
				require.ErrorAs(t, err, &failed)
				require.Equal(t, c.retryIn, failed.NextRetryDelay())
			}
			attachment, result := attachmentParams, resultParams
			attachment.LagUntil, result.LagUntil = c.until, c.until
			_, err := store(t, w.Activities, workflows.ActivityArchiveStoreAttachment, attachment)
			requireLag(err, workflows.ErrTypeOffloadNotFound)
			require.ErrorContains(t, err, "no such attachment")
			_, err = store(t, w.Activities, workflows.ActivityArchiveStoreResult, result)
			requireLag(err, workflows.ErrTypeOffloadNotFound)

			w.provider.err = nil
			_, err = store(t, w.Activities, workflows.ActivityArchiveStoreResult, result)
			requireLag(err, workflows.ErrTypeArchiveNoResult)
		})
	}
}

func TestACompressedFileIsStoredUnchanged(t *testing.T) {
	t.Parallel()
	scan, err := os.ReadFile("testdata/scan.tar.gz")
	require.NoError(t, err)
	w := newWorld(t, serve(string(scan), "Content-Encoding", "gzip", "Content-Type", "application/gzip"))
	p := attachmentParams
	p.Attachment.Size, p.Attachment.Type = 161, "application/gzip"
	stored, _ := storeAsOften(t, w, p, 1)
	require.EqualValues(t, 161, stored.Size)
	require.False(t, stored.Differs())
}
