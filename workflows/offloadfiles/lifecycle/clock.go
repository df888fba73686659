package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Tick applies the time: at Until it gives up the pending files; after a long time without progress it raises attention.
func Tick(f Files, now time.Time) Files {
	if f.State.Status.Ended() {
		return f
	}
	f.State.Delayed = rules.Due(delayedAt(f.State), now)
	if !rules.Due(f.State.Until, now) {
		return f
	}
	return finish(giveUp(f, func(file File) File {
		reason := "not stored within " + budget.String()
		if file.LastError != "" {
			reason += ": " + file.LastError
		}
		return unstored(file, file.LastType, reason)
	}), now)
}

func delayedAt(s State) time.Time { return s.ProgressAt.Add(delayedAfter) }
