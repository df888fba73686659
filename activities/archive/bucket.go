package archive

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// Bucket is where files go.
type Bucket struct {
	// name is its URL without options, prefix what its objects' names begin with there.
	name, prefix string
	objects      *blob.Bucket
	// folder: it is a local folder, in which a crash can leave a part of a file behind.
	folder bool
}

// The bucket and the prefix stand in the record of each file, in a history. In bytes of JSON.
const (
	maxBucketName = 300
	maxPrefix     = 200
)

func jsonText(s string) []byte {
	text, _ := json.Marshal(s) // a string always can be
	return text
}

// folderMode is 0750 in decimal, as the option wants it: what strangers sent is not for everybody on the machine.
const folderMode = "488"

// OpenBucket opens a bucket by its URL: s3://name?region=eu-central-1, file:///var/lib/signalbox/files, or what the binary was built for beside
// them (tags "gcs" and "azure"), each with the options of gocloud.dev/blob, such as prefix=signalbox/. A folder is made where it is missing.
// Whether a remote bucket can be reached is not tried: stores that fail are retried.
func OpenBucket(ctx context.Context, bucketURL string) (*Bucket, error) {
	u, err := url.Parse(bucketURL)
	if err != nil || u.User != nil {
		// The parser's own message repeats the URL.
		return nil, errors.New("bucket URL: want one such as s3://name?region=eu-central-1 or file:///var/lib/signalbox/files, without a password")
	}
	if !blob.DefaultURLMux().ValidBucketScheme(u.Scheme) {
		return nil, fmt.Errorf("bucket URL: this binary knows no %q, only %s; gs and azblob are built in by the tags gcs and azure",
			u.Scheme, strings.Join(blob.DefaultURLMux().BucketSchemes(), ", "))
	}
	options := u.Query()
	if options.Has("key") {
		return nil, errors.New("bucket URL: the option key would put every file in the same place; want prefix, or none")
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
		options.Set("create_dir", "true")
		options.Set("no_tmp_dir", "true")
		if !options.Has("dir_file_mode") {
			options.Set("dir_file_mode", folderMode)
		}
		u.RawQuery = options.Encode()
	}
	if bucket.objects, err = blob.DefaultURLMux().OpenBucketURL(ctx, u); err != nil {
		return nil, fmt.Errorf("open bucket %s: %w", bucket.name, err)
	}
	return bucket, nil
}

// Check fails while the bucket does not answer, or is not there. A bucket whose objects may not be listed counts as there.
func (b *Bucket) Check(ctx context.Context) error {
	there, err := b.objects.IsAccessible(ctx)
	switch {
	case err != nil && gcerrors.Code(err) != gcerrors.PermissionDenied:
		return fmt.Errorf("check bucket %s: %w", b.name, err)
	case err == nil && !there:
		return fmt.Errorf("check bucket %s: it is not there", b.name)
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

// What is kept beside an object, as proof that it was stored whole.
const (
	metadataSHA256 = "sha256"
	metadataSize   = "size"
)

// find looks for an object that was stored whole. One without its proof, or with another size, is none: it is stored again, in its place.
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

// put stores an object. Nobody sees it before it is whole.
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
			as(&local) // only a folder has one
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
		abort() // or closing would store what there is
	}
	if closed := writer.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("%w: put %s: %w", errBucket, key, err)
	}
	return nil
}

// sweep removes what a crash left of an earlier attempt to put the object: in a folder, a file under the object's name with ".….tmp" behind it.
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
