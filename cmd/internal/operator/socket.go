package operator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"
)

// SocketPath is where the process that has an inbox open listens.
func SocketPath(inboxPath string) string { return inboxPath + ".sock" }

const dialTimeout = 2 * time.Second

// ErrTaken says that another process listens on the socket.
var ErrTaken = errors.New("another process listens on the operator socket")

// Listen makes the socket, mode 0600: whoever may not enter its folder or write to it can't ask for anything, and on Linux neither can
// another user than this process's and root. A socket that a crash left behind is replaced; one on which somebody listens is ErrTaken.
// The file goes when the listener is closed.
func Listen(ctx context.Context, path string) (net.Listener, error) {
	if err := removeStale(ctx, path); err != nil {
		return nil, fmt.Errorf("operator socket: %w", err)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("operator socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("operator socket: %w", err), listener.Close())
	}
	return ownersOnly{listener}, nil
}

// removeStale never removes a file that is no socket: the path may be a mistake.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&fs.ModeSocket == 0:
		return fmt.Errorf("%s is there and is no socket", path)
	}
	if conn, err := dial(ctx, path); err == nil {
		return errors.Join(fmt.Errorf("%w: %s", ErrTaken, path), conn.Close())
	}
	return os.Remove(path)
}

func dial(ctx context.Context, path string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	return dialer.DialContext(ctx, "unix", path)
}

// ownersOnly hangs up on other users: between making a socket and restricting it there is a moment.
type ownersOnly struct{ net.Listener }

func (l ownersOnly) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if uid, known := peerUID(conn); known && uid != 0 && uid != os.Geteuid() {
			// A stranger's connection; nothing is lost where closing it fails.
			_ = conn.Close()
			continue
		}
		return conn, nil
	}
}
