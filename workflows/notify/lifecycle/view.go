package lifecycle

import (
	"github.com/signalbox-dev/signalbox/workflows"
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

func (s State) givenUpInAll() int { return s.count(workflows.NoticeGivenUp) + s.Forgotten }
