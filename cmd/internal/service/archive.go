package service

import (
	"context"
	"errors"
	"fmt"
	"os"

	"go.uber.org/zap"

	"github.com/signalbox-dev/signalbox/activities/archive"
)

// openArchive returns the activities that store files, and what closes them after their workers have stopped. Without a bucket they are
// there too, and say so.
func openArchive(ctx context.Context, s Settings, provider archive.Provider) (_ *archive.Activities, closeAll func(), err error) {
	c := s.Config
	var bucket *archive.Bucket
	if c.Bucket != "" {
		if err := checkScratch(c.Scratch); err != nil {
			return nil, nil, fmt.Errorf("--scratch (SIGNALBOX_SCRATCH): %w", err)
		}
		if bucket, err = archive.OpenBucket(ctx, c.Bucket); err != nil {
			return nil, nil, fmt.Errorf("--bucket (SIGNALBOX_BUCKET): %w", err)
		}
	}
	closeBucket := func() error {
		if bucket == nil {
			return nil
		}
		return bucket.Close()
	}
	activities, err := archive.New(archive.Config{
		Bucket:         bucket,
		Provider:       provider,
		MaxBytes:       c.BucketMaxFile,
		AllowPrivate:   c.DownloadAllowPrivate,
		AllowPlainHTTP: c.DownloadAllowHTTP,
		Folder:         c.Scratch,
		Now:            now,
	})
	if err != nil {
		return nil, nil, errors.Join(err, closeBucket())
	}
	return activities, func() {
		activities.Close()
		if err := closeBucket(); err != nil {
			s.Log.Error("close bucket", zap.Error(err))
		}
	}, nil
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
