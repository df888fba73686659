package artmailsim

import "time"

// Undocumented are points that Artmail's documentation leaves open. The number of retries is documented, the pauses
// between them are not; the slices may have any length.
type Undocumented struct {
	// DirectBackoff are the pauses before the direct retries, before TimeScale. Default: 1, 2 and 4 seconds.
	DirectBackoff []time.Duration
	// QueueIntervals are the pauses before the queue's deliveries, before TimeScale. Default: 12 min, 48 min, 3 h.
	QueueIntervals []time.Duration
	// QueueUnsigned leaves the signature off what the queue delivers.
	QueueUnsigned bool
	// SignatureUpperCase writes the signature's hex in upper case.
	SignatureUpperCase bool
	// SkipFailurePause does not announce a pause for webhook_failure to the URL that just failed.
	SkipFailurePause bool
	// KeyStopsWhilePaused refuses the agent's API key while its activation is paused.
	KeyStopsWhilePaused bool
}
