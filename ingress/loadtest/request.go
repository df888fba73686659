package loadtest

import (
	"bytes"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// Request is an HTTP request whose event_id gets another number each time.
type Request struct {
	bytes  []byte
	number []byte
	count  *atomic.Int64
}

// digits is the place of the number in an event_id.
const digits = "000000000000"

func (r Request) renumber() {
	var buffer [len(digits)]byte
	number := strconv.AppendInt(buffer[:0], r.count.Add(1), 10)
	copy(r.number[len(r.number)-len(number):], number)
}

// ForCase posts to the n-th case by its capability URL. Requests that share a count never repeat a number.
func ForCase(keys *keyring.Ring, n int, count *atomic.Int64) Request {
	name := Reference(n)
	path := workflows.OffloadWebhookPath(name, keys.Token(workflows.OffloadTokenContext(name)...))
	body := Body(name)
	b := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", path, len(body))
	b = append(b, body...)
	at := bytes.Index(b, []byte(digits))
	return Request{bytes: b, number: b[at : at+len(digits)], count: count}
}

// ForCases posts to the first cases, one for each connection.
func ForCases(keys *keyring.Ring, connections int, count *atomic.Int64) []Request {
	list := make([]Request, connections)
	for i := range list {
		list[i] = ForCase(keys, i, count)
	}
	return list
}

// CaseID is Offload's own example.
const CaseID = "4fc5904d-0e44-4ed3-aa57-c4a47ad0ae4f"

// Reference is the n-th case's.
func Reference(n int) string { return fmt.Sprintf("bench-%06d", n) }

// Body is Offload's example of case.completed with its envelope, about 700 bytes.
func Body(reference string) []byte {
	return fmt.Appendf(nil, `{"event_id":"evt_%s_%s","event_type":"case.completed","timestamp":1774131900000,"data":{"caseId":%q,`+
		`"clientReferenceId":%q,"status":"COMPLETED","channel":"EMAIL","attemptCount":2,"attachments":[{"attachmentId":`+
		`"63016fee-124b-46d8-a3e5-616f187a6c41","name":"vendor-w9.pdf","size":904860,"type":"application/pdf","messageId":`+
		`"<message-id@example.com>","inboxId":"dev-test@agentmail.to","receivedAt":1774131900000}],"resultStatus":"goal_achieved",`+
		`"result":{"signedW9Received":true,"receivedAt":"2026-03-21T15:42:00Z"},"metadata":{"vendorId":"vendor_2048"}}}`,
		CaseID, digits, CaseID, reference)
}
