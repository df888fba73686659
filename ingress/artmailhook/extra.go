package artmailhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

// extra is what nobody has taken, as one JSON object, or nil where nothing is left. An API key is never among it, under whatever
// spelling and however deep it stands, nor as a part of another text. The first one met is returned beside.
func (f fields) extra(taken []string, apiKey string) (rest json.RawMessage, key string, err error) {
	left := maps.Clone(f.data)
	if left == nil {
		left = map[string]json.RawMessage{}
	}
	maps.Copy(left, f.top)
	for _, name := range taken {
		delete(left, name)
	}
	clean := map[string]any{}
	for name, raw := range left {
		var value any
		// Numbers keep all their digits.
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.UseNumber()
		if err := decoder.Decode(&value); err != nil {
			return nil, "", fmt.Errorf("%w: %w", ErrUnparseable, err)
		}
		clean[name] = value
	}
	takeAPIKey(clean, &apiKey)
	if len(clean) == 0 {
		return nil, apiKey, nil
	}
	rest, err = json.Marshal(redacted(clean, apiKey))
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", ErrUnparseable, err)
	}
	return rest, apiKey, nil
}

func takeAPIKey(value any, found *string) {
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			if !isAPIKey(name) {
				takeAPIKey(member, found)
				continue
			}
			if s, ok := member.(string); ok && *found == "" {
				*found = s
			}
			delete(v, name)
		}
	case []any:
		for _, member := range v {
			takeAPIKey(member, found)
		}
	}
}

func isAPIKey(name string) bool {
	return strings.EqualFold(strings.NewReplacer("_", "", "-", "").Replace(name), "apikey")
}

func redacted(value any, apiKey string) any {
	switch v := value.(type) {
	case string:
		if apiKey != "" {
			return strings.ReplaceAll(v, apiKey, "[redacted]")
		}
	case map[string]any:
		for name, member := range v {
			v[name] = redacted(member, apiKey)
		}
	case []any:
		for i, member := range v {
			v[i] = redacted(member, apiKey)
		}
	}
	return value
}
