package lifecycle

import (
	"cmp"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Effects are the calls that should run now. Other running calls are dropped.
type Effects struct {
	// Calls are the files to store now, at most four.
	Calls []Call
	// HandOff is the next hand-off of notices; nil if none is due.
	HandOff *workflows.HandOff
	// Done: nothing is left to store or to hand off.
	Done bool
	// WakeUp is when to call Next again without news.
	rules.WakeUp
}

// Call is the storing of one file. A running call stays, even if its limits would differ if it started now.
type Call struct {
	// ID is the ID of the file. Either Attachment or Result is set.
	ID         string
	Attachment *workflows.StoreAttachmentParams
	Result     *workflows.StoreResultParams
	// Once: the call has one attempt only.
	Once bool
	// Trouble is the error type that the rules know of already, so that the server may retry it. See EndsCall.
	Trouble string
	// Within limits the call with all its attempts.
	Within time.Duration
}

// Next returns the calls that should run at this time.
func Next(f Files, now time.Time) Effects {
	s := f.State
	fx := Effects{HandOff: handOff(f, now)}
	if s.Status.Ended() {
		fx.Done = len(s.Outbox.Waiting) == 0
		fx.WakeAt(s.Outbox.NotBefore, now, "Hand off notices again")
		return fx
	}
	fx.WakeAt(s.Until, now, "The time for the files is over")
	fx.WakeAt(delayedAt(s), now, "The files take too long")
	first, others := inTurn(s)
	for _, file := range first {
		if file.NotBefore.After(now) {
			fx.WakeAt(file.NotBefore, now, "Try a file again")
		} else {
			fx.Calls = append(fx.Calls, f.call(file, others, now))
		}
	}
	return fx
}

// inTurn returns the files whose turn it is, and whether others wait. Until it is known that the workers have a bucket, it returns one
// file: without a bucket, each case then costs a few activities only.
func inTurn(s State) (files []File, others bool) {
	for _, file := range s.Files {
		if file.pending() {
			files = append(files, file)
		}
	}
	slices.SortStableFunc(files, func(a, b File) int { return cmp.Compare(a.Turns, b.Turns) })
	places := maxCalls
	if !s.Probed {
		places = 1
	}
	return files[:min(len(files), places)], len(files) > places
}

func (f Files) call(file File, othersWait bool, now time.Time) Call {
	left := f.State.Until.Sub(now)
	if left > 2*reportTime {
		left -= reportTime
	}
	if othersWait {
		left = min(left, turn)
	}
	call := Call{ID: file.ID, Once: !f.State.Probed, Trouble: file.Trouble, Within: left}
	if call.Once && file.LastType == workflows.ErrTypeArchiveNoBucket {
		call.Once, call.Within = false, min(left, max(reportTime, f.noBucketAt().Sub(now))) // the server retries, on other workers too
	}
	start := f.Start
	if file.ID == "" {
		call.Result = &workflows.StoreResultParams{
			Account: start.Account, Reference: start.Reference, CaseID: start.CaseID, LagUntil: f.State.LagUntil,
		}
		return call
	}
	call.Attachment = &workflows.StoreAttachmentParams{
		Account: start.Account, Reference: start.Reference, CaseID: start.CaseID, LagUntil: f.State.LagUntil,
		Attachment: workflows.Attachment{ID: file.ID, Name: file.Name, Size: file.Size, Type: file.Type},
	}
	return call
}
