package page

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// notices lists the cases and activations whose notices have targets.
func (v *visit) notices() {
	query, filter := v.filter("givenUp", "agent", "open", "cursor")
	var page signalbox.NoticeSourcePage
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
	// GivenUp says that there is something to dismiss, Sendable that some of it can be sent again.
	GivenUp, Sendable bool
	// Shown is what "Dismiss all" is about.
	Shown string
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
	data.GivenUp, data.Shown = data.Forgotten > 0, givenUpHash(data.NotifyState)
	for _, notice := range data.Notices {
		if notice.Status == workflows.NoticeGivenUp {
			data.GivenUp, data.Sendable = true, data.Sendable || !notice.NoData
		}
	}
	v.render(http.StatusOK, "noticesof", view{Title: "Notices of " + source, Section: "/notices", Data: data, Every: liveEvery})
}

// givenUpHash identifies the set of notices that were given up, so that a form dismisses only those that its page showed.
func givenUpHash(state workflows.NotifyState) string {
	hash := sha256.New()
	for _, notice := range state.Notices {
		if notice.Status == workflows.NoticeGivenUp {
			_, _ = fmt.Fprintf(hash, "%q %q\n", notice.ID, notice.To) // a hash takes all
		}
	}
	_, _ = fmt.Fprint(hash, state.Forgotten)
	return hex.EncodeToString(hash.Sum(nil))
}

func (v *visit) resendNotices() { v.selectNotices("resend", "resent") }

// dismissNotices dismisses the notices that the form names. A form that names none is about all that its page showed as given up.
func (v *visit) dismissNotices() {
	if !v.form.Has("id") {
		source := v.form.Get("source")
		var state workflows.NotifyState
		if err := v.get(&state, nil, "notices", source); err != nil {
			v.refuse(err, workflows.NotifyWorkflowID(source))
			return
		}
		if v.form.Get("shown") != givenUpHash(state) {
			v.render(http.StatusConflict, "problem", view{Title: "The notices have changed", Data: problemView{
				Detail: "Nothing was dismissed. The notices have changed: look again.", WorkflowID: workflows.NotifyWorkflowID(source),
			}})
			return
		}
	}
	v.selectNotices("dismiss", "dismissed")
}

// selectNotices acts on the notices that the form names; without any, on all of the source that were given up.
func (v *visit) selectNotices(call, done string) {
	source := v.form.Get("source")
	which := workflows.SelectNotices{IDs: v.form["id"]}
	var selected workflows.NoticesSelected
	err := v.post(which, &selected, "notices", source, call)
	v.done(err, workflows.NotifyWorkflowID(source), "/notices", done, selected.Notices)
}
