package inbox

import "errors"

// The errors that callers tell apart with errors.Is. Any other error is the store's own trouble
// (disk full, file read-only, database away): nothing was stored, and a later call may succeed.
var (
	// ErrBusy says that the store did not answer within the context, or had too much waiting to
	// accept more. After the context ended the write may still happen; a repetition is then a
	// duplicate like any other. In HTTP: 503.
	ErrBusy = errors.New("inbox: busy")
	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("inbox: closed")
	// ErrInvalid says that the call itself is wrong and will not succeed when repeated.
	ErrInvalid = errors.New("inbox: invalid")
	// ErrNotFound says that there is no delivery with the ID.
	ErrNotFound = errors.New("inbox: delivery not found")
	// ErrIDTaken says that a given ID belongs to another delivery already.
	ErrIDTaken = errors.New("inbox: delivery ID is taken")
	// ErrNotReplayable says that a delivery cannot be handed out again: its body is past its
	// retention, or it has no lane.
	ErrNotReplayable = errors.New("inbox: delivery cannot be replayed")
)
