package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/activities/archive"
	"github.com/signalbox-dev/signalbox/cmd/internal/health"
	"github.com/signalbox-dev/signalbox/cmd/internal/setting"
)

// files holds the activities that store files. Without a bucket they exist too, and fail with ArchiveNoBucket.
type files struct {
	settings Settings
	provider archive.Provider
	// activities is nil until the bucket is open.
	activities *archive.Activities
	bucket     *archive.Bucket
}

// newFiles fails for a wrong setting only. A bucket that does not answer is opened later.
func newFiles(ctx context.Context, s Settings, provider archive.Provider) (*files, error) {
	f := &files{settings: s, provider: provider}
	if s.Config.Bucket != "" {
		if err := checkScratch(s.Config.Scratch); err != nil {
			return nil, fmt.Errorf("%w: --scratch (SIGNALBOX_SCRATCH): %w", setting.ErrWrong, err)
		}
	}
	if err := f.open(ctx); errors.Is(err, setting.ErrWrong) {
		return nil, err
	}
	return f, nil
}

// open opens the bucket if it is not open yet.
func (f *files) open(ctx context.Context) (err error) {
	if f.activities != nil {
		return nil
	}
	c := f.settings.Config
	if c.Bucket != "" && f.bucket == nil {
		if f.bucket, err = archive.OpenBucket(ctx, c.Bucket); err != nil {
			err = fmt.Errorf("--bucket (SIGNALBOX_BUCKET): %w", err)
			// A folder may be on a disk that is not mounted yet. For any other bucket, an error means that the URL is wrong.
			if path := (*fs.PathError)(nil); !errors.As(err, &path) {
				err = fmt.Errorf("%w: %w", setting.ErrWrong, err)
			}
			return err
		}
	}
	f.activities, err = archive.New(archive.Config{
		Bucket:         f.bucket,
		Provider:       f.provider,
		MaxBytes:       c.BucketMaxFile,
		AllowPrivate:   c.DownloadAllowPrivate,
		AllowPlainHTTP: c.DownloadAllowHTTP,
		Folder:         c.Scratch,
		Now:            now,
	})
	if err != nil {
		return fmt.Errorf("%w: %w", setting.ErrWrong, err)
	}
	return nil
}

// check opens the bucket a second time, because that of the workers may not be open yet.
func (f *files) check(ctx context.Context) error {
	bucket, err := archive.OpenBucket(ctx, f.settings.Config.Bucket)
	if err == nil {
		err = errors.Join(bucket.Check(ctx), bucket.Close())
	}
	if err != nil {
		return &health.Problem{Text: "the bucket does not answer", Fix: "check that the bucket exists and admits this process, and --bucket (SIGNALBOX_BUCKET); the log says more", Cause: err}
	}
	return nil
}

// close closes the bucket. Call it after the workers have stopped.
func (f *files) close() {
	if f.activities != nil {
		f.activities.Close()
	}
	if f.bucket != nil {
		if err := f.bucket.Close(); err != nil {
			f.settings.Log.Error("close bucket", zap.Error(err))
		}
	}
}

// checkScratch fails at the start if files could not be written later.
func checkScratch(folder string) error {
	if folder == "" {
		folder = os.TempDir()
	}
	file, err := os.CreateTemp(folder, "signalbox-check-")
	if err != nil {
		return fmt.Errorf("downloaded files need a writable folder: %w", err)
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}
