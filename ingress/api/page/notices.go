package page

import (
	"errors"
	"net/http"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// notices lists the cases and activations whose notices have targets.
func (v *visit) notices() {
	query, filter := v.filter("givenUp", "agent", "open", "cursor")
	var page signalbox.NoticePage
	problem, err := v.list(&page, query, "notices")
	if err != nil {
		v.refuse(err, "")
		return
	}
	v.render(http.StatusOK, "notices", view{Title: "Notices", Section: "/notices", Every: slowEvery, Data: listView[signalbox.NoticeSource]{
		Rows: page.Sources, Filter: filter, Next: v.next(page.Next), Problem: problem,
	}})
}

// noticesView is the notices of one source, the newest first.
type noticesView struct {
	workflows.NotifyState
	// GivenUp says that some can be sent again or dismissed.
	GivenUp bool
}

func (v *visit) noticesOf() {
	source := v.r.URL.Query().Get("source")
	var data noticesView
	if err := v.get(&data.NotifyState, nil, "notices", source); err != nil {
		if refused := (*problem)(nil); errors.As(err, &refused) && refused.is("no-such-route", "invalid-request") {
			v.fail(http.StatusNotFound, "Not found", "The address names no case and no activation: choose one in the list of notices.")
			return
		}
		v.refuse(err, workflows.NotifyWorkflowID(source))
		return
	}
	for _, notice := range data.Notices {
		data.GivenUp = data.GivenUp || notice.Status == workflows.NoticeGivenUp
	}
	v.render(http.StatusOK, "noticesof", view{Title: "Notices of " + source, Section: "/notices", Data: data, Every: liveEvery})
}

func (v *visit) resendNotices()  { v.selectNotices("resend", "resent") }
func (v *visit) dismissNotices() { v.selectNotices("dismiss", "dismissed") }

// selectNotices acts on the notices that the form names; without any, on all of the source that were given up.
func (v *visit) selectNotices(call, done string) {
	source := v.form.Get("source")
	which := workflows.SelectNotices{IDs: v.form["id"]}
	var selected workflows.NoticesSelected
	err := v.post(which, &selected, "notices", source, call)
	v.done(err, workflows.NotifyWorkflowID(source), "/notices", done, selected.Notices)
}
