package notice

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/signalbox-dev/signalbox/workflows"
)

// callback is a Callback with its signers and client.
type callback struct {
	url     string
	signers []*standardwebhooks.Webhook
	client  *http.Client
	// slots bounds the posts under way, so that a receiver that hangs does not occupy the whole worker.
	slots chan struct{}
}

const (
	// postsAtOnce is how many posts to one callback a process has under way. Another post is retried after busyPause.
	postsAtOnce = 100
	// maxResponse is how much of a response is read, so that the connection can be used again.
	maxResponse = 64 << 10
)

// Post delivers a notice to a callback: its JSON, signed as Standard Webhooks says ("v1"), one signature for each secret. The notice is
// delivered after a 2xx within 15 seconds. 410 means that the receiver wants no more notices of this source (ErrTypeNoticeTargetGone). Any other
// response, including a redirect, is retried, and not before the pause of Retry-After, at most a day, has passed, except for a last attempt
// before the time of the delivery is over. Post does not keep the response body.
func (a *Activities) Post(ctx context.Context, d workflows.DeliverNotice) (workflows.NoticeDelivery, error) {
	name := d.To.Callback
	return a.attempt(ctx, fmt.Sprintf("post to callback %q", name), func() (int, *failure) {
		to, known := a.callbacks[name]
		if !known {
			return 0, a.notConfigured(ctx, fmt.Errorf("no such callback is configured: set callbacks.%s, and resend the notice if it was given up", name))
		}
		return to.post(ctx, d.Notice, a.now())
	})
}

func (c *callback) post(ctx context.Context, n workflows.Notice, now time.Time) (status int, failed *failure) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	default:
		return 0, &failure{
			err:       fmt.Errorf("%d posts are under way: the receiver is slow", postsAtOnce),
			errorType: workflows.ErrTypeNoticeUndelivered, pause: busyPause,
		}
	}
	request, err := c.request(ctx, n, now)
	if err != nil {
		return 0, final(workflows.ErrTypeNoticeInvalid, err)
	}
	response, err := c.client.Do(request)
	if err != nil {
		return 0, undelivered(withoutURL(err))
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.CopyN(io.Discard, response.Body, maxResponse)
	return response.StatusCode, classify(response, now)
}

func (c *callback) request(ctx context.Context, n workflows.Notice, now time.Time) (*http.Request, error) {
	body, err := json.Marshal(n)
	if err != nil {
		return nil, fmt.Errorf("write notice %s: %w", n.ID, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the callback's URL is invalid")
	}
	signatures := make([]string, 0, len(c.signers))
	for _, signer := range c.signers {
		signature, err := signer.Sign(n.ID, now, body)
		if err != nil {
			return nil, fmt.Errorf("sign notice %s: %w", n.ID, err)
		}
		signatures = append(signatures, signature)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Signalbox")
	request.Header.Set(standardwebhooks.HeaderWebhookID, n.ID)
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return request, nil
}

// withoutURL removes the callback's URL from an error: it may hold a token.
func withoutURL(err error) error {
	at, ok := errors.AsType[*url.Error](err)
	if !ok {
		return err
	}
	if at.Timeout() {
		return fmt.Errorf("no response within %s", postTimeout)
	}
	return at.Err
}
