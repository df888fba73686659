package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// problemPrefix begins every type of a problem. The document describes the rest.
const problemPrefix = "urn:signalbox:problem:"

// retryAfter is in seconds.
const retryAfter = 5

// problemKind is one type of problem.
type problemKind struct {
	name   string
	status int
	title  string
	// fix is the detail where the call has no better one.
	fix string
}

var (
	problemInvalid         = problemKind{"invalid-request", http.StatusBadRequest, "The request can't be carried out as it is", "correct the fields that the document describes"}
	problemUnauthorized    = problemKind{"unauthorized", http.StatusUnauthorized, "No valid token", "send the header Authorization: Bearer TOKEN"}
	problemMissingScope    = problemKind{"missing-scope", http.StatusForbidden, "The token lacks a scope", "use another token"}
	problemOtherAccount    = problemKind{"other-account", http.StatusForbidden, "The token is limited to other accounts", "account: add it to the token's accounts, or use another token"}
	problemOtherAgent      = problemKind{"other-agent", http.StatusForbidden, "The token is limited to other agents", "agent: add it to the token's agents, or use another token"}
	problemForeignOrigin   = problemKind{"foreign-origin", http.StatusForbidden, "A web page of another origin sent the request", "call the API from a program"}
	problemNoRoute         = problemKind{"no-such-route", http.StatusNotFound, "There is no such path", "see /v1/openapi.yaml for the paths"}
	problemMethod          = problemKind{"method-not-allowed", http.StatusMethodNotAllowed, "The path has no such method", "see /v1/openapi.yaml for the methods"}
	problemNotFound        = problemKind{"not-found", http.StatusNotFound, "Not found", "there is no such thing: check the IDs in the path and body"}
	problemNoDelivery      = problemKind{problemNotFound.name, problemNotFound.status, problemNotFound.title, "there is no delivery with this ID: check it, or list the deliveries"}
	problemNoFiles         = problemKind{"no-files", http.StatusNotFound, "No files are stored", "the case has none, was cancelled, or has not ended yet: wait for its end first"}
	problemNoAccount       = problemKind{"no-account", http.StatusNotFound, "The Offload account is not configured here", "this process has no API key of the case's Offload account: add the account to its configuration"}
	problemNotCreated      = problemKind{"not-created-yet", http.StatusNotFound, "The case does not exist at Offload yet", "Offload has not created the case yet: read the case to see what it waits for"}
	problemNotAtOffload    = problemKind{"not-at-offload", http.StatusNotFound, "Offload does not have this case", "the case was never created at Offload or is gone, or the base URL of its account is wrong"}
	problemNoAPIKeyYet     = problemKind{"no-api-key-yet", http.StatusNotFound, "The API key has not come yet", "Artmail has not activated the agent yet: ask again"}
	problemAPIKeyLost      = problemKind{"api-key-lost", http.StatusGone, "The API key has not arrived", "the activation is active, but the webhook with its API key has not arrived: Artmail repeats a webhook for hours; if it does not come, the brand must activate the agent again"}
	problemConflict        = problemKind{"conflict", http.StatusConflict, "The request conflicts with what is there", "reference: another request was started with it: use another one, or send the same request"}
	problemEnded           = problemKind{"ended", http.StatusConflict, "Already ended", "it has ended and takes nothing more"}
	problemNoQuestion      = problemKind{"no-open-question", http.StatusConflict, "No open question", "the case asks nothing at the moment: read it to see what it waits for"}
	problemOtherQuestion   = problemKind{"other-question", http.StatusConflict, "Another question is open", "questionId: the case asks another question by now: read it and answer that one"}
	problemAnswered        = problemKind{"already-answered", http.StatusConflict, "Already answered", "questionId: the question has been answered already, here or at Offload: read the case"}
	problemNotUncertain    = problemKind{"not-uncertain", http.StatusConflict, "Nothing to adopt or to create again", "the case exists at Offload, its creation is under way, or its deadline has passed: read the case to see what it waits for"}
	problemPaused          = problemKind{"paused", http.StatusConflict, "The activation is paused", "it takes nothing new until the brand resumes it"}
	problemNotReplayable   = problemKind{"not-replayable", http.StatusConflict, "The delivery can't be replayed", "it has no lane, or its body has been purged"}
	problemTerminated      = problemKind{"terminated", http.StatusGone, "The workflow was terminated", "it has no outcome; reset it in Temporal's Web UI to let it go on, or use another reference"}
	problemTimedOut        = problemKind{"timed-out", http.StatusGone, "The workflow timed out", "it has no outcome; reset it in Temporal's Web UI to let it go on, or use another reference"}
	problemFailed          = problemKind{"failed", http.StatusGone, "The workflow failed", "it has no outcome; Temporal's Web UI shows why"}
	problemTooLarge        = problemKind{"too-large", http.StatusRequestEntityTooLarge, "The body is too large", "shorten the body to 1 MiB"}
	problemUnsupportedType = problemKind{"unsupported-media-type", http.StatusUnsupportedMediaType, "The body is not plain JSON", "send Content-Type: application/json, in UTF-8, without Content-Encoding"}
	problemTooMany         = problemKind{"too-many", http.StatusTooManyRequests, "A limit is reached", "close some approvals or runs of the activation first"}
	problemInternal        = problemKind{"internal", http.StatusInternalServerError, "A fault in Signalbox", "see the log at the requestId"}
	problemProvider        = problemKind{"provider-failed", http.StatusBadGateway, "Offload refused the call", "Offload refused the account's API key, or its answer can't be read: check the account's API key and base URL, and see the log at the requestId"}
	problemUnavailable     = problemKind{"unavailable", http.StatusServiceUnavailable, "Temporarily unavailable", "Temporal, its workers or the inbox are away or not set up yet, or the workflow can't answer now: after Retry-After a start or a read can be repeated; before you repeat any other change, read the state; if it lasts, see /readyz of the ingress and of the workers"}
	problemAccessDenied    = problemKind{problemUnavailable.name, problemUnavailable.status, problemUnavailable.title, "Temporal refuses this process: an operator must check its API key or certificate; /readyz says more"}
)

