package signalbox

import (
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
	// ErrNoAPIKeyYet: Artmail has not activated the agent yet; ask again later.
	ErrNoAPIKeyYet = errors.New("the API key has not come yet")
	// ErrAPIKeyLost: Artmail shows the key once, and that webhook never came. The brand has to activate the agent anew.
	ErrAPIKeyLost = errors.New("the API key never came")
	// ErrDenied: the API does not let the token reveal keys of the agent.
	ErrDenied = errors.New("the token may not do this")
)

// FetchAPIKeyOptions say where and as whom FetchAPIKey asks.
type FetchAPIKeyOptions struct {
	// URL is the internal listener of Signalbox, such as https://signalbox.internal:8081. The key travels in the answer: use https beyond one
	// machine.
	URL string
	// Token has the scope keys:reveal and, if it is limited, the agent. Empty: the listener is on loopback and asks for none.
	Token string
	// Client makes the call. Nil: one with a timeout of 15 seconds that follows no redirect.
	Client *http.Client
}

// maxAPIKeyAnswer is the largest answer that is read, in bytes.
const maxAPIKeyAnswer = 64 << 10

// FetchAPIKey gets the API key of an activation over the HTTP API, for the worker of an agent's author, which has no keyring. The inbox of
// Signalbox records the token's name. Keep the key in memory only: it belongs in no result, no error and no log. It fails with ErrNoAPIKeyYet,
// ErrAPIKeyLost, ErrEnded (deactivated), ErrNotFound (no such activation), ErrDenied, ErrInvalid or ErrUnavailable.
func FetchAPIKey(ctx context.Context, options FetchAPIKeyOptions, agent, activationID string) (string, error) {
	op := fmt.Sprintf("fetch API key of activation %s/%s", agent, activationID)
	base, err := url.Parse(options.URL)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		return "", fmt.Errorf("%s: %w: URL: want an absolute http or https URL", op, ErrInvalid)
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
		// A redirect would take the token elsewhere.
		client = &http.Client{Timeout: 15 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	response, err := client.Do(request)
	if err != nil {
		return "", fmt.Errorf("%s: %w: %w", op, ErrUnavailable, err)
	}
	defer func() { _ = response.Body.Close() }() // it was read, or is of no use
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAPIKeyAnswer))
	if err != nil {
		return "", fmt.Errorf("%s: %w: read answer: %w", op, ErrUnavailable, err)
	}
	var answer struct {
		APIKey string `json:"apiKey"`
		Type   string `json:"type"`
		Detail string `json:"detail"`
	}
	// An error would repeat parts of the answer, which may be the key.
	if json.Unmarshal(body, &answer) != nil {
		return "", fmt.Errorf("%s: %w: status %d is no answer of Signalbox: see the URL", op, ErrInvalid, response.StatusCode)
	}
	switch {
	case response.StatusCode == http.StatusOK && answer.APIKey != "":
		return answer.APIKey, nil
	case response.StatusCode >= http.StatusInternalServerError, response.StatusCode == http.StatusTooManyRequests:
		return "", fmt.Errorf("%s: %w: status %d: %s", op, ErrUnavailable, response.StatusCode, answer.Detail)
	}
	return "", fmt.Errorf("%s: %w: %s", op, apiKeyError(answer.Type), answer.Detail)
}

// apiKeyError is the sentinel for the type of a problem.
func apiKeyError(typ string) error {
	switch strings.TrimPrefix(typ, "urn:signalbox:problem:") {
	case "no-api-key-yet":
		return ErrNoAPIKeyYet
	case "api-key-lost":
		return ErrAPIKeyLost
	case "ended":
		return ErrEnded
	case "not-found":
		return ErrNotFound
	case "unauthorized", "missing-scope", "other-agent":
		return ErrDenied
	}
	return ErrInvalid
}
