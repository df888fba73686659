package archive

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"strconv"
	"strings"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/fileblob" // file://
	_ "gocloud.dev/blob/s3blob"   // s3://
	"gocloud.dev/gcerrors"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Bucket stores files.
type Bucket struct {
	// name is the bucket's URL without options; prefix is the start of all keys in it.
	name, prefix string
	objects      *blob.Bucket
	// folder is true for a local folder, in which a crash can leave a part of a file behind.
	folder bool
}

// Limits in bytes of JSON: a history contains the bucket and the prefix for each file.
const (
	maxBucketName = 300
	maxPrefix     = 200
)

func jsonText(s string) []byte {
	text, _ := json.Marshal(s) // a string never fails
	return text
}

// folderMode is 0750 in decimal, as the option needs it: other users of the machine can't read the files.
const folderMode = "488"

// OpenBucket opens a bucket by its URL: s3://name?region=eu-central-1, file:///var/lib/signalbox/files, or, in a binary built with the tag "gcs"
// or "azure", a gs or azblob URL. Each takes the options of gocloud.dev/blob, such as prefix=signalbox/. It creates a missing folder; if it
// can't, the error holds an fs.PathError. It does not connect to a remote bucket; failed stores are retried.
func OpenBucket(ctx context.Context, bucketURL string) (*Bucket, error) {
	return openBucket(ctx, bucketURL, true)
}

