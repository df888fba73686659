package badnetwork

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
)

// bridge passes TCP connections to a server on TCP or on a Unix socket, and can freeze them. Toxiproxy supports TCP only and can't freeze.
type bridge struct {
	listener        net.Listener
	network, server string
	// accepted is the number of connections so far; those up to the number frozen pass no data.
	accepted, frozen atomic.Int64
	copies           sync.WaitGroup

	mu     sync.Mutex
	closed bool
	open   map[net.Conn]bool
}

func newBridge(server string) (*bridge, error) {
	b := &bridge{network: "tcp", server: server, open: map[net.Conn]bool{}}
	if strings.HasPrefix(server, "/") {
		b.network = "unix"
	}
	var err error
	if b.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	b.copies.Go(b.serve)
	return b, nil
}

func (b *bridge) address() string { return b.listener.Addr().String() }

func (b *bridge) serve() {
	for {
		near, err := b.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial(b.network, b.server)
		if err != nil || !b.keep(near, far) {
			_ = near.Close()
			continue
		}
		number := b.accepted.Add(1)
		for from, to := range map[net.Conn]net.Conn{near: far, far: near} {
			b.copies.Go(func() {
				// When one connection ends, both are closed.
				_, _ = io.Copy(freezing{to, b, number}, from)
				b.drop(near, far)
			})
		}
	}
}

// keep remembers connections until drop. It returns false, and closes far, if the bridge is closed.
func (b *bridge) keep(near, far net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		_ = far.Close()
		return false
	}
	b.open[near], b.open[far] = true, true
	return true
}

func (b *bridge) drop(connections ...net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range connections {
		delete(b.open, c)
		_ = c.Close()
	}
}

func (b *bridge) close() error {
	err := b.listener.Close()
	b.mu.Lock()
	b.closed = true
	for c := range b.open {
		_ = c.Close()
	}
	b.mu.Unlock()
	b.copies.Wait()
	return err
}

// freezing is a writer that drops its data, without an error, once its connection is frozen.
type freezing struct {
	io.Writer
	bridge *bridge
	number int64
}

func (f freezing) Write(p []byte) (int, error) {
	if f.number <= f.bridge.frozen.Load() {
		return len(p), nil
	}
	return f.Writer.Write(p)
}
