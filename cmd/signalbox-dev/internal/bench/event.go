package bench

import (
	"fmt"
	"sync/atomic"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// caseID is Offload's own example.
const caseID = "4fc5904d-0e44-4ed3-aa57-c4a47ad0ae4f"

// reference is the n-th case's.
func reference(n int) string { return fmt.Sprintf("bench-%06d", n) }

// body is Offload's example of case.completed with its envelope, about 700 bytes.
func body(reference string) []byte {
	return fmt.Appendf(nil, `{"event_id":"evt_%s_%s","event_type":"case.completed","timestamp":1774131900000,"data":{"caseId":%q,`+
		`"clientReferenceId":%q,"status":"COMPLETED","channel":"EMAIL","attemptCount":2,"attachments":[{"attachmentId":`+
		`"63016fee-124b-46d8-a3e5-616f187a6c41","name":"vendor-w9.pdf","size":904860,"type":"application/pdf","messageId":`+
		`"<message-id@example.com>","inboxId":"dev-test@agentmail.to","receivedAt":1774131900000}],"resultStatus":"goal_achieved",`+
		`"result":{"signedW9Received":true,"receivedAt":"2026-03-21T15:42:00Z"},"metadata":{"vendorId":"vendor_2048"}}}`,
		caseID, digits, caseID, reference)
}

// requests give each connection a case of its own, from the first on, by its capability URL. The plain handler is given the same.
func requests(keys *keyring.Ring, connections int, count *atomic.Int64) [][]request {
	return requestsOf(keys, 0, connections, connections, count)
}

// requestsOf deal the cases out to the connections.
func requestsOf(keys *keyring.Ring, first, cases, connections int, count *atomic.Int64) [][]request {
	dealt := make([][]request, connections)
	for i := range cases {
		to := i % connections
		dealt[to] = append(dealt[to], caseRequest(keys, first+i, count))
	}
	return dealt
}

func caseRequest(keys *keyring.Ring, n int, count *atomic.Int64) request {
	name := reference(n)
	path := workflows.OffloadWebhookPath(name, keys.Token(workflows.OffloadTokenContext(name)...))
	return newRequest(path, body(name), count)
}
