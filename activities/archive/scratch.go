package archive

import (
	"fmt"
	"io"
	"os"
)

// scratch is an unnamed local file for one download.
type scratch struct{ file *os.File }

func newScratch(folder string) (*scratch, error) {
	file, err := os.CreateTemp(folder, "signalbox-*")
	if err != nil {
		return nil, fmt.Errorf("%w: create: %w", errWorker, err)
	}
	// An unnamed file disappears with the process, even after a crash. On systems that can't remove an open file, drop removes it.
	_ = os.Remove(file.Name())
	return &scratch{file}, nil
}

// Write wraps its errors with errWorker, so that a full disk does not look like a broken download.
func (s *scratch) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	if err != nil {
		return n, fmt.Errorf("%w: write: %w", errWorker, err)
	}
	return n, nil
}

// reader returns a reader of the file from its beginning.
func (s *scratch) reader() (io.Reader, error) {
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("%w: rewind: %w", errWorker, err)
	}
	return s.file, nil
}

// drop closes and removes the file. It ignores errors, which do not concern the file in the bucket.
func (s *scratch) drop() {
	_ = s.file.Close()
	_ = os.Remove(s.file.Name())
}
