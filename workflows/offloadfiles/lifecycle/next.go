package lifecycle

import (
	"cmp"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

// Effects are what must be under way now; nothing else may be.
type Effects struct {
	// Calls are the files that are being stored, at most four.
	Calls []Call
	// HandOff are the notices to hand off.
	HandOff *workflows.HandOff
	// Ended: no file is wanted any more, and the run ends once the outbox is empty.
	Ended bool
	// Wake is when the rules want to be asked again, and WakeFor says what for; zero is never.
	Wake    time.Time
	WakeFor string
}

// Call is the storing of one file. A call that is under way stays, whatever its limits would be if it started now.
type Call struct {
	// ID is the file's. Either Attachment or Result is set.
	ID         string
	Attachment *workflows.StoreAttachmentParams
	Result     *workflows.StoreResultParams
	// Once: the first attempt tells how it went.
	Once bool
	// Trouble is the type of the error that the server retries, since the rules know of it. See EndsCall.
	Trouble string
	// For bounds the call with all its attempts.
	For time.Duration
}

// Next says what must be under way now.
func Next(f Files, now time.Time) Effects {
	s := f.State
	fx := Effects{Ended: s.Status.Ended(), HandOff: handOff(f, now)}
	if fx.Ended {
		if s.Outbox.NotBefore.After(now) {
			fx.Wake, fx.WakeFor = s.Outbox.NotBefore, "the notice is handed off again"
		}
		return fx
	}
	fx.Wake, fx.WakeFor = s.Until, "the time for the files is over"
	if at := delayedAt(s); at.After(now) && at.Before(fx.Wake) {
		fx.Wake, fx.WakeFor = at, "the files take too long"
	}
	first, others := inTurn(s)
	for _, file := range first {
		if file.NotBefore.After(now) {
			if file.NotBefore.Before(fx.Wake) {
				fx.Wake, fx.WakeFor = file.NotBefore, "a file is tried again"
			}
			continue
		}
		fx.Calls = append(fx.Calls, f.call(file, others, now))
	}
	return fx
}

// inTurn returns the files whose turn it is, and whether others wait for their places. Until it is known whether the workers keep files, it is
// one: where they keep none, that costs each case one activity.
func inTurn(s State) (files []File, others bool) {
	for _, file := range s.Files {
		if file.pending() {
			files = append(files, file)
		}
	}
	slices.SortStableFunc(files, func(a, b File) int { return cmp.Compare(a.Turns, b.Turns) })
	places := atOnce
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
	call := Call{ID: file.ID, Once: !f.State.Probed, Trouble: file.Trouble, For: left}
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

// Settled says whether the workflow may complete: nothing is left to store or to hand off.
func Settled(f Files) bool { return f.State.Status.Ended() && len(f.State.Outbox.Waiting) == 0 }
