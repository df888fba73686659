package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// Attention returns the reasons why a person should look.
func Attention(s State) []string {
	if s.givenUpInAll() > 0 {
		return []string{workflows.AttentionNoticeGivenUp}
	}
	return nil
}

// DueAt returns when the first of the listed given-up notices was given up; zero if none is listed.
func DueAt(s State) time.Time {
	var due time.Time
	for _, i := range s.givenUp() {
		due = rules.Sooner(due, s.Notices[i].SettledAt)
	}
	return due
}
