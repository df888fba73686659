package lifecycle

import (
	"time"
	"unicode/utf8"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Times of storing.
const (
	// Budget is the time for all files of a case, from the start: a bucket or a provider that is away for a night is waited for.
	Budget = 24 * time.Hour
	// Lag is how long after its end the provider may not know a file of the case: its reads lag behind its webhooks.
	Lag = 10 * time.Minute
	// delayedAfter is how long no file may come to its end before a person should look: the bucket, the file server or the provider may be away.
	// It is more than Lag.
	delayedAfter = 15 * time.Minute
	// turn is how long a file is tried while others wait for its place.
	turn = 30 * time.Minute
	// firstPause is before the second call for a file, and longestPause bounds what grows from it. The server makes the attempts of one call,
	// but none where the provider asks for a pause beyond the call's time.
	firstPause   = time.Minute
	longestPause = 15 * time.Minute
	// reportTime is what is left of the budget when a call ends, so that its last failure becomes known.
	reportTime = time.Minute
)

// atOnce is how many files of one case are under way: a case must not fill the queue that all cases share.
const atOnce = 4

// Limits of texts, in bytes of their JSON. With them MaxCaseFiles files fit 2 MiB, whatever is known of each.
const (
	maxName        = 500
	maxType        = 200
	maxReason      = 500
	maxCancelWords = 300 // by and reason, each
)

// withEnd shortens a file name to its end, which has the extension.
func withEnd(name string, most int) string {
	name = name[max(0, len(name)-most):]
	for workflows.JSONLen(name) > most { // a character that the cut has broken counts more than its bytes, so it goes too
		_, size := utf8.DecodeRuneInString(name)
		name = name[size:]
	}
	return workflows.Clip(name, most) // makes it valid UTF-8
}

// mediaType drops a type that is too long to be one.
func mediaType(s string) string {
	if workflows.JSONLen(s) > maxType {
		return ""
	}
	return s
}

func clipStored(stored workflows.StoredFile) workflows.StoredFile {
	stored.ContentType = workflows.Clip(stored.ContentType, maxType)
	stored.ToldType = workflows.Clip(stored.ToldType, maxType)
	return stored
}