// sentinels maps errors to problems; no other code does so. Errors of the whole workflow come before errors of one request.
var sentinels = []struct {
	err  error
	kind problemKind
}{
	{signalbox.ErrTerminated, problemTerminated},
	{signalbox.ErrTimedOut, problemTimedOut},
	{signalbox.ErrFailed, problemFailed},
	{signalbox.ErrInvalid, problemInvalid},
	{signalbox.ErrConflict, problemConflict},
	{ErrNotCreated, problemNotCreated},
	{ErrNotAtOffload, problemNotAtOffload},
	{signalbox.ErrNotFound, problemNotFound},
	{signalbox.ErrNoFiles, problemNoFiles},
	{ErrNoAccount, problemNoAccount},
	{ErrProvider, problemProvider},
	{signalbox.ErrNoOpenQuestion, problemNoQuestion},
	{signalbox.ErrOtherQuestion, problemOtherQuestion},
	{signalbox.ErrAlreadyAnswered, problemAnswered},
	{signalbox.ErrEnded, problemEnded},
	{signalbox.ErrNotUncertain, problemNotUncertain},
	{signalbox.ErrPaused, problemPaused},
	{signalbox.ErrTooMany, problemTooMany},
	{signalbox.ErrUnavailable, problemUnavailable},
	{signalbox.ErrAccessDenied, problemAccessDenied},
	{inbox.ErrNotFound, problemNoDelivery},
	{inbox.ErrNotReplayable, problemNotReplayable},
	{inbox.ErrInvalid, problemInvalid},
	{inbox.ErrBusy, problemUnavailable},
	{inbox.ErrClosed, problemUnavailable},
	{context.DeadlineExceeded, problemUnavailable},
	{context.Canceled, problemUnavailable}, // the caller has gone
	{echo.ErrNotFound, problemNoRoute},
	{echo.ErrMethodNotAllowed, problemMethod},
}

// refusalFixes are the details of problems by the type of the workflow's refusal, where the fix of the kind says too little.
var refusalFixes = map[string]string{
	workflows.ErrTypeCaseEnded:        "the case has ended and takes nothing more",
	workflows.ErrTypeOtherCase:        "caseId: the case is another one at Offload: read the case",
	workflows.ErrTypeActivationEnded:  "the activation has ended and takes nothing more",
	workflows.ErrTypeUnknownApproval:  "messageId: the activation has no such approval: read the activation",
	workflows.ErrTypeApprovalClosed:   "the approval is closed already",
	workflows.ErrTypeApprovalConflict: "messageId: an approval with other values has it: use another one, or send the same request",
	workflows.ErrTypeUnknownRun:       "runId: the activation has no such run: read the activation",
	workflows.ErrTypeRunClosed:        "the run is closed already",
	workflows.ErrTypeUnknownNotice:    "ids: the source has no such notice: list its notices",
}

// problemError is a problem on its way to the caller.
type problemError struct {
	kind   problemKind
	detail string
	fields []FieldError
}

func (e *problemError) Error() string { return e.kind.name + ": " + e.detail }

// position is how the refusal of one request of a list begins.
var position = regexp.MustCompile(`^requests\[\d+\]: `)

// refusedAs takes the detail by the type of a workflow's refusal, and the position of the request if a list was refused.
func (e *problemError) refusedAs(refused *temporal.ApplicationError) {
	e.detail = cmp.Or(refusalFixes[refused.Type()], e.kind.fix)
	at := position.FindString(refused.Message())
	if at == "" {
		return
	}
	field, detail := strings.TrimSuffix(at, ": "), e.detail
	if of, fix, found := strings.Cut(detail, ": "); found && fieldNames.MatchString(of) {
		field, detail = field+"."+of, fix
	}
	e.detail, e.fields = field+": "+detail, []FieldError{{Field: field, Detail: detail}}
}

