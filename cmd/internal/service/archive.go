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
)

// files are the activities that store files. Without a bucket they are there too, and say so.
type files struct {
	settings Settings
	provider archive.Provider
	// activities are nil until the bucket could be opened.
	activities *archive.Activities
	bucket     *archive.Bucket
}

// newFiles fails where only another setting helps. A bucket that is away is opened later.
func newFiles(ctx context.Context, s Settings, provider archive.Provider) (*files, error) {
	f := &files{settings: s, provider: provider}
	if s.Config.Bucket != "" {
		if err := checkScratch(s.Config.Scratch); err != nil {
			return nil, fmt.Errorf("%w: --scratch (SIGNALBOX_SCRATCH): %w", ErrSetting, err)
		}
	}
	if err := f.open(ctx); errors.Is(err, ErrSetting) {
		return nil, err
	}
	return f, nil
}

// open opens the bucket unless it is open.
func (f *files) open(ctx context.Context) (err error) {
	if f.activities != nil {
		return nil
	}
	c := f.settings.Config
	if c.Bucket != "" && f.bucket == nil {
		if f.bucket, err = archive.OpenBucket(ctx, c.Bucket); err != nil {
			err = fmt.Errorf("--bucket (SIGNALBOX_BUCKET): %w", err)
			// A folder may be on a disk that is not mounted yet; of everything else the URL is wrong.
			if path := (*fs.PathError)(nil); !errors.As(err, &path) {
				err = fmt.Errorf("%w: %w", ErrSetting, err)
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
		return fmt.Errorf("%w: %w", ErrSetting, err)
	}
	return nil
}

// check opens a bucket of its own: the workers' may not be open yet.
func (f *files) check(ctx context.Context) error {
	bucket, err := archive.OpenBucket(ctx, f.settings.Config.Bucket)
	if err == nil {
		err = errors.Join(bucket.Check(ctx), bucket.Close())
	}
	if err != nil {
		return &health.Problem{Text: "the bucket does not answer", Fix: "see that it is there and lets this process in, and --bucket (SIGNALBOX_BUCKET); the log says more", Cause: err}
	}
	return nil
}

// close comes after the workers have stopped.
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

// checkScratch tells at the start what would otherwise only show when the first file comes.
func checkScratch(folder string) error {
	if folder == "" {
		folder = os.TempDir()
	}
	file, err := os.CreateTemp(folder, "signalbox-check-")
	if err != nil {
		return fmt.Errorf("files on their way into the bucket need a folder that can be written to: %w", err)
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}
