package hook

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-dev/signalbox/workflows/wire"
)

// Hidden replaces each value that Redact removes.
const Hidden = "[redacted]"

// Redact returns a webhook's body for an operator who reads the delivery, without its secret and personal parts. What a workflow gets is decided
// in each provider's parse.go.
//
// Redact shows a field's value only if the providers document the field as harmless and the value is a number or has the field's form: an ID, a
// time, a boolean, a media type or one word. Only the words of reason are checked against a closed list. Any other documented field keeps its name
// and shows Hidden: an API key, a person, a question, a reason in a person's words, a result. Undocumented fields may hold secrets even in their
// names, so Redact only counts them, under the name Hidden.
//
// The result is JSON. hidden reports whether a value was removed. ok is false if the body is not one JSON document; then nothing is shown.
func Redact(body []byte) (shown json.RawMessage, hidden, ok bool) {
	value, r, ok := redact(body)
	if !ok {
		return nil, false, false
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, false, false
	}
	return encoded, r.hidden, true
}

func redact(body []byte) (shown any, r redaction, ok bool) {
	// A byte order mark is not part of the document.
	decoder := json.NewDecoder(bytes.NewReader(wire.CutDeep(bytes.TrimPrefix(body, []byte("\ufeff")))))
	// Numbers keep all their digits.
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, r, false
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, r, false
	}
	shown = r.object(value, envelopeFields)
	return shown, r, true
}

// CountUndocumented counts the fields of a webhook's body that no provider documents; 0 for a body that Redact can't show.
func CountUndocumented(body []byte) int {
	_, r, _ := redact(body)
	return r.undocumented
}

// redaction collects what was removed.
type redaction struct {
	hidden bool
	// undocumented counts the fields that no provider documents.
	undocumented int
}

// fieldRules maps each documented field to the function that shows its value; nil always hides it.
type fieldRules map[string]func(*redaction, any) any

// object shows the documented fields of an object; another kind of value is hidden.
func (r *redaction) object(value any, fields fieldRules) any {
	members, isObject := value.(map[string]any)
	if !isObject {
		return r.hide()
	}
	shown := make(map[string]any, len(members))
	others := 0
	for name, member := range members {
		show, known := fields[name]
		switch {
		case !known:
			others++
		case member == nil:
			shown[name] = nil
		case show == nil:
			shown[name] = r.hide()
		default:
			shown[name] = show(r, member)
		}
	}
	if others > 0 {
		r.hidden = true
		r.undocumented += others
		shown[Hidden] = "undocumented fields: " + strconv.Itoa(others)
	}
	return shown
}

func (r *redaction) hide() string {
	r.hidden = true
	return Hidden
}

// showText returns a function that shows numbers, and strings that harmless accepts.
func showText(harmless func(string) bool) func(*redaction, any) any {
	return func(r *redaction, value any) any {
		switch v := value.(type) {
		case json.Number:
			return v
		case string:
			if harmless(v) {
				return v
			}
		}
		return r.hide()
	}
}

// These functions show one kind of value each.
var (
	showID        = showText(func(s string) bool { return idShape.MatchString(s) && !isAgentKey(s) })
	showKind      = showText(func(s string) bool { return kindShape.MatchString(s) && !isAgentKey(s) })
	showWord      = showText(func(s string) bool { return wordShape.MatchString(s) && !isAgentKey(s) })
	showTime      = showText(isTime)
	showNumber    = showText(isNumber)
	showMediaType = showText(mediaTypeShape.MatchString)
	showReason    = showText(func(s string) bool { return slices.Contains(documentedReasons, s) })
	showYesNo     = showText(func(s string) bool { return slices.Contains([]string{"true", "false", "yes", "no"}, s) })
)

// showFlag also shows a boolean in quotes, since people look for that mistake.
func showFlag(r *redaction, value any) any {
	if _, isBool := value.(bool); isBool {
		return value
	}
	return showYesNo(r, value)
}

// documentedReasons are the reasons that Artmail documents. In an approval's response, reason is a person's own words, and every other text is hidden.
var documentedReasons = []string{"user_paused", "plan_downgrade", "webhook_failure", "user_deactivated", "admin_revoke", "stale"}

var (
	idShape   = regexp.MustCompile(`^[A-Za-z0-9._~-]{1,500}$`)
	kindShape = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)
	// wordShape matches a status that is not known yet, such as CANCELLED, but neither digits nor a sentence.
	wordShape      = regexp.MustCompile(`^[A-Za-z_]{1,40}$`)
	mediaTypeShape = regexp.MustCompile(`^(application|audio|font|image|message|model|multipart|text|video)/[A-Za-z0-9.+-]{1,100}$`)
)

// isAgentKey reports whether an ID may be an API key of Artmail, which begins with art_live_, art_test_ or similar.
func isAgentKey(s string) bool { return strings.Contains(strings.ToLower(s), "art_") }

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil && len(s) <= 32
}

// isTime also accepts a number, such as Unix seconds.
func isTime(s string) bool {
	for _, layout := range []string{
		time.RFC3339Nano, time.RFC1123, time.RFC1123Z, time.DateTime, time.DateOnly,
		"2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00",
	} {
		if _, err := time.Parse(layout, s); err == nil {
			return len(s) <= 40
		}
	}
	return isNumber(s)
}

var (
	// eventFields are the fields of an event that one of the providers documents. Artmail's may be at the top or under data.
	eventFields = fieldRules{
		// Offload
		"caseId": showID, "clientReferenceId": showID, "status": showWord, "channel": showWord, "attemptCount": showNumber, "resultStatus": showWord,
		"inputRequestId": showID, "inputRequestStatus": showWord, "inputRequestedAt": showTime,
		"attachments": showAttachments,
		"result":      nil, "metadata": nil, "failureReason": nil, "inputRequest": nil,
		// Artmail
		"activationId": showID, "timestamp": showTime, "messageId": showID, "inResponseToId": showID, "runId": showID, "approved": showFlag,
		"reason": showReason, "apiKeyRevoked": showFlag, "staleMinutes": showNumber,
		"apiKey": nil, "user": nil, "note": nil,
	}
	// envelopeFields are the fields at the top.
	envelopeFields = withEventFields(fieldRules{
		"event_id": showID, "event_type": showKind, "type": showKind, "event": showKind, "eventType": showKind,
		"data": func(r *redaction, value any) any { return r.object(value, eventFields) },
	})
	attachmentFields = fieldRules{
		"attachmentId": showID, "size": showNumber, "type": showMediaType, "receivedAt": showTime, "messageId": showID, "inboxId": showID,
		"name": nil,
	}
)

func withEventFields(fields fieldRules) fieldRules {
	maps.Copy(fields, eventFields)
	return fields
}

func showAttachments(r *redaction, value any) any {
	list, isList := value.([]any)
	if !isList {
		return r.hide()
	}
	shown := make([]any, len(list))
	for i, one := range list {
		shown[i] = r.object(one, attachmentFields)
	}
	return shown
}
