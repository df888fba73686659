package archive

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"github.com/signalbox-dev/signalbox/workflows"
)

func openFolder(t testing.TB, folder, options string) *Bucket {
	t.Helper()
	bucket, err := OpenBucket(t.Context(), "file://"+filepath.ToSlash(folder)+options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, bucket.Close()) })
	return bucket
}

func TestAFolderIsMadeAndUsedAsABucket(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "not", "there yet")
	bucket := openFolder(t, folder, "?prefix=signalbox/")
	w := newWorld(t, serve("a W-9 form"), func(c *Config) { c.Bucket = bucket })
	first, err := storeAttachment(t, w)
	require.NoError(t, err)
	require.Equal(t, "signalbox/"+attachmentObject, first.Key)
	require.True(t, strings.HasPrefix(first.Bucket, "file:///") && !strings.Contains(first.Bucket, "?"), first.Bucket)

	content, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(first.Key)))
	require.NoError(t, err)
	require.Equal(t, "a W-9 form", string(content))
	made, err := os.Stat(filepath.Join(folder, "signalbox"))
	require.NoError(t, err)
	require.Zero(t, made.Mode().Perm()&0o007, "other users of the machine can't read it")

	second, err := storeAttachment(t, w)
	require.NoError(t, err)
	require.Equal(t, first, second)
	require.EqualValues(t, 1, w.served.Load())
}

func TestTheNextAttemptRemovesTemporaryFilesOfACrash(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	bucket := openFolder(t, folder, "")
	w := newWorld(t, serve("a W-9 form"), func(c *Config) { c.Bucket = bucket })
	left := filepath.Join(folder, filepath.FromSlash(attachmentObject)+".18b2c3d4e5f60718.tmp")
	kept := filepath.Join(folder, filepath.FromSlash(attachmentObject)+"x.tmp")
	require.NoError(t, os.MkdirAll(filepath.Dir(left), 0o755))
	require.NoError(t, os.WriteFile(left, []byte("a W-"), 0o600))
	require.NoError(t, os.WriteFile(kept, []byte("another"), 0o600))
	_, err := storeAttachment(t, w)
	require.NoError(t, err)
	require.NoFileExists(t, left)
	require.FileExists(t, kept)
}

func TestBucketURLsThatCannotBeUsedAreRefusedWithTheFix(t *testing.T) {
	t.Parallel()
	occupied := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(occupied, nil, 0o600))
	for url, says := range map[string]string{
		"":                                 "does not know",
		"/var/lib/files":                   "does not know",
		"ftp://files":                      "does not know",
		"gs://files":                       "tag gcs or azure",
		"azblob://files":                   "tag gcs or azure",
		"s3://me:password@files":           "without a password",
		"s3://%zz":                         "want one such as",
		"s3://files?key=one":               "the same key",
		"s3://files?no-such-option=1":      "s3://files",
		"file:///tmp?no-such-option=1":     "file:///tmp",
		"file://files":                     "want file:///absolute/folder",
		"file://./files?prefix=signalbox/": "want file:///absolute/folder",
		"file://localhost/files":           "want file:///absolute/folder",
		"file:files":                       "want file:///absolute/folder",
		"file://":                          "want file:///absolute/folder",
		"s3://" + strings.Repeat("b", 300): "at most 300",
		"s3://files?prefix=" + strings.Repeat("%3C", 40): "at most 200",
		"file://" + filepath.ToSlash(occupied):           "not a directory",
	} {
		bucket, err := OpenBucket(t.Context(), url)
		require.ErrorContains(t, err, says, url)
		require.NotContains(t, err.Error(), "me:password")
		require.Nil(t, bucket)
	}
	bucket, err := OpenBucket(t.Context(), "s3://files?region=eu-central-1&prefix=signalbox/")
	require.NoError(t, err, "OpenBucket does not connect to a remote bucket")
	require.Equal(t, "s3://files", bucket.name)
	require.NoError(t, bucket.Close())
}

func TestAFailingBucketIsRetried(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	bucket := openFolder(t, folder, "")
	w := newWorld(t, serve("a W-9 form"), func(c *Config) { c.Bucket = bucket })
	// A file has the name of a folder that the key needs.
	require.NoError(t, os.WriteFile(filepath.Join(folder, "default"), nil, 0o600))
	_, err := storeAttachment(t, w)
	requireFailure(t, err, workflows.ErrTypeArchiveBucket, false)
}

type brokenReader struct{ left string }

func (b *brokenReader) Read(p []byte) (int, error) {
	if b.left == "" {
		return 0, errors.New("disk failed")
	}
	n := copy(p, b.left)
	b.left = b.left[n:]
	return n, nil
}

func TestAFailedPutLeavesNoObject(t *testing.T) {
	t.Parallel()
	o := object{size: 10, sha256: sha("a W-9 form"), contentType: "application/pdf", disposition: "attachment"}
	for name, bucket := range map[string]*Bucket{
		"memory": {name: "mem://files", objects: memblob.OpenBucket(nil)},
		"folder": openFolder(t, t.TempDir(), ""),
	} {
		require.ErrorIs(t, bucket.put(t.Context(), attachmentObject, &brokenReader{"a W-9 "}, o), errBucket, name)
		require.Empty(t, keys(t, bucket.objects), name)
		require.ErrorIs(t, bucket.put(t.Context(), attachmentObject, strings.NewReader("a W-9 "), o), io.ErrShortWrite, name)
		require.Empty(t, keys(t, bucket.objects), name)
		_, found, err := bucket.find(t.Context(), attachmentObject)
		require.NoError(t, err)
		require.False(t, found)

		require.NoError(t, bucket.put(t.Context(), attachmentObject, strings.NewReader("a W-9 form"), o), name)
		seen, found, err := bucket.find(t.Context(), attachmentObject)
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, o.sha256, seen.sha256)
	}
}

// Every character of a key and a name has to survive every bucket.
func TestUnusualNamesAreStoredInAFolder(t *testing.T) {
	t.Parallel()
	bucket := openFolder(t, t.TempDir(), "")
	w := newWorld(t, serve("a W-9 form"), func(c *Config) { c.Bucket = bucket })
	for _, name := range []string{"", "..", "../../x", "x.attrs", "größe \"1\".pdf", "line\r\nbreak", strings.Repeat("ü", 500)} {
		p := attachmentParams
		p.Attachment.ID, p.Attachment.Name = "<"+name+"/..@mail>", name
		stored, err := store(t, w.Activities, workflows.ActivityArchiveStoreAttachment, p)
		require.NoError(t, err, name)
		attributes, err := bucket.objects.Attributes(t.Context(), stored.Key)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(attributes.ContentDisposition, "attachment"))
		require.NotContains(t, attributes.ContentDisposition, "\n")
	}
	var listed int
	all := bucket.objects.List(&blob.ListOptions{Prefix: "default/vendor_2048/4fc5904d/attachments/"})
	for {
		if _, err := all.Next(t.Context()); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		listed++
	}
	require.Equal(t, 7, listed)
}
