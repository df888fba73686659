// Package artmailhook verifies and reads what Artmail posts to an agent's webhook URL.
//
// It knows the signature of Artmail's "Publish your agent" and the events of its "Webhook events reference". It does not know
// HTTP, storage, which agents there are or what a workflow makes of an event.
//
// The envelope is only partly documented: activationId and timestamp are certain, the name of the field that holds the kind, the
// unit of the time and the place of the extra fields are not. So the kind is accepted under type, event, eventType or event_type,
// times as ISO text, seconds or milliseconds, and every other field at the top or under data. Where a field stands in both places,
// the one at the top counts.
package artmailhook
