package torture

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/api/workflowservice/v1"
)

// temporalReady asks for the namespace, which takes the server's database.
func (r *run) temporalReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := r.stage.temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace})
	return err
}

func (r *run) ingressReady(ctx context.Context) error {
	return r.get(ctx, r.world.ingressURL()+"/healthz", func(io.Reader) error { return nil })
}

// pending is how many deliveries wait to be handed out, as the ingress's own metrics say.
func (r *run) pending(ctx context.Context) (count int, err error) {
	const metric = `signalbox_inbox_deliveries{state="pending"} `
	count = -1
	err = r.get(ctx, r.world.internalURL()+"/metrics", func(body io.Reader) error {
		for lines := bufio.NewScanner(body); lines.Scan(); {
			if value, ok := strings.CutPrefix(lines.Text(), metric); ok {
				n, err := strconv.ParseFloat(value, 64)
				count = int(n)
				return err
			}
		}
		return errors.New("the ingress does not say how much is pending")
	})
	return count, err
}

// asks is the client for the ingress's own pages. A new connection each time: the process may be another one.
var asks = &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

func (r *run) get(ctx context.Context, url string, read func(io.Reader) error) (err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := asks.Do(request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, response.Status)
	}
	return read(response.Body)
}
