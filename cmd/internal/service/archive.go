package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

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
	// opening is the call of open, trying that of check.
	opening, trying hangingCall
}

// hangingCall is a call that may use a disk that hangs, and then heeds no context. At most one is under way.
type hangingCall struct {
	// result gets the error of the call that is under way; nil if none is.
	result <-chan error
}

// wait starts call, or waits for the one that is under way. If ctx ends first, it fails, and the next wait is for the same call.
func (h *hangingCall) wait(ctx context.Context, call func() error) error {
	if h.result == nil {
		result := make(chan error, 1)
		go func() { result <- call() }()
		h.result = result
	}
	select {
	case err := <-h.result:
		h.result = nil
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hangsAfter is how long open waits before it says that a disk hangs.
const hangsAfter = 5 * time.Second

// open checks the folder for downloads and opens the bucket, if that is not done yet. It fails with setting.ErrWrong for a wrong setting only. While a
// disk hangs, it fails with a *health.Problem.
func (f *files) open(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, hangsAfter)
	defer cancel()
	err := f.opening.wait(waiting, func() error { return f.openAll(ctx) })
	if errors.Is(err, context.DeadlineExceeded) {
		return &health.Problem{
			Text: "the bucket or the folder for downloaded files hangs",
			Fix:  "see that the disks of --bucket (SIGNALBOX_BUCKET) and --scratch (SIGNALBOX_SCRATCH) answer", Cause: err,
		}
	}
	return err
}

// openAll is the part of open that may hang.
func (f *files) openAll(ctx context.Context) (err error) {
	if f.activities != nil {
		return nil
	}
	c := f.settings.Config
	if c.Bucket != "" && f.bucket == nil {
		if err := checkScratch(c.Scratch); err != nil {
			return err
		}
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

// check fails while the bucket does not answer, also if its disk hangs.
func (f *files) check(ctx context.Context) error {
	if err := f.trying.wait(ctx, func() error { return f.try(ctx) }); err != nil {
		return &health.Problem{Text: "the bucket does not answer", Fix: "check that the bucket exists and admits this process, and --bucket (SIGNALBOX_BUCKET); the log says more", Cause: err}
	}
	return nil
}

// try opens the bucket a second time, because that of the workers may not be open yet.
func (f *files) try(ctx context.Context) error {
	bucket, err := archive.OpenBucket(ctx, f.settings.Config.Bucket)
	if err != nil {
		return err
	}
	return errors.Join(bucket.Check(ctx), bucket.Close())
}

// close closes the bucket, later if it still opens: a stop does not wait for a disk that hangs. Call it after the workers have stopped.
func (f *files) close() {
	if opening := f.opening.result; opening != nil {
		f.opening.result = nil
		go func() {
			if err := <-opening; err != nil {
				f.settings.Log.Debug("bucket not opened before the stop", zap.Error(err))
			}
			f.close()
		}()
		return
	}
	if f.activities != nil {
		f.activities.Close()
	}
	if f.bucket != nil {
		if err := f.bucket.Close(); err != nil {
			f.settings.Log.Error("close bucket", zap.Error(err))
		}
	}
}

// checkScratch fails with a *health.Problem if files can't be written later. A missing folder is no wrong setting: its disk may not be mounted yet.
func checkScratch(folder string) error {
	if folder == "" {
		folder = os.TempDir()
	}
	file, err := os.CreateTemp(folder, "signalbox-check-")
	if err == nil {
		err = errors.Join(file.Close(), os.Remove(file.Name()))
	}
	if err != nil {
		return &health.Problem{
			Text: "the folder for downloaded files can't be written to",
			Fix:  "see that it is there, has room and lets this process write, or set another by --scratch (SIGNALBOX_SCRATCH)", Cause: err,
		}
	}
	return nil
}
