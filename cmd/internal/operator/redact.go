package operator

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
)

// hidden stands where something was taken out, so that it is seen to have been there.
const hidden = "[redacted]"

// What a field is called decides whether its value is shown, since the providers' bodies are only partly documented. Names are compared
// in lower case and without separators: api_key is apiKey.
var (
	// hiddenParts hide a field wherever they stand in its name.
	hiddenParts = []string{
		"apikey", "secret", "token", "password", "authorization", "credential",
		"email", "phone", "counterparty", "persona", "customdata", "username", "firstname", "lastname", "fullname", "displayname",
	}
	// hiddenNames hide a field of exactly this name: people, and the words that people wrote.
	hiddenNames = []string{
		"user", "users", "userid", "name", "address", "contact", "from", "to", "cc", "bcc", "replyto", "subject", "body", "text", "html",
		"result", "transcript", "messages", "inputrequest", "question", "answer", "goal", "attachments",
	}
	mailAddress = regexp.MustCompile(`[^\s@<>"',;:()]+@[^\s@<>"',;:()]+`)
)

func isHidden(field string) bool {
	name := strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "", ".", "").Replace(field))
	return slices.Contains(hiddenNames, name) || slices.ContainsFunc(hiddenParts, func(part string) bool { return strings.Contains(name, part) })
}

// redact returns a body without keys and personal data, and whether anything was taken out; nil for what is not JSON.
func redact(plain []byte) (json.RawMessage, bool) {
	decoder := json.NewDecoder(bytes.NewReader(plain))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, false
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, false
	}
	clean, taken := redactValue(value)
	encoded, err := json.Marshal(clean)
	if err != nil {
		return nil, false
	}
	return encoded, taken
}

func redactValue(value any) (_ any, taken bool) {
	switch v := value.(type) {
	case map[string]any:
		clean := make(map[string]any, len(v))
		for field, inner := range v {
			if inner != nil && isHidden(field) {
				inner, taken = hidden, true
			}
			inner, innerTaken := redactValue(inner)
			name, nameTaken := redactText(field)
			clean[name] = inner
			taken = taken || innerTaken || nameTaken
		}
		return clean, taken
	case []any:
		for i, inner := range v {
			clean, innerTaken := redactValue(inner)
			v[i] = clean
			taken = taken || innerTaken
		}
		return v, taken
	case string:
		return redactText(v)
	default:
		return v, false
	}
}

// redactText takes out mail addresses, and looks into text that is itself a JSON object or list.
func redactText(s string) (string, bool) {
	if trimmed := strings.TrimSpace(s); strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
		if inner, taken := redact([]byte(s)); taken {
			return string(inner), true
		}
	}
	clean := mailAddress.ReplaceAllString(s, hidden)
	return clean, clean != s
}
