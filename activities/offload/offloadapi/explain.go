package offloadapi

import (
	"errors"
	"regexp"
	"strconv"
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
// else the text itself. It may quote secrets: see withoutSecrets.
func explain(body []byte) (code, message string) {
	var parsed struct {
		Error   textError `json:"error"`
		Message string    `json:"message"`
	}
	if _, err := wire.Read(body, &parsed); err != nil {
		// A response may have no envelope (Offload, "Error handling"). An HTML page adds nothing to the status.
		if strings.HasPrefix(strings.TrimSpace(string(body)), "<") {
			return "", ""
		}
		return "", string(body)
	}
	if parsed.Error == (textError{}) {
		return "", parsed.Message
	}
	return parsed.Error.Code, parsed.Error.Message
}

// withoutSecrets makes the texts of an *Error fit for a history: on one line, short, and without the secrets, the capability URLs of any case
// and the shared secret. The message may quote a stored case, and the cause a malformed response with the request in it.
func withoutSecrets(err error, secrets ...string) error {
	var failed *Error
	if !errors.As(err, &failed) {
		return err
	}
	failed.Code, failed.Message = harmless(failed.Code, maxCode, secrets), harmless(failed.Message, maxMessage, secrets)
	if failed.Err != nil {
		failed.Err = cause{failed.Err, harmless(strings.ReplaceAll(failed.Err.Error(), "\n", ": "), maxMessage, secrets)}
	}
	return err
}

// cause is an error with another text.
type cause struct {
	err  error
	text string
}

func (c cause) Error() string { return c.text }

func (c cause) Unwrap() error { return c.err }

// secretForm is a webhook path with its secret, or 50 characters of base64url, which is the token of a capability URL.
var secretForm = regexp.MustCompile(`webhooks\\?/offload[^\s"'<>]*|[A-Za-z0-9_-]{50,}`)

// harmless returns the text on one line, without secrets and shortened. It removes secrets after clean, which could otherwise join
// the parts of one, and before clip, which could otherwise leave half of one.
func harmless(text string, most int, secrets []string) string {
	text = clean(text)
	for _, secret := range secrets {
		for _, form := range []string{secret, strings.Trim(strconv.Quote(secret), `"`)} { // net/http quotes a malformed response
			text = strings.ReplaceAll(text, form, "[secret]")
		}
	}
	return clip(secretForm.ReplaceAllString(text, "[secret]"), most)
}

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
