package archive

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

// s3 implements the part of the S3 API that storing needs.
type s3 struct {
	mu      sync.Mutex
	objects map[string]string      // by key
	headers map[string]http.Header // of each, x-amz-meta-… and content-…
	parts   map[string]string      // of the one upload under way, by number
	pending http.Header
	// hides makes it answer 403 for missing objects, as S3 does to clients without ListBucket.
	hides bool
}

func (s *s3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, query := strings.TrimPrefix(r.URL.Path, "/files/"), r.URL.Query()
	body, _ := io.ReadAll(r.Body)
	switch {
	case r.Method == http.MethodHead:
		content, found := s.objects[key]
		if !found {
			w.WriteHeader(map[bool]int{false: http.StatusNotFound, true: http.StatusForbidden}[s.hides])
			return
		}
		for name, values := range s.headers[key] {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
	case r.Method == http.MethodPost && query.Has("uploads"):
		s.parts, s.pending = map[string]string{}, r.Header.Clone()
		_, _ = io.WriteString(w, `<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>`)
	case r.Method == http.MethodPut && query.Has("partNumber"):
		s.parts[query.Get("partNumber")] = string(body)
		w.Header().Set("Etag", `"part"`)
	case r.Method == http.MethodPost && query.Has("uploadId"):
		var whole strings.Builder
		for n := 1; n <= len(s.parts); n++ {
			whole.WriteString(s.parts[fmt.Sprint(n)])
		}
		s.keep(key, whole.String(), s.pending)
		_, _ = io.WriteString(w, `<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>`)
	case r.Method == http.MethodPut:
		s.keep(key, string(body), r.Header)
		w.Header().Set("Etag", `"whole"`)
	default:
		w.WriteHeader(http.StatusNotImplemented)
	}
}

func (s *s3) keep(key, content string, request http.Header) {
	s.objects[key], s.headers[key] = content, http.Header{}
	for name, values := range request {
		if strings.HasPrefix(name, "X-Amz-Meta-") || name == "Content-Type" || name == "Content-Disposition" {
			s.headers[key][name] = values
		}
	}
}

func newS3(t *testing.T) (*s3, *Bucket) {
	t.Helper()
	store := &s3{objects: map[string]string{}, headers: map[string]http.Header{}}
	server := httptest.NewServer(store)
	t.Cleanup(server.Close)
	bucket, err := OpenBucket(t.Context(), "s3://files?region=eu-central-1&anonymous=true&use_path_style=true&endpoint="+server.URL)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, bucket.Close()) })
	return store, bucket
}

func TestFilesAreStoredInS3AndFoundAgain(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"small":        "a W-9 form",
		"empty":        "",
		"several part": strings.Repeat("a W-9 form", 1_200_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, bucket := newS3(t)
			s.hides = name == "small"
			w := newWorld(t, serve(content), func(c *Config) { c.Bucket = bucket })
			first, err := storeAttachment(t, w)
			require.NoError(t, err)
			require.Equal(t, "s3://files", first.Bucket)
			require.Equal(t, sha(content), first.SHA256)
			require.Equal(t, content, s.objects[attachmentObject])
			second, err := storeAttachment(t, w)
			require.NoError(t, err)
			require.Equal(t, first, second)
			require.EqualValues(t, 1, w.served.Load())
			require.Len(t, s.objects, 1)
		})
	}
}

func TestAFailedPutToS3IsAborted(t *testing.T) {
	t.Parallel()
	s, bucket := newS3(t)
	o := object{size: 20 << 20, sha256: sha(""), contentType: "application/pdf", disposition: "attachment"}
	err := bucket.put(t.Context(), attachmentObject, &brokenReader{strings.Repeat("x", 12<<20)}, o)
	require.ErrorIs(t, err, errBucket)
	require.Empty(t, s.objects)
}

func TestAFailingS3IsRetried(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(answer(http.StatusForbidden))
	t.Cleanup(server.Close)
	bucket, err := OpenBucket(t.Context(), "s3://files?region=eu-central-1&anonymous=true&use_path_style=true&endpoint="+server.URL)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, bucket.Close()) })
	w := newWorld(t, serve("a W-9 form"), func(c *Config) { c.Bucket = bucket })
	_, err = storeAttachment(t, w)
	requireFailure(t, err, workflows.ErrTypeArchiveBucket, false)
	require.ErrorContains(t, err, "403")
}