// CheckBucket checks that the bucket can be opened and answers. A missing local folder is no error: CheckBucket does not create it, and does not
// check that OpenBucket can.
func CheckBucket(ctx context.Context, bucketURL string) error {
	bucket, err := openBucket(ctx, bucketURL, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(bucket.Check(ctx), bucket.Close())
}

func openBucket(ctx context.Context, bucketURL string, createFolder bool) (*Bucket, error) {
	u, err := url.Parse(bucketURL)
	if err != nil || u.User != nil {
		// The parser's message contains the URL, which may hold a password.
		return nil, errors.New("bucket URL: want one such as s3://name?region=eu-central-1 or file:///var/lib/signalbox/files, without a password")
	}
	if !blob.DefaultURLMux().ValidBucketScheme(u.Scheme) {
		return nil, fmt.Errorf("bucket URL: this binary does not know %q, only %s; build it with the tag gcs or azure for gs or azblob",
			u.Scheme, strings.Join(blob.DefaultURLMux().BucketSchemes(), ", "))
	}
	if u.Scheme == "file" && (u.Host != "" || u.Path == "") {
		// The library ignores the host: the bucket would be the current folder, or another.
		return nil, errors.New("bucket URL: want file:///absolute/folder, with three slashes")
	}
	options := u.Query()
	if options.Has("key") {
		return nil, errors.New("bucket URL: the option key would store every file under the same key; use prefix or leave it out")
	}
	bucket := &Bucket{
		name:   (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String(),
		prefix: options.Get("prefix"),
		folder: u.Scheme == "file",
	}
	if n := len(jsonText(bucket.name)); n > maxBucketName {
		return nil, fmt.Errorf("bucket URL: it has %d bytes as JSON without its options, at most %d", n, maxBucketName)
	}
	if n := len(jsonText(bucket.prefix)); n > maxPrefix {
		return nil, fmt.Errorf("bucket URL: the option prefix has %d bytes as JSON, at most %d", n, maxPrefix)
	}
	if bucket.folder {
		// A temporary file elsewhere could not be renamed across file systems.
		options.Set("no_tmp_dir", "true")
		options.Del("create_dir")
		if !options.Has("dir_file_mode") {
			options.Set("dir_file_mode", folderMode)
		}
		u.RawQuery = options.Encode()
	}
	bucket.objects, err = blob.DefaultURLMux().OpenBucketURL(ctx, u)
	if bucket.folder && createFolder && errors.Is(err, fs.ErrNotExist) {
		// Only now: the error for a folder that can't be created hides its cause, which errors.As must find.
		options.Set("create_dir", "true")
		u.RawQuery = options.Encode()
		missing := err
		if bucket.objects, err = blob.DefaultURLMux().OpenBucketURL(ctx, u); err != nil {
			err = fmt.Errorf("%w: %w", missing, err)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", bucket.name, err)
	}
	return bucket, nil
}

// Check fails while the bucket does not answer or does not exist. A bucket that denies listing counts as existing.
func (b *Bucket) Check(ctx context.Context) error {
	there, err := b.objects.IsAccessible(ctx)
	switch {
	case err != nil && gcerrors.Code(err) != gcerrors.PermissionDenied:
		return fmt.Errorf("check bucket %s: %w", b.name, err)
	case err == nil && !there:
		return fmt.Errorf("check bucket %s: it does not exist", b.name)
	}
	return nil
}

// Close closes the bucket.
func (b *Bucket) Close() error {
	if err := b.objects.Close(); err != nil {
		return fmt.Errorf("close bucket %s: %w", b.name, err)
	}
	return nil
}

// object is a file in the bucket.
type object struct {
	size        int64
	sha256      string
	contentType string
	disposition string
}

func (b *Bucket) stored(key string, o object) workflows.StoredFile {
	return workflows.StoredFile{Bucket: b.name, Key: b.prefix + key, Size: o.size, SHA256: o.sha256, ContentType: o.contentType}
}

// The metadata of an object, which proves that it was stored whole.
const (
	metadataSHA256 = "sha256"
	metadataSize   = "size"
)

// find looks for an object that was stored whole. It ignores one without the metadata or with another size, so that it is stored again.
func (b *Bucket) find(ctx context.Context, key string) (object, bool, error) {
	seen, err := b.objects.Attributes(ctx, key)
	switch gcerrors.Code(err) {
	case gcerrors.OK:
	case gcerrors.NotFound, gcerrors.PermissionDenied:
		// Without ListBucket, S3 answers 403 for a missing object; putting it shows whether the bucket can be used.
		return object{}, false, nil
	default:
		return object{}, false, fmt.Errorf("%w: look for %s: %w", errBucket, key, err)
	}
	sum := seen.Metadata[metadataSHA256]
	raw, err := hex.DecodeString(sum)
	if err != nil || len(raw) != 32 || seen.Metadata[metadataSize] != strconv.FormatInt(seen.Size, 10) {
		return object{}, false, nil
	}
	return object{size: seen.Size, sha256: sum, contentType: seen.ContentType}, true, nil
}

// put stores an object. The object is not visible before it is complete.
func (b *Bucket) put(ctx context.Context, key string, content io.Reader, o object) error {
	if b.folder {
		if err := b.sweep(ctx, key); err != nil {
			return err
		}
	}
	ctx, abort := context.WithCancel(ctx)
	defer abort()
	var local *os.File
	writer, err := b.objects.NewWriter(ctx, key, &blob.WriterOptions{
		ContentType:        o.contentType,
		ContentDisposition: o.disposition,
		Metadata:           map[string]string{metadataSHA256: o.sha256, metadataSize: strconv.FormatInt(o.size, 10)},
		BeforeWrite: func(as func(any) bool) error {
			as(&local) // sets local for a folder only
			return nil
		},
	})
	if err != nil {
		return fmt.Errorf("%w: put %s: %w", errBucket, key, err)
	}
	written, err := io.Copy(writer, content)
	if err == nil && written != o.size {
		err = fmt.Errorf("%w: %d of %d bytes", io.ErrShortWrite, written, o.size)
	}
	if err == nil && local != nil {
		err = local.Sync()
	}
	if err != nil {
		abort() // otherwise Close would store the incomplete object
	}
	if closed := writer.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("%w: put %s: %w", errBucket, key, err)
	}
	return nil
}

// sweep removes the temporary files that a crashed put of the object left in a folder. Their names are the key and an ending such as
// ".123.tmp".
func (b *Bucket) sweep(ctx context.Context, key string) error {
	listed := b.objects.List(&blob.ListOptions{Prefix: key + "."})
	for {
		found, err := listed.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && strings.HasSuffix(found.Key, ".tmp") {
			err = b.objects.Delete(ctx, found.Key)
		}
		if err != nil && gcerrors.Code(err) != gcerrors.NotFound {
			return fmt.Errorf("%w: sweep %s: %w", errBucket, key, err)
		}
	}
}
