package page

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows"
)

// event is one thing in the life of a case or an activation.
type event struct {
	At time.Time
	// Source says how it became known, or what it is about: a NewsSource, or question, answer, check, state, approval, run, notice or files.
	Source string
	What   string
	// Said is what others wrote, By who acted.
	Said, By string
	// Link is a page with more.
	Link string
}

// history is what a timeline shows beside the state. Deliveries and Notices are nil where the visitor may not see them, or where there are none.
type history struct {
	Deliveries []inbox.Delivery
	Notices    []workflows.NoticeRecord
	// Older is the address of the deliveries that the timeline has no room for; empty if it has all.
	Older string
}

// readHistory reads the deliveries that the query selects and the notices of a workflow. What can't be read is left out: the rest is worth showing.
func (v *visit) readHistory(workflowID string, query url.Values, maySeeDeliveries bool) (h history) {
	var deliveries inbox.Page
	var notices workflows.NotifyState
	together(
		func() {
			if maySeeDeliveries {
				limited := maps.Clone(query)
				limited.Set("limit", "100")
				_ = v.get(&deliveries, limited, "deliveries")
			}
		},
		func() {
			if v.s.deps.API.May(v.token, "getNotices") {
				_ = v.get(&notices, nil, "notices", workflowID) // a workflow without targets has none
			}
		},
	)
	h = history{Deliveries: deliveries.Deliveries, Notices: notices.Notices}
	if deliveries.Next != "" {
		older := maps.Clone(query)
		older.Set("cursor", deliveries.Next)
		h.Older = "/deliveries?" + older.Encode()
	}
	return h
}

// caseTimeline is the life of a case as its state, its deliveries and its notices tell it, the newest first.
func caseTimeline(c caseView) []event {
	s := c.State
	var life []event
	add := func(e event) {
		if !e.At.IsZero() {
			life = append(life, e)
		}
	}
	add(event{At: s.Facts.CreatedAt, Source: string(workflows.NewsByCreate), What: "Offload created the case"})
	if q := s.Question; q != nil {
		add(event{At: q.RequestedAt, Source: "question", What: "Offload asked", Said: q.Text})
	}
	for _, a := range s.Answers {
		add(event{At: a.GivenAt, Source: "answer", What: answerResult(a), Said: a.Text, By: a.By})
	}
	if s.Check != nil {
		add(event{At: s.Check.At, Source: "check", What: "A person asked for a check", By: s.Check.By})
	}
	if o := s.Outcome; o != nil {
		add(event{At: o.EndedAt, Source: string(o.Source), What: "The case ended: " + word(string(o.Status)), Said: o.Reason})
	} else {
		add(event{At: s.Since, Source: "state", What: "The state became: " + word(string(s.Status))})
	}
	if c.Files != nil {
		add(event{At: c.Files.Since, Source: "files", What: "Files: " + word(string(c.Files.Status))})
	}
	return newestFirst(append(append(life, ofDeliveries(c.Deliveries)...), ofNotices(c.Notices)...))
}

func answerResult(a workflows.Answer) string {
	if a.Result == "" {
		return "Answered question " + a.QuestionID + "; the answer is on its way"
	}
	result := word(string(a.Result))
	if a.Error != "" {
		result += " (" + a.Error + ")"
	}
	return "Answered question " + a.QuestionID + ": " + result
}

// activationTimeline is the same of an activation.
func activationTimeline(a activationView) []event {
	var life []event
	add := func(at time.Time, source, what, said string) {
		if !at.IsZero() {
			life = append(life, event{At: at, Source: source, What: what, Said: said})
		}
	}
	add(a.State.Since, "state", "The state became: "+word(string(a.State.Status)), a.State.StatusReason)
	for _, approval := range a.State.Approvals {
		add(approval.RequestedAt, "approval", "Approval "+approval.MessageID+" was asked for", approval.Subject)
		add(approval.ClosedAt, "approval", "Approval "+approval.MessageID+": "+word(string(approval.Status)), approval.Reason)
	}
	for _, run := range a.State.Runs {
		add(run.OpenedAt, "run", "Run "+run.RunID+" began", "")
		add(run.WarnedAt, "run", "Run "+run.RunID+" is inactive", "")
		add(run.ClosedAt, "run", "Run "+run.RunID+": "+word(string(run.Status)), run.Reason)
	}
	return newestFirst(append(append(life, ofDeliveries(a.Deliveries)...), ofNotices(a.Notices)...))
}

func ofDeliveries(deliveries []inbox.Delivery) []event {
	var life []event
	for _, d := range deliveries {
		what := d.Kind + ": " + string(d.State)
		if d.State == inbox.StateDelivered {
			what = d.Kind
		}
		life = append(life, event{At: d.ReceivedAt, Source: "webhook", What: what, Link: "/deliveries/" + d.ID})
	}
	return life
}

func ofNotices(notices []workflows.NoticeRecord) []event {
	var life []event
	for _, n := range notices {
		what := string(n.Kind) + ": " + strings.ToLower(word(string(n.Status)))
		life = append(life, event{At: n.Time, Source: "notice", What: what, Said: n.LastError})
	}
	return life
}

func newestFirst(life []event) []event {
	slices.SortStableFunc(life, func(a, b event) int { return b.At.Compare(a.At) })
	return life
}
