package ingress

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
)

// connections keeps one place free for a new connection: when the last place is taken, it closes the oldest unverified connection. If all
// have sent a verified webhook, it closes the one that has been idle for longest. It never closes a connection with a verified request
// under way; if all have one, a new connection waits, and the first connection that becomes idle is closed for it.
type connections struct {
	most int

	mu   sync.Mutex
	open map[net.Conn]*connection
	// unverified connections have sent no verified webhook; the oldest is first. idle ones have, and now wait for a request; the one that
	// has waited longest is first.
	unverified, idle list.List
}

type connection struct {
	conn     net.Conn
	verified bool
	// list and place say where the connection is listed; nil while it has a verified request under way.
	list  *list.List
	place *list.Element
}

type connectionKey struct{}

func newConnections(most int) *connections {
	return &connections{most: most, open: map[net.Conn]*connection{}}
}

// accept is the server's ConnContext: net/http calls it once for each new connection.
func (c *connections) accept(ctx context.Context, conn net.Conn) context.Context {
	added := &connection{conn: conn}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[conn] = added
	if len(c.open) >= c.most {
		c.closeOne()
	}
	added.moveTo(&c.unverified)
	return context.WithValue(ctx, connectionKey{}, added)
}

func (c *connections) closeOne() {
	for _, from := range []*list.List{&c.unverified, &c.idle} {
		if first := from.Front(); first != nil {
			c.close(first.Value.(*connection)) //nolint:errcheck // the lists hold nothing else
			return
		}
	}
}

func (c *connections) close(closing *connection) {
	closing.moveTo(nil)
	delete(c.open, closing.conn)
	_ = closing.conn.Close() // the peer may have closed it first
}

// changed is the server's ConnState.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, isOpen := c.open[conn]
	if !isOpen {
		return
	}
	switch state {
	case http.StateActive:
		if known.verified {
			known.moveTo(nil)
		}
	case http.StateIdle:
		if known.verified {
			known.moveTo(&c.idle)
		}
		if len(c.open) >= c.most { // no other could be closed when the last place was taken
			c.close(known)
		}
	case http.StateClosed, http.StateHijacked:
		known.moveTo(nil)
		delete(c.open, conn)
	default:
	}
}

// markVerified records that the connection of the context has sent a verified webhook.
func (c *connections) markVerified(ctx context.Context) {
	known, is := ctx.Value(connectionKey{}).(*connection)
	if !is { // a test's request without a connection
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known.verified = true
	known.moveTo(nil)
}

// moveTo moves the connection to the end of a list, or out of all lists where the list is nil.
func (c *connection) moveTo(to *list.List) {
	if c.list != nil {
		c.list.Remove(c.place)
	}
	if c.list, c.place = to, nil; to != nil {
		c.place = to.PushBack(c)
	}
}
