package lifecycle

import (
	"time"
	"unicode/utf8"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Times of storing.
const (
	// budget is the time for all files of a case, from the start. It outlasts a bucket or a provider that is down for a night.
	budget = 24 * time.Hour
	// lag is how long after the end of the case the provider may not find a file, because its reads lag behind its webhooks.
	lag = 10 * time.Minute
	// delayedAfter is how long no file may be settled before a person should look: the bucket, the file server or the provider may be down.
	// It is longer than lag.
	delayedAfter = 15 * time.Minute
	// noBucketTime is how long the first file is retried from the first attempt on that found a worker without a bucket.
	noBucketTime = 15 * time.Minute
	// turn is how long a file is tried while other files wait.
	turn = 30 * time.Minute
	// firstPause is the pause before the second call for a file; later pauses grow up to longestPause. Within one call the server retries,
	// unless the provider asks for a pause beyond the call's time.
	firstPause   = time.Minute
	longestPause = 15 * time.Minute
	// reportTime is how long before the end of the budget, or of noBucketTime, a call must end, so that its last failure is reported.
	reportTime = time.Minute
)

// maxCalls is how many files of one case are stored at a time: one case must not fill the queue that all cases share.
const maxCalls = 4

// Limits of texts, in bytes of JSON. With them the state of MaxCaseFiles files is below 2 MiB.
const (
	maxName        = 500
	maxType        = 200
	maxReasonBytes = 500
	maxCancelWords = 300 // by and reason, each
)

// withEnd shortens a file name from its beginning, so that it keeps the extension.
func withEnd(name string, most int) string {
	name = name[max(0, len(name)-most):]
	for workflows.JSONLen(name) > most { // this also removes a character that the cut has broken
		_, size := utf8.DecodeRuneInString(name)
		name = name[size:]
	}
	return workflows.Clip(name, most) // makes it valid UTF-8
}

// mediaType returns the type, or nothing if it is too long for a media type.
func mediaType(s string) string {
	if workflows.JSONLen(s) > maxType {
		return ""
	}
	return s
}

func clipStored(stored workflows.StoredFile) workflows.StoredFile {
	stored.ContentType = workflows.Clip(stored.ContentType, maxType)
	stored.ReportedType = workflows.Clip(stored.ReportedType, maxType)
	return stored
}