func problem(kind problemKind, detail string) error { return &problemError{kind: kind, detail: detail} }

// withFix returns the problem with the fix of its kind as its detail.
func (k problemKind) withFix() error { return problem(k, k.fix) }

// invalid is a problem that names each field.
func invalid(fields ...FieldError) *problemError {
	texts := make([]string, len(fields))
	for i, f := range fields {
		texts[i] = f.Field + ": " + f.Detail
	}
	return &problemError{kind: problemInvalid, detail: strings.Join(texts, "; "), fields: fields}
}

// noticeProblem says what a refusal means for a choice of notices: the fixes of these kinds are about cases and activations.
func noticeProblem(err error) error {
	switch {
	case errors.Is(err, signalbox.ErrConflict):
		return problem(problemConflict, "a chosen notice is not given up, none was given up since then, or its data is gone: list the notices")
	case errors.Is(err, signalbox.ErrEnded):
		return problem(problemEnded, "no notice of the source waits or was given up")
	case errors.Is(err, signalbox.ErrTooMany):
		return problem(problemTooMany, "too much waits: resend fewer, or later")
	}
	return err
}

// toProblem returns what the caller gets for an error. Of the error's own text it shows only what a check says of fields.
func toProblem(err error) *problemError {
	var known *problemError
	if errors.As(err, &known) {
		return known
	}
	for _, s := range sentinels {
		if !errors.Is(err, s.err) {
			continue
		}
		if fields := refusedFields(err); s.kind.name == problemInvalid.name && len(fields) > 0 {
			return invalid(fields...)
		}
		p := &problemError{kind: s.kind, detail: cmp.Or(signalbox.Missing(err), s.kind.fix)}
		if refused := (*temporal.ApplicationError)(nil); errors.As(err, &refused) {
			p.refusedAs(refused)
		}
		return p
	}
	var typed *json.UnmarshalTypeError
	if errors.As(err, &typed) && typed.Field != "" {
		return invalid(FieldError{Field: typed.Field, Detail: "it does not fit its type; a whole number has neither point nor exponent"})
	}
	var refused *echo.HTTPError
	if errors.As(err, &refused) && refused.Code == http.StatusBadRequest {
		return &problemError{kind: problemInvalid, detail: problemInvalid.fix}
	}
	return &problemError{kind: problemInternal, detail: problemInternal.fix}
}

var (
	// quoted is a value as the messages of checks have it.
	quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	// fieldNames are the fields that a message is about, such as "request.channel" or "ids and since".
	fieldNames = regexp.MustCompile(`^[\pL\p{Nd}_.…\[\]-]+(?: (?:or|and) [\w.]+)*$`)
)

// refusedFields returns what the contract, the Go client, the inbox or a workflow says of the fields of a request. Their messages quote short
// values, which are left out here. It returns nothing for another text, such as Temporal's.
func refusedFields(err error) []FieldError {
	text := err.Error()
	var refused *temporal.ApplicationError
	switch {
	case errors.As(err, new(*serviceerror.InvalidArgument)):
		return nil
	case errors.As(err, &refused):
		text = refused.Message()
	}
	text = quoted.ReplaceAllString(text, "what was sent")
	for _, sentinel := range []error{signalbox.ErrInvalid, inbox.ErrInvalid, workflows.ErrInvalidStart, workflows.ErrInvalidArgument} {
		if at := strings.LastIndex(text, sentinel.Error()+": "); at >= 0 {
			text = text[at+len(sentinel.Error()+": "):]
		}
	}
	var fields []FieldError
	for part := range strings.SplitSeq(text, "; ") {
		field, detail, found := strings.Cut(part, ": ")
		switch {
		case found && fieldNames.MatchString(field):
			fields = append(fields, FieldError{Field: field, Detail: detail})
		case len(fields) > 0: // it goes on with the text before
			fields[len(fields)-1].Detail += "; " + part
		default:
			return nil
		}
	}
	return fields
}

// write sends a problem. It does nothing where a part of an answer is sent already.
func (e *problemError) write(w http.ResponseWriter, requestID string) error {
	header := w.Header()
	header.Set("Content-Type", "application/problem+json")
	header.Set("Cache-Control", "no-store")
	switch e.kind.status {
	case http.StatusUnauthorized:
		header.Set("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		header.Set("Retry-After", strconv.Itoa(retryAfter))
	}
	if e.kind.name == problemNoAPIKeyYet.name {
		header.Set("Retry-After", strconv.Itoa(retryAfter))
	}
	w.WriteHeader(e.kind.status)
	return json.NewEncoder(w).Encode(Problem{
		Type: ProblemType(problemPrefix + e.kind.name), Title: e.kind.title, Status: e.kind.status, Detail: e.detail, RequestId: requestID, Errors: e.fields,
	})
}
