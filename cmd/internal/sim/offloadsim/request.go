package offloadsim

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
)

const (
	defaultMaxAttempts        = 3
	defaultFollowUpDelayHours = 72
)

// createRequest is a validated body of POST /cases.
type createRequest struct {
	channel            string
	goal               map[string]any
	counterparty       map[string]any
	senderPersona      map[string]any
	clientReferenceID  string
	constraints        []any
	maxAttempts        int
	followUpDelayHours int
	resultSchema       map[string]any
	clientWebhookURL   string
	metadata           map[string]any
}

// parseCreate checks a body against the field table of the create page. Unknown fields are ignored.
func parseCreate(body []byte) (createRequest, *apiError) {
	var raw map[string]any
	if err := json.Unmarshal(body, &raw); err != nil || raw == nil {
		return createRequest{}, invalidRequest("Malformed JSON body")
	}
	f := fields{raw: raw}
	req := createRequest{
		channel:            f.oneOf("channel", "EMAIL", "SMS"),
		goal:               f.object("goal", required),
		counterparty:       f.object("counterparty", required),
		senderPersona:      f.object("senderPersona", required),
		clientReferenceID:  f.text("clientReferenceId", optional),
		constraints:        f.texts("constraints"),
		maxAttempts:        f.integer("maxAttempts", defaultMaxAttempts, 0),
		followUpDelayHours: f.integer("followUpDelayHours", defaultFollowUpDelayHours, 1),
		resultSchema:       f.object("resultSchema", optional),
		clientWebhookURL:   f.webURL("clientWebhookUrl"),
		metadata:           f.object("metadata", optional),
	}
	goal := fields{raw: req.goal, path: "goal.", bad: f.bad}
	goal.text("objective", required)
	goal.textOrObject("knowledge")
	counterparty := fields{raw: req.counterparty, path: "counterparty.", bad: goal.bad}
	counterparty.text("address", required)
	counterparty.text("name", required)
	counterparty.text("company", optional)
	counterparty.text("timezone", optional)
	counterparty.textMap("customData")
	persona := fields{raw: req.senderPersona, path: "senderPersona.", bad: counterparty.bad}
	persona.text("name", required)
	persona.text("role", optional)
	persona.text("company", optional)
	persona.text("tone", optional)
	return req, persona.bad
}

type necessity bool

const (
	required necessity = true
	optional necessity = false
)

// fields reads typed fields of an object and keeps the first mistake.
type fields struct {
	raw  map[string]any
	path string
	bad  *apiError
}

func (f *fields) wrong(name, what string) {
	if f.bad == nil {
		f.bad = invalidRequest(fmt.Sprintf("%s%s must be %s", f.path, name, what))
	}
}

func field[T any](f *fields, name string, need necessity, what string) (value T) {
	raw, there := f.raw[name]
	if !there && !bool(need) {
		return value
	}
	value, ok := raw.(T)
	if !ok {
		f.wrong(name, what)
	}
	return value
}

func (f *fields) text(name string, need necessity) string {
	text := field[string](f, name, need, "a string")
	if bool(need) && text == "" {
		f.wrong(name, "a non-empty string")
	}
	return text
}

func (f *fields) object(name string, need necessity) map[string]any {
	return field[map[string]any](f, name, need, "an object")
}

func (f *fields) oneOf(name string, allowed ...string) string {
	text := field[string](f, name, required, "a string")
	for _, a := range allowed {
		if text == a {
			return text
		}
	}
	f.wrong(name, fmt.Sprintf("one of %v", allowed))
	return ""
}

func (f *fields) texts(name string) []any {
	list := field[[]any](f, name, optional, "an array of strings")
	for _, item := range list {
		if _, ok := item.(string); !ok {
			f.wrong(name, "an array of strings")
		}
	}
	return list
}

func (f *fields) textMap(name string) {
	for _, value := range field[map[string]any](f, name, optional, "an object of strings") {
		if _, ok := value.(string); !ok {
			f.wrong(name, "an object of strings")
		}
	}
}

func (f *fields) textOrObject(name string) {
	switch value := f.raw[name].(type) {
	case string, map[string]any:
	default:
		if _, there := f.raw[name]; there || value != nil {
			f.wrong(name, "a string or an object")
		}
	}
}

func (f *fields) integer(name string, byDefault, least int) int {
	if _, there := f.raw[name]; !there {
		return byDefault
	}
	number := field[float64](f, name, required, "an integer")
	if number != math.Trunc(number) || number < float64(least) || number > math.MaxInt32 {
		f.wrong(name, fmt.Sprintf("an integer of at least %d", least))
		return byDefault
	}
	return int(number)
}

func (f *fields) webURL(name string) string {
	text := field[string](f, name, optional, "a string")
	if _, there := f.raw[name]; !there {
		return ""
	}
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" || (parsed.Scheme != "http" && parsed.Scheme != "https") {
		f.wrong(name, "a valid URL")
	}
	return text
}
