package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/testenv"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 5 && os.Args[1] == crashingChild {
		storeUntilKilled(os.Args[2], os.Args[3], os.Args[4])
		return
	}
	testenv.RunWithoutLeaks(m)
}

// secret is a part of every download URL. It must not appear in any other place.
const secret = "signature-of-the-download-url"

var testNow = time.Date(2026, 3, 21, 15, 42, 0, 0, time.UTC)

var attachmentParams = workflows.StoreAttachmentParams{
	Account:   "default",
	Reference: "vendor_2048",
	CaseID:    "4fc5904d",
	Attachment: workflows.Attachment{
		ID: "att-1", Name: "W-9 signed.pdf", Type: "application/pdf",
	},
}

const attachmentObject = "default/vendor_2048/4fc5904d/attachments/att-1/W-9_signed.pdf"

var resultParams = workflows.StoreResultParams{Account: "default", Reference: "vendor_2048", CaseID: "4fc5904d"}

// provider returns the same URL for every attachment.
type provider struct {
	url     string
	expires time.Time
	result  []byte
	err     error
	// asked counts the calls. change, if set, runs before each call and may modify the provider.
	asked  atomic.Int64
	change func(call int64, p *provider)
}

func (p *provider) ask() {
	call := p.asked.Add(1)
	if p.change != nil {
		p.change(call, p)
	}
}

func (p *provider) Link(_ context.Context, account, caseID, attachmentID string) (string, time.Time, error) {
	p.ask()
	if account != attachmentParams.Account || caseID != attachmentParams.CaseID || attachmentID == "" {
		return "", time.Time{}, errors.New("unexpected account, case or attachment")
	}
	return p.url, p.expires, p.err
}

func (p *provider) Result(context.Context, string, string) ([]byte, error) {
	p.ask()
	return p.result, p.err
}

// world is a test's bucket, provider, file server and activities.
type world struct {
	*Activities
	provider *provider
	objects  *blob.Bucket
	cdn      *httptest.Server
	// served counts the requests that the file server got.
	served atomic.Int64
}

func newWorld(t testing.TB, handler http.HandlerFunc, changes ...func(*Config)) *world {
	t.Helper()
	w := &world{}
	w.cdn = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.served.Add(1)
		handler(rw, r)
	}))
	t.Cleanup(w.cdn.Close)
	w.provider = &provider{url: w.cdn.URL + "/file?sig=" + secret}
	w.objects = memblob.OpenBucket(nil)
	bucket := &Bucket{name: "mem://files", objects: w.objects}
	t.Cleanup(func() { require.NoError(t, bucket.Close()) })
	cfg := Config{
		Bucket: bucket, Provider: w.provider, AllowPrivate: true, AllowPlainHTTP: true, Folder: t.TempDir(),
		Now: func() time.Time { return testNow },
	}
	for _, change := range changes {
		change(&cfg)
	}
	activities, err := New(cfg)
	require.NoError(t, err)
	t.Cleanup(activities.Close)
	w.Activities = activities
	t.Cleanup(func() {
		left, err := os.ReadDir(cfg.Folder)
		require.NoError(t, err)
		require.Empty(t, left, "no local file is left")
	})
	return w
}

func serve(content string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		_, _ = io.WriteString(w, content)
	}
}

func answer(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

func environment(a *Activities) *testsuite.TestActivityEnvironment {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	a.Register(env)
	return env
}

// store runs one attempt of the activity of that name.
func store(t testing.TB, a *Activities, name string, params any) (workflows.StoredFile, error) {
	t.Helper()
	return execute(t, environment(a), name, params)
}

func execute(t testing.TB, env *testsuite.TestActivityEnvironment, name string, params any) (workflows.StoredFile, error) {
	t.Helper()
	var stored workflows.StoredFile
	value, err := env.ExecuteActivity(name, params)
	if err != nil {
		require.NotContains(t, err.Error(), secret)
		return stored, err
	}
	require.NoError(t, value.Get(&stored))
	return stored, nil
}

func storeAttachment(t testing.TB, w *world) (workflows.StoredFile, error) {
	t.Helper()
	return store(t, w.Activities, workflows.ActivityArchiveStoreAttachment, attachmentParams)
}

// requireFailure requires an application error of the given type; final says whether it must be non-retryable.
func requireFailure(t testing.TB, err error, errType string, final bool) {
	t.Helper()
	var appErr *temporal.ApplicationError
	require.ErrorAs(t, err, &appErr)
	require.Equal(t, errType, appErr.Type(), err.Error())
	require.Equal(t, final, appErr.NonRetryable(), err.Error())
}

// keys returns the keys of all objects.
func keys(t testing.TB, objects *blob.Bucket) []string {
	t.Helper()
	var all []string
	listed := objects.List(nil)
	for {
		o, err := listed.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		all = append(all, o.Key)
	}
}

func sha(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

func TestNewNamesEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := New(Config{Bucket: &Bucket{}, MaxBytes: -1})
	for _, what := range []string{"provider", "clock", "max bytes"} {
		require.ErrorContains(t, err, what)
	}
}

// Another worker may have one.
func TestWithoutABucketTheErrorIsRetried(t *testing.T) {
	t.Parallel()
	activities, err := New(Config{})
	require.NoError(t, err)
	_, err = store(t, activities, workflows.ActivityArchiveStoreAttachment, attachmentParams)
	requireFailure(t, err, workflows.ErrTypeArchiveNoBucket, false)
	_, err = store(t, activities, workflows.ActivityArchiveStoreResult, resultParams)
	requireFailure(t, err, workflows.ErrTypeArchiveNoBucket, false)
}
