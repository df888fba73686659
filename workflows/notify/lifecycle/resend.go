package lifecycle

import (
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// CheckResend returns why a resend can't be carried out, or nil.
func CheckResend(s State, selected workflows.SelectNotices) error {
	_, err := s.toResend(selected)
	return err
}

// Resend makes given-up notices wait again, for workflows.NoticeDeliveryTime from now. They keep their place in the order of their
// target. A target that wanted no more notices gets them again.
func Resend(s State, selected workflows.SelectNotices, now time.Time) (State, workflows.NoticesSelected, error) {
	chosen, err := s.toResend(selected)
	if err != nil {
		return s, workflows.NoticesSelected{}, err
	}
	s.Notices, s.Bodies, s.Gone = slices.Clone(s.Notices), slices.Clone(s.Bodies), slices.Clone(s.Gone)
	for _, i := range chosen {
		n := &s.Notices[i]
		n.Status, n.SettledAt, n.Until, n.Interruptions = workflows.NoticeWaiting, time.Time{}, now.Add(workflows.NoticeDeliveryTime), 0
		s.Gone = slices.DeleteFunc(s.Gone, func(g Gone) bool { return g.To == n.To })
	}
	return fit(s), workflows.NoticesSelected{Notices: len(chosen)}, nil
}

// CheckDismiss returns why a dismissal can't be carried out, or nil.
func CheckDismiss(s State, selected workflows.SelectNotices) error {
	_, err := s.toDismiss(selected)
	return err
}

// Dismiss closes given-up notices. If all are chosen, the forgotten ones are dismissed too.
func Dismiss(s State, selected workflows.SelectNotices, now time.Time) (State, workflows.NoticesSelected, error) {
	chosen, err := s.toDismiss(selected)
	if err != nil {
		return s, workflows.NoticesSelected{}, err
	}
	dismissed := len(chosen)
	s.Notices, s.Bodies = slices.Clone(s.Notices), slices.Clone(s.Bodies)
	for _, i := range chosen {
		s.Notices[i] = dismiss(s.Notices[i], now)
	}
	if all(selected) {
		dismissed += s.Forgotten
		s.Forgotten = 0
	}
	s.IdleSince = now
	return fit(s), workflows.NoticesSelected{Notices: dismissed}, nil
}

// all reports whether every given-up notice is chosen.
func all(selected workflows.SelectNotices) bool {
	return len(selected.IDs) == 0 && selected.Since.IsZero()
}

func (s State) toDismiss(selected workflows.SelectNotices) ([]int, error) {
	if all(selected) && s.Forgotten > 0 {
		return s.givenUp(), validate(selected)
	}
	return s.chosen(selected)
}

// toResend returns the positions of the notices to send again. If all are chosen, it skips those that can't be sent; if some are chosen
// by ID, it refuses them.
func (s State) toResend(selected workflows.SelectNotices) ([]int, error) {
	chosen, err := s.chosen(selected)
	if err != nil {
		return nil, err
	}
	targets := map[workflows.Target]bool{}
	for _, i := range s.heads() {
		targets[s.Notices[i].To] = true
	}
	waiting := s.bytes(workflows.NoticeWaiting)
	counted := map[string]bool{} // bodies that are part of waiting
	for _, n := range s.Notices {
		counted[n.ID] = counted[n.ID] || n.is(workflows.NoticeWaiting)
	}
	bodies := s.bodyBytes()
	sendable := map[string]bool{} // IDs that can be sent to some target
	for _, i := range chosen {
		sendable[s.Notices[i].ID] = sendable[s.Notices[i].ID] || !s.Notices[i].NoData
	}
	var resend []int
	var refused error
	for _, i := range chosen {
		n := s.Notices[i]
		if n.NoData && sendable[n.ID] {
			continue
		}
		size := n.size()
		if !counted[n.ID] {
			size += bodies[n.ID]
		}
		switch {
		case n.NoData:
			err = rules.Refuse(workflows.ErrTypeNoNoticeData, "notice %s can't be sent again, its data is not held (%s): dismiss it", n.ID, n.LastError)
		case waiting+size > workflows.MaxWaitingNoticeBytes:
			err = rules.RefuseUntilNews(workflows.ErrTypeTooMany, "notice %s: too much is waiting already: resend it later, or fewer at once", n.ID)
		case !targets[n.To] && len(targets) >= workflows.MaxNoticeTargets:
			err = rules.RefuseUntilNews(workflows.ErrTypeTooMany, "notice %s: notices wait for %d targets already: resend it later", n.ID, len(targets))
		default:
			targets[n.To] = true
			counted[n.ID] = true
			waiting += size
			resend = append(resend, i)
			continue
		}
		if len(selected.IDs) > 0 {
			return nil, err
		}
		if refused == nil {
			refused = err
		}
	}
	if len(resend) == 0 {
		return nil, refused
	}
	return resend, nil
}

// chosen returns the positions of the chosen notices, without duplicates. It refuses an ID that is unknown, or whose notice is not given
// up.
func (s State) chosen(selected workflows.SelectNotices) ([]int, error) {
	if err := validate(selected); err != nil {
		return nil, err
	}
	if len(selected.IDs) == 0 {
		chosen := slices.DeleteFunc(s.givenUp(), func(i int) bool { return s.Notices[i].SettledAt.Before(selected.Since) })
		switch {
		case len(chosen) == 0 && !selected.Since.IsZero():
			return nil, rules.RefuseUntilNews(workflows.ErrTypeNotGivenUp, "no notice was given up since %s: there is nothing to resend or dismiss", rules.Stamp(selected.Since))
		case len(chosen) == 0:
			return nil, rules.RefuseUntilNews(workflows.ErrTypeNotGivenUp, "no notice was given up: there is nothing to resend or dismiss")
		}
		return chosen, nil
	}
	wanted := map[string]bool{}
	for _, id := range selected.IDs {
		wanted[id] = true
	}
	var chosen []int
	status := map[string]workflows.NoticeStatus{} // of IDs that are known
	for i, n := range s.Notices {
		if !wanted[n.ID] {
			continue
		}
		if n.is(workflows.NoticeGivenUp) {
			chosen = append(chosen, i)
		}
		if status[n.ID] != workflows.NoticeGivenUp {
			status[n.ID] = n.Status
		}
	}
	for _, id := range selected.IDs {
		switch is, known := status[id]; {
		case !known:
			return nil, rules.RefuseUntilNews(workflows.ErrTypeUnknownNotice, "notice %q is unknown here: take an ID from the query %q", workflows.Clip(id, maxTextBytes), workflows.QueryState)
		case is != workflows.NoticeGivenUp:
			return nil, rules.RefuseUntilNews(workflows.ErrTypeNotGivenUp, "notice %s is %s: only one that is %s can be resent or dismissed", id, is, workflows.NoticeGivenUp)
		}
	}
	return chosen, nil
}

func (s State) givenUp() []int {
	var positions []int
	for i, n := range s.Notices {
		if n.is(workflows.NoticeGivenUp) {
			positions = append(positions, i)
		}
	}
	return positions
}

func validate(selected workflows.SelectNotices) error {
	if err := selected.Validate(); err != nil {
		return rules.Invalid("%v", err)
	}
	return nil
}
