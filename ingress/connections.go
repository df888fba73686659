package ingress

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
)

// connections keeps one place free for a new connection: when the last place is taken, it closes the oldest connection that has proved
// nothing. If all have sent a verified webhook, it closes the one that has waited longest for a request. A connection with a verified
// request under way is never closed; if all have one, a new connection waits.
type connections struct {
	most int

	mu   sync.Mutex
	open map[net.Conn]*connection
	// strangers have proved nothing, in the order in which they came. idle have, and wait for a request, the longest first.
	strangers, idle list.List
}

type connection struct {
	conn   net.Conn
	proven bool
	// list and place say where the connection stands; nil while it has a verified request under way.
	list  *list.List
	place *list.Element
}

type connectionKey struct{}

func newConnections(most int) *connections {
	return &connections{most: most, open: map[net.Conn]*connection{}}
}

// accept is the server's ConnContext: it comes once for each new connection.
func (c *connections) accept(ctx context.Context, conn net.Conn) context.Context {
	added := &connection{conn: conn}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[conn] = added
	if len(c.open) >= c.most {
		c.closeOne()
	}
	added.moveTo(&c.strangers)
	return context.WithValue(ctx, connectionKey{}, added)
}

func (c *connections) closeOne() {
	for _, from := range []*list.List{&c.strangers, &c.idle} {
		if first := from.Front(); first != nil {
			closing := first.Value.(*connection) //nolint:errcheck // the lists hold nothing else
			closing.moveTo(nil)
			delete(c.open, closing.conn)
			_ = closing.conn.Close() // the peer may have closed it first
			return
		}
	}
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
		if known.proven {
			known.moveTo(nil)
		}
	case http.StateIdle:
		if known.proven {
			known.moveTo(&c.idle)
		}
	case http.StateClosed, http.StateHijacked:
		known.moveTo(nil)
		delete(c.open, conn)
	default:
	}
}

// prove says that the connection of the context has sent a verified webhook.
func (c *connections) prove(ctx context.Context) {
	known, is := ctx.Value(connectionKey{}).(*connection)
	if !is { // a recorder of a test
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known.proven = true
	known.moveTo(nil)
}

func (c *connection) moveTo(to *list.List) {
	if c.list != nil {
		c.list.Remove(c.place)
	}
	if c.list, c.place = to, nil; to != nil {
		c.place = to.PushBack(c)
	}
}
