package operator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

const (
	// quickTimeout is for what reads; longTimeout for what may go over the whole inbox.
	quickTimeout = 30 * time.Second
	longTimeout  = time.Hour
)

// Client asks the process that has the inbox open.
type Client struct{ http *http.Client }

var _ Operations = (*Client)(nil)

// Dial returns a Client where somebody listens on the socket, and nil where nobody does: then the inbox is free to be opened.
func Dial(ctx context.Context, path string) *Client {
	conn, err := dial(ctx, path)
	if err != nil {
		return nil
	}
	// It only asked whether somebody is there; each request dials again.
	_ = conn.Close()
	return &Client{&http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, path) },
	}}}
}

// List implements Operations.
func (c *Client) List(ctx context.Context, filter inbox.Filter) (List, error) {
	return call[List](ctx, c, routeList, filter, quickTimeout)
}

// Show implements Operations.
func (c *Client) Show(ctx context.Context, request ShowRequest) (Shown, error) {
	return call[Shown](ctx, c, routeShow, request, quickTimeout)
}

// Replay implements Operations.
func (c *Client) Replay(ctx context.Context, request ReplayRequest) (Replayed, error) {
	return call[Replayed](ctx, c, routeReplay, request, longTimeout)
}

// Release implements Operations.
func (c *Client) Release(ctx context.Context, request ReleaseRequest) (ingress.Released, error) {
	return call[ingress.Released](ctx, c, routeRelease, request, longTimeout)
}

// Purge implements Operations.
func (c *Client) Purge(ctx context.Context, request PurgeRequest) (inbox.Purged, error) {
	return call[inbox.Purged](ctx, c, routePurge, request, longTimeout)
}

// Counts implements Operations.
func (c *Client) Counts(ctx context.Context) (Counts, error) {
	return call[Counts](ctx, c, routeCounts, struct{}{}, quickTimeout)
}

func call[Answer any](ctx context.Context, c *Client, route string, request any, timeout time.Duration) (answer Answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	encoded, err := json.Marshal(request)
	if err != nil {
		return answer, fmt.Errorf("encode request: %w", err)
	}
	asked, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://inbox"+route, bytes.NewReader(encoded))
	if err != nil {
		return answer, fmt.Errorf("make request: %w", err)
	}
	response, err := c.http.Do(asked)
	if err != nil {
		return answer, fmt.Errorf("ask the process that has the inbox open: %w", err)
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	decoder := json.NewDecoder(response.Body)
	if response.StatusCode != http.StatusOK {
		var f failure
		if err := decoder.Decode(&f); err != nil {
			return answer, fmt.Errorf("the process that has the inbox open answered %s", response.Status)
		}
		return answer, f.err()
	}
	if err := decoder.Decode(&answer); err != nil {
		return answer, fmt.Errorf("read answer: %w", err)
	}
	return answer, nil
}
