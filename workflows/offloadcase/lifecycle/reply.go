package lifecycle

import (
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
)

const (
	// mostLetters bounds what waits for a receiver that does not confirm.
	mostLetters = 50
	// letterAttempts and letterPause let a receiver be gone for a moment, between two runs of its own, but not hold up an end.
	letterAttempts = 3
	letterPause    = 10 * time.Second
)

// post queues a reply, where there is anybody to reply to.
func post(c *Case, letter Letter) {
	if c.Start.ReplyTo != nil {
		c.State.Outbox = appended(c.State.Outbox, letter, mostLetters)
	}
}

// ReplyConfirmed takes in that the receiver has the letter.
func ReplyConfirmed(c Case, id string) Case {
	c.State.ReplyFailed = false
	c.State.Outbox = slices.DeleteFunc(slices.Clone(c.State.Outbox), func(l Letter) bool { return l.ID == id })
	return c
}

// ReplyRefused takes in that the receiver could not be signalled. After a few attempts the letter is dropped and attention raised.
func ReplyRefused(c Case, id string, now time.Time) Case {
	s := &c.State
	s.Outbox = slices.Clone(s.Outbox)
	for i := range s.Outbox {
		letter := &s.Outbox[i]
		if letter.ID != id {
			continue
		}
		letter.Attempts++
		letter.NotBefore = now.Add(letterPause)
		if letter.Attempts >= letterAttempts {
			s.ReplyFailed = true
			s.Outbox = slices.Delete(s.Outbox, i, i+1)
		}
		return c
	}
	return c
}

func reply(c Case, letter Letter) workflows.CaseReply {
	r := workflows.CaseReply{ID: letter.ID, Reference: c.Start.Reference, Question: letter.Question}
	if letter.tellsOutcome() {
		outcome := Outcome(c)
		r.Outcome = &outcome
	}
	return r
}
