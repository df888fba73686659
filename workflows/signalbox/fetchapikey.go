package signalbox

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

var (
	// ErrNoAPIKeyYet: Artmail has not activated the agent yet. Ask again later.
	ErrNoAPIKeyYet = errors.New("the API key has not arrived yet")
	// ErrAPIKeyLost: the activation is active, but the only webhook with the key has not come. If it
	// is late, the notice "activation.activated" follows it; otherwise the brand must activate the agent again.
	ErrAPIKeyLost = errors.New("the API key has not arrived with the activation")
	// ErrDenied: the token may not reveal keys of the agent.
	ErrDenied = errors.New("the token may not do this")
)

// FetchAPIKeyOptions hold the address of the API and the token for FetchAPIKey.
type FetchAPIKeyOptions struct {
	// URL is the address of Signalbox's internal listener, such as https://signalbox.internal:8081. The answer holds the key: use https
	// unless both run on one machine.
	URL string
	// Token is an API token with the scope keys:reveal. If the token is limited to agents, the agent must be one of them. Empty: for a
	// listener on loopback that asks for no token.
	Token string
	// Client makes the call. Nil means a client with a timeout of 15 seconds that follows no redirects.
	Client *http.Client
}

// maxAPIKeyAnswer is the most bytes of an answer that are read.
const maxAPIKeyAnswer = 64 << 10

// FetchAPIKey gets the API key of an activation over the HTTP API. It is for the worker of an agent's author, which has no keyring.
// Signalbox records the name of the token. Keep the key in memory only, and put it in no result, error or log. FetchAPIKey fails with
// ErrNoAPIKeyYet, ErrAPIKeyLost, ErrEnded (the activation was deactivated), ErrTerminated, ErrTimedOut or ErrFailed (its workflow closed in
// Temporal), ErrNotFound (no such activation), ErrDenied, ErrInvalid or ErrUnavailable.
func FetchAPIKey(ctx context.Context, options FetchAPIKeyOptions, agent, activationID string) (string, error) {
	op := fmt.Sprintf("fetch API key of activation %s/%s", agent, activationID)
	base, err := url.Parse(options.URL)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return "", fmt.Errorf("%s: %w: URL: set an absolute http or https URL", op, ErrInvalid)
	}
	address := strings.TrimSuffix(options.URL, "/") + "/v1/activations/" + url.PathEscape(agent) + "/" + url.PathEscape(activationID) + "/api-key"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, http.NoBody)
	if err != nil {
		return "", fmt.Errorf("%s: %w: %w", op, ErrInvalid, err)
	}
	if options.Token != "" {
		request.Header.Set("Authorization", "Bearer "+options.Token)
	}
	client := options.Client
	if client == nil {
		// A redirect would send the token to another address.
		client = &http.Client{Timeout: 15 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	response, err := client.Do(request)
	if err != nil {
		return "", fmt.Errorf("%s: %w: %w", op, cmp.Or(ctx.Err(), ErrUnavailable), err)
	}
	defer func() { _ = response.Body.Close() }() // the body is already read, or the call has failed
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAPIKeyAnswer))
	if err != nil {
		return "", fmt.Errorf("%s: %w: read answer: %w", op, cmp.Or(ctx.Err(), ErrUnavailable), err)
	}
	var answer struct {
		APIKey string `json:"apiKey"`
		Type   string `json:"type"`
		Detail string `json:"detail"`
	}
	// The error of Unmarshal can repeat parts of the answer, which may be the key.
	unreadable := json.Unmarshal(body, &answer) != nil
	switch {
	case response.StatusCode >= http.StatusInternalServerError, response.StatusCode == http.StatusTooManyRequests: // also from a proxy
		return "", fmt.Errorf("%s: %w: status %d: %s", op, ErrUnavailable, response.StatusCode, cmp.Or(answer.Detail, "no reason was given"))
	case unreadable:
		return "", fmt.Errorf("%s: %w: the answer (status %d) is not from Signalbox: check the URL", op, ErrInvalid, response.StatusCode)
	case response.StatusCode == http.StatusOK && answer.APIKey != "":
		return answer.APIKey, nil
	}
	return "", fmt.Errorf("%s: %w: %s", op, apiKeyError(answer.Type), answer.Detail)
}

// apiKeyError returns the sentinel for the type of a problem document.
func apiKeyError(typ string) error {
	switch strings.TrimPrefix(typ, "urn:signalbox:problem:") {
	case "no-api-key-yet":
		return ErrNoAPIKeyYet
	case "api-key-lost":
		return ErrAPIKeyLost
	case "ended":
		return ErrEnded
	case "terminated":
		return ErrTerminated
	case "timed-out":
		return ErrTimedOut
	case "failed":
		return ErrFailed
	case "not-found":
		return ErrNotFound
	case "unauthorized", "missing-scope", "other-agent":
		return ErrDenied
	}
	return ErrInvalid
}
