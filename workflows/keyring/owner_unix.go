//go:build unix

package keyring

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives a file the owner and group of another one. Only a different owner needs it, and only root may do it.
func keepOwner(path string, of fs.FileInfo) error {
	want, isUnix := of.Sys().(*syscall.Stat_t)
	if !isUnix {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if have, isUnix := info.Sys().(*syscall.Stat_t); isUnix && have.Uid == want.Uid && have.Gid == want.Gid {
		return nil
	}
	return os.Chown(path, int(want.Uid), int(want.Gid))
}
