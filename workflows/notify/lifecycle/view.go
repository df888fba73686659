package lifecycle

import (
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// View returns the answer of the query "state".
func View(s State) workflows.NotifyState {
	v := workflows.NotifyState{Source: s.Source, WaitingFor: WaitingFor(s), Attention: Attention(s), Forgotten: s.Forgotten}
	for _, n := range s.Notices {
		v.Notices = append(v.Notices, workflows.NoticeRecord{
			ID: n.ID, Seq: n.Seq, Kind: n.Kind, Time: n.Time, To: n.To, Status: n.Status,
			SettledAt: n.SettledAt, Attempts: n.Attempts, Log: n.Log, LastError: n.LastError,
			NoData: n.NoData && n.is(workflows.NoticeGivenUp),
		})
	}
	return v
}

// Attention returns the reasons why a person should look.
func Attention(s State) []string {
	if s.givenUpInAll() > 0 {
		return []string{workflows.AttentionNoticeGivenUp}
	}
	return nil
}

// DueAt returns when the first notice was given up; zero without attention.
func DueAt(s State) time.Time {
	var due time.Time
	for _, i := range s.givenUp() {
		due = rules.Sooner(due, s.Notices[i].SettledAt)
	}
	return due
}

func (s State) givenUpInAll() int { return s.count(workflows.NoticeGivenUp) + s.Forgotten }
