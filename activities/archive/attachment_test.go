package archive

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"gocloud.dev/blob"

	"github.com/signalbox-dev/signalbox/workflows"
)

func TestAnAttachmentIsStoredWithItsSizeAndHash(t *testing.T) {
	t.Parallel()
	w := newWorld(t, serve("a W-9 form", "Content-Type", "application/octet-stream"))
	stored, err := storeAttachment(t, w)
	require.NoError(t, err)
	require.Equal(t, workflows.StoredFile{
		AttachmentID: "att-1",
		Bucket:       "mem://files",
		Key:          attachmentObject,
		Size:         10,
		SHA256:       sha("a W-9 form"),
		ContentType:  "application/pdf",
	}, stored)

	content, err := w.objects.ReadAll(t.Context(), attachmentObject)
	require.NoError(t, err)
	require.Equal(t, "a W-9 form", string(content))
	attributes, err := w.objects.Attributes(t.Context(), attachmentObject)
	require.NoError(t, err)
	require.Equal(t, "application/pdf", attributes.ContentType)
	require.Equal(t, `attachment; filename="W-9 signed.pdf"`, attributes.ContentDisposition, "a browser saves it and does not show it")
}

func TestAFileIsStoredForEachWayOfServingIt(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("0123456789abcdef", 1<<18)
	for name, c := range map[string]struct {
		content     string
		handler     http.HandlerFunc
		told        string
		contentType string
	}{
		"empty":                     {"", serve(""), "image/png", "image/png"},
		"in pieces":                 {large, func(w http.ResponseWriter, _ *http.Request) { writeInPieces(w, large) }, "", "application/octet-stream"},
		"type of the file server":   {"x", serve("x", "Content-Type", "image/gif"), "", "image/gif"},
		"the type is unknown":       {"x", serve("x", "Content-Type", ";;"), "what?", "application/octet-stream"},
		"a type that is too long":   {"x", serve("x", "Content-Type", "text/"+strings.Repeat("x", 200)), "image/gif", "image/gif"},
		"a type with parameters":    {"x", serve("x", "Content-Type", "text/plain; charset=utf-8"), "TEXT/plain", "text/plain"},
		"a type with a line break":  {"x", serve("x", "Content-Type", "image/gif"), "text/html\r\nX-Evil: 1", "image/gif"},
		"compressed on the way":     {"plain", compressible, "text/plain", "text/plain"},
		"cookies and other headers": {"x", serve("x", "Set-Cookie", "a=b", "Content-Disposition", "inline"), "image/gif", "image/gif"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.handler)
			p := attachmentParams
			p.Attachment.Type = c.told
			stored, err := store(t, w.Activities, workflows.ActivityArchiveStoreAttachment, p)
			require.NoError(t, err)
			require.Equal(t, sha(c.content), stored.SHA256)
			require.EqualValues(t, len(c.content), stored.Size)
			require.Equal(t, c.contentType, stored.ContentType)
			content, err := w.objects.ReadAll(t.Context(), stored.Key)
			require.NoError(t, err)
			require.Equal(t, c.content, string(content))
		})
	}
}

// A retry after the result of an attempt was lost finds the stored file.
func TestAFileThatWasStoredWholeIsNotFetchedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, serve("a W-9 form"))
	first, err := storeAttachment(t, w)
	require.NoError(t, err)
	w.cdn.Close()
	second, err := storeAttachment(t, w)
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.EqualValues(t, 1, w.served.Load())
	require.EqualValues(t, 1, w.provider.asked.Load())
	require.Equal(t, []string{attachmentObject}, keys(t, w.objects))
}

func TestAnObjectWithoutItsMetadataIsStoredAgain(t *testing.T) {
	t.Parallel()
	for name, metadata := range map[string]map[string]string{
		"none":       nil,
		"no hash":    {"size": "4"},
		"no size":    {"sha256": sha("junk")},
		"other size": {"size": "5", "sha256": sha("junk")},
		"no hex":     {"size": "4", "sha256": strings.Repeat("z", 64)},
		"half hash":  {"size": "4", "sha256": sha("junk")[:32]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, serve("a W-9 form"))
			require.NoError(t, w.objects.WriteAll(t.Context(), attachmentObject, []byte("junk"), &blob.WriterOptions{Metadata: metadata}))
			stored, err := storeAttachment(t, w)
			require.NoError(t, err)
			require.Equal(t, sha("a W-9 form"), stored.SHA256)
			require.Equal(t, []string{attachmentObject}, keys(t, w.objects))
		})
	}
}

func TestALongDownloadSendsHeartbeats(t *testing.T) {
	t.Parallel()
	heard := make(chan struct{})
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/pdf")
		_, _ = io.WriteString(rw, "a W-9 ")
		_ = http.NewResponseController(rw).Flush()
		select {
		case <-heard:
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(rw, "form")
	})
	w.heartbeatInterval = time.Millisecond
	env := environment(w.Activities)
	var once sync.Once
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		var p Progress
		if details.Get(&p) == nil && p.FetchedBytes <= int64(len("a W-9 ")) {
			once.Do(func() { close(heard) })
		}
	})
	stored, err := execute(t, env, workflows.ActivityArchiveStoreAttachment, attachmentParams)
	require.NoError(t, err)
	require.EqualValues(t, 10, stored.Size)
}

func TestAFetchReportsItsProgress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, serve("a W-9 form"))
	file, err := newScratch(w.folder)
	require.NoError(t, err)
	defer file.drop()
	begun := &attempt{Context: t.Context()}
	for range 2 {
		_, err = w.fetch(begun, w.provider.url, file)
		require.NoError(t, err)
		require.EqualValues(t, 10, begun.fetchedBytes.Load())
	}
}

// The server must hear how an attempt ended before it gives the attempt up.
func TestAnAttemptEndsBeforeTheServerGivesItUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, answer(200))
	var left atomic.Int64
	env := environment(w.Activities)
	env.RegisterActivityWithOptions(func(ctx context.Context) error {
		begun, end := w.begin(ctx)
		defer end()
		deadline, _ := begun.Deadline()
		left.Store(int64(activity.GetInfo(ctx).Deadline.Sub(deadline)))
		return nil
	}, activity.RegisterOptions{Name: "margin"})
	_, err := env.ExecuteActivity("margin")
	require.NoError(t, err)
	require.EqualValues(t, reportMargin, left.Load())
}

func TestACancelledStoreEndsAsCancelledAndStoresNothing(t *testing.T) {
	t.Parallel()
	began := make(chan struct{})
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/pdf")
		_, _ = io.WriteString(rw, "a W-9 ")
		_ = http.NewResponseController(rw).Flush()
		close(began)
		<-r.Context().Done()
	})
	env := environment(w.Activities)
	env.RegisterActivityWithOptions(func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		go func() {
			<-began
			cancel()
		}()
		_, err := w.StoreAttachment(ctx, attachmentParams)
		require.ErrorIs(t, err, context.Canceled)
		return nil
	}, activity.RegisterOptions{Name: "cancelled"})
	_, err := env.ExecuteActivity("cancelled")
	require.NoError(t, err)
	require.Empty(t, keys(t, w.objects))
}
