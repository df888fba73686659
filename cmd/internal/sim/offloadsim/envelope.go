package offloadsim

import (
	"net/http"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simbase"
)

// The codes of Offload's error envelope.
const (
	codeInvalidRequest     = "INVALID_REQUEST"
	codeUnauthorized       = "UNAUTHORIZED"
	codeForbidden          = "FORBIDDEN"
	codeCaseNotFound       = "CASE_NOT_FOUND"
	codeAttachmentNotFound = "ATTACHMENT_NOT_FOUND"
	codeUsageLimitReached  = "USAGE_LIMIT_REACHED"
	codeNotWaiting         = "CASE_NOT_WAITING_FOR_INPUT"
	codeNotPending         = "INPUT_REQUEST_NOT_PENDING"
	codeMismatch           = "INPUT_REQUEST_MISMATCH"
	codeInternalError      = "INTERNAL_ERROR"
)

// apiError is an answer in Offload's error envelope.
type apiError struct {
	status  int
	code    string
	message string
}

func (e *apiError) write(w http.ResponseWriter) {
	simbase.WriteJSON(w, e.status, map[string]any{
		"ok":    false,
		"error": map[string]string{"code": e.code, "message": e.message},
	})
}

var (
	errNoKey        = &apiError{http.StatusUnauthorized, codeUnauthorized, "Missing or unknown API key"}
	errInactiveKey  = &apiError{http.StatusForbidden, codeForbidden, "API key is inactive"}
	errNotOwner     = &apiError{http.StatusForbidden, codeForbidden, "You do not have access to this case"}
	errNoCaseID     = &apiError{http.StatusBadRequest, codeInvalidRequest, "Missing case id"}
	errCaseNotFound = &apiError{http.StatusNotFound, codeCaseNotFound, "Case not found"}
	errNoAttachment = &apiError{http.StatusNotFound, codeAttachmentNotFound, "Attachment not found"}
	errUsageLimit   = &apiError{http.StatusTooManyRequests, codeUsageLimitReached, "Monthly case limit reached"}
	errNotWaiting   = &apiError{http.StatusConflict, codeNotWaiting, "Case is not waiting for input"}
	errNotPending   = &apiError{http.StatusConflict, codeNotPending, "Input request is not pending"}
	errMismatch     = &apiError{http.StatusConflict, codeMismatch, "Input request does not match the active one"}
	errInternal     = &apiError{http.StatusInternalServerError, codeInternalError, "Internal error"}
)

func invalidRequest(message string) *apiError {
	return &apiError{http.StatusBadRequest, codeInvalidRequest, message}
}

func writeData(w http.ResponseWriter, status int, data any) {
	simbase.WriteJSON(w, status, map[string]any{"ok": true, "data": data})
}

// writeGateway answers as the platform in front of Offload does: without Offload's envelope.
func writeGateway(w http.ResponseWriter, status int, message string) {
	simbase.WriteJSON(w, status, map[string]string{"message": message})
}
