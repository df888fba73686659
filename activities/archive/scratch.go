package archive

import (
	"fmt"
	"io"
	"os"
)

// scratch is a local file without a name that holds one download.
type scratch struct{ file *os.File }

func newScratch(folder string) (*scratch, error) {
	file, err := os.CreateTemp(folder, "signalbox-*")
	if err != nil {
		return nil, fmt.Errorf("%w: create: %w", errWorker, err)
	}
	// Without a name it is gone with the process, however that ends. Where a file in use can't be removed, drop does it.
	_ = os.Remove(file.Name())
	return &scratch{file}, nil
}

// Write marks its errors, so that a full disk is not taken for a broken download.
func (s *scratch) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	if err != nil {
		return n, fmt.Errorf("%w: write: %w", errWorker, err)
	}
	return n, nil
}

// reader reads what was written, from its beginning.
func (s *scratch) reader() (io.Reader, error) {
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("%w: rewind: %w", errWorker, err)
	}
	return s.file, nil
}

// drop gives the space back. What fails here changes nothing about the file in the bucket.
func (s *scratch) drop() {
	_ = s.file.Close()
	_ = os.Remove(s.file.Name())
}
