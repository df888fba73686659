package offloadapi

import (
	"strings"
	"unicode"

	"github.com/signalbox-dev/signalbox/workflows/wire"
)

const (
	// maxMessage and maxCode, in bytes, bound the provider's texts, because a history stores error messages whole.
	maxMessage = 400
	maxCode    = 60
)

// textError is the error of Offload's envelope.
type textError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// explain reads the code and message of a response that is not 2xx: Offload's envelope, else the bare {"message"} of an AWS gateway,
// else the text itself.
func explain(body []byte, secrets []string) (code, message string) {
	var parsed struct {
		Error   textError `json:"error"`
		Message string    `json:"message"`
	}
	if _, err := wire.Read(body, &parsed); err != nil {
		// A response may have no envelope (Offload, "Error handling"). An HTML page adds nothing to the status.
		if strings.HasPrefix(strings.TrimSpace(string(body)), "<") {
			return "", ""
		}
		return "", harmless(string(body), maxMessage, secrets)
	}
	if parsed.Error == (textError{}) {
		return "", harmless(parsed.Message, maxMessage, secrets)
	}
	return harmless(parsed.Error.Code, maxCode, secrets), harmless(parsed.Error.Message, maxMessage, secrets)
}

// harmless returns the provider's text on one line, without secrets and shortened. It removes secrets after clean, which could otherwise join
// the parts of one, and before clip, which could otherwise leave half of one.
func harmless(text string, most int, secrets []string) string {
	text = clean(text)
	for _, secret := range secrets {
		text = strings.ReplaceAll(text, secret, "[secret]")
	}
	return clip(text, most)
}

func oneLine(text string, most int) string { return clip(clean(text), most) }

// clean returns the text as valid UTF-8, which Temporal requires, on one line.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	return strings.TrimSpace(text)
}

// clip shortens clean text to at most that many bytes.
func clip(text string, most int) string {
	const more = "…"
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most-len(more)], "") + more // the cut may have left a part of a character
}
