package page

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// listView is a list with its filter.
type listView[T any] struct {
	Rows   []T
	Filter url.Values
	// States is the list of those to choose from.
	States any
	// Next is the address of the following page, empty on the last.
	Next string
	// Problem says why there is no list.
	Problem string
}

// cases lists cases.
func (v *visit) cases() {
	query, filter := v.filter("state", "attention", "needsAttention", "account", "prefix", "caseId", "open", "startedSince", "startedBefore", "cursor")
	var page signalbox.CasePage
	problem, err := v.list(&page, query, "cases")
	if err != nil {
		v.refuse(err, "")
		return
	}
	v.render(http.StatusOK, "cases", view{Title: "Cases", Section: "/cases", Every: slowEvery, Data: listView[signalbox.CaseRow]{
		Rows: page.Cases, Filter: filter, States: workflows.CaseStatuses(), Next: v.next(page.Next), Problem: problem,
	}})
}

// filter is what the visitor chose of these parameters: for the API, and as it stands in the form.
func (v *visit) filter(names ...string) (query, form url.Values) {
	query, form = url.Values{}, url.Values{}
	for name, values := range v.r.URL.Query() {
		for _, value := range values {
			if value == "" || !slices.Contains(names, name) {
				continue
			}
			form.Add(name, value)
			query.Add(name, asTime(name, value))
		}
	}
	return query, form
}

// asTime turns a browser's time of a day, which is meant as UTC here, into the API's.
func asTime(name, value string) string {
	switch name {
	case "startedSince", "startedBefore", "since", "until":
		for _, form := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02"} {
			if t, err := time.Parse(form, value); err == nil {
				return t.Format(time.RFC3339)
			}
		}
	}
	return value
}

// list reads a list. What is wrong with the filter is a problem to be shown beside the form.
func (v *visit) list(into any, query url.Values, path ...string) (string, error) {
	err := v.get(into, query, path...)
	var refused *problem
	if errors.As(err, &refused) && (refused.Status == http.StatusBadRequest || refused.is("other-account", "other-agent")) {
		return refused.Detail, nil
	}
	return "", err
}

// next is the address of the page with a cursor.
func (v *visit) next(cursor string) string {
	if cursor == "" {
		return ""
	}
	query := withoutDone(v.r.URL.Query())
	query.Set("cursor", cursor)
	return v.r.URL.Path + "?" + query.Encode()
}

// caseView is one case with all that is known about it.
type caseView struct {
	State      workflows.CaseState
	WorkflowID string
	Timeline   []event
	history
	Files    *workflows.CaseFiles
	FileRows []caseFile
	// Late is set where an answer was not taken.
	Late *lateAnswer
}

// lateAnswer is an answer that came too late, or to another question.
type lateAnswer struct {
	Problem string
	// QuestionID is the question that it was meant for, Text what the person wrote.
	QuestionID, Text string
	// Given is the answer that the question has; nil where none is known.
	Given *workflows.Answer
}

// taken says whether the question has this very answer of the same person: a form that was sent twice is no second answer. An answer that Offload
// did not take counts for nothing.
func (l *lateAnswer) taken(by string) bool {
	return l.Given != nil && l.Given.By == by && strings.TrimSpace(l.Given.Text) == strings.TrimSpace(l.Text) &&
		slices.Contains([]workflows.InputResult{"", workflows.InputAccepted, workflows.InputAlreadyResolved}, l.Given.Result)
}

func (v *visit) oneCase() { v.showCase(http.StatusOK, nil) }

func (v *visit) showCase(status int, late *lateAnswer) {
	reference := v.r.PathValue("reference")
	data := caseView{WorkflowID: workflows.OffloadCaseWorkflowID(reference), Late: late}
	var failed error
	together(
		func() { failed = v.get(&data.State, nil, "cases", reference) },
		func() {
			data.history = v.readHistory(data.WorkflowID, url.Values{"reference": {reference}}, v.maySeeCaseDeliveries())
		},
	)
	if failed != nil {
		v.refuse(failed, data.WorkflowID)
		return
	}
	if outcome := data.State.Outcome; outcome != nil && outcome.FilesWorkflowID != "" {
		var files workflows.CaseFiles
		if v.get(&files, nil, "cases", reference, "files") == nil { // they may not have been asked for yet
			data.Files = &files
		}
	}
	if late != nil {
		for i, answer := range data.State.Answers {
			if answer.QuestionID == late.QuestionID {
				late.Given = &data.State.Answers[i]
			}
		}
		if late.taken(v.token.Name) {
			v.back(v.here(), "answered")
			return
		}
	}
	data.Timeline, data.FileRows = caseTimeline(data), caseFiles(data.State.Facts, data.Files)
	every := liveEvery
	if late != nil {
		every = 0 // the address is that of the form
	}
	v.render(status, "case", view{Title: "Case " + reference, Section: "/cases", Data: data, Every: every})
}

// transcript shows the conversation as Offload has it now.
func (v *visit) transcript() {
	reference := v.r.PathValue("reference")
	var read workflows.CaseTranscript
	if err := v.get(&read, nil, v.caseCall("transcript")...); err != nil {
		v.refuse(err, workflows.OffloadCaseWorkflowID(reference))
		return
	}
	v.render(http.StatusOK, "transcript", view{Title: "Transcript of " + reference, Section: "/cases", Data: read})
}

// caseCall is the API's path of a call about the case of the address.
func (v *visit) caseCall(call string) []string {
	return []string{"cases", v.r.PathValue("reference"), call}
}

// answerQuestion takes an answer. One that is not taken comes back with what happened meanwhile, and the text in its box.
func (v *visit) answerQuestion() {
	// Forms end lines with CR LF, which would count twice against the limit and differ from the same answer sent by the API.
	text := strings.ReplaceAll(v.form.Get("text"), "\r\n", "\n")
	input := workflows.ProvideInput{QuestionID: v.form.Get("questionId"), Text: text}
	err := v.post(input, nil, v.caseCall("input")...)
	var refused *problem
	switch {
	case err == nil:
		v.back(v.here(), "answered")
	case errors.As(err, &refused) && (refused.Status == http.StatusConflict || refused.Status == http.StatusBadRequest):
		v.showCase(refused.Status, &lateAnswer{Problem: whyNotTaken(refused), QuestionID: input.QuestionID, Text: input.Text})
	default:
		v.refuse(err, workflows.OffloadCaseWorkflowID(v.r.PathValue("reference")))
	}
}

// whyNotTaken says what happened before an answer came. Where the answer itself is at fault, the API says how.
func whyNotTaken(refused *problem) string {
	switch {
	case refused.is("already-answered"):
		return "This question was answered before your answer came."
	case refused.is("other-question"):
		return "Offload asks something else by now."
	case refused.is("no-open-question"):
		return "The case asks nothing at the moment."
	case refused.is("ended"):
		return "The case has ended and takes no answer."
	}
	return refused.Title + ": " + refused.Detail + "."
}

// here is the page of the case.
func (v *visit) here() string { return casePath(v.r.PathValue("reference")) }

// done goes back where the call went well, and says why where it did not.
func (v *visit) done(err error, workflowID, otherwise, done string, counts ...int) {
	if err != nil {
		v.refuse(err, workflowID)
		return
	}
	v.back(otherwise, done, counts...)
}

func (v *visit) doneCase(err error, done string) {
	v.done(err, workflows.OffloadCaseWorkflowID(v.r.PathValue("reference")), v.here(), done)
}

func (v *visit) cancelCase() {
	v.doneCase(v.post(workflows.CancelCase{Reason: v.form.Get("reason")}, nil, v.caseCall("cancel")...), "cancelled")
}

func (v *visit) adoptCase() {
	v.doneCase(v.post(workflows.AdoptCase{CaseID: v.form.Get("caseId")}, nil, v.caseCall("adopt")...), "adopted")
}

// retryCreate creates the case again if it is still as the page showed it: a second creation is a second thread of mails.
func (v *visit) retryCreate() {
	var state workflows.CaseState
	reference := v.r.PathValue("reference")
	if err := v.get(&state, nil, "cases", reference); err != nil {
		v.refuse(err, workflows.OffloadCaseWorkflowID(reference))
		return
	}
	if v.form.Get("since") != state.Since.Format(time.RFC3339Nano) {
		v.render(http.StatusConflict, "problem", view{Title: "The case has changed", Data: problemView{
			Detail:     "Nothing was created: the case is no longer as the page showed it. Go back, look at it again and then decide.",
			WorkflowID: workflows.OffloadCaseWorkflowID(reference),
		}})
		return
	}
	v.doneCase(v.post(workflows.RetryCreate{}, nil, v.caseCall("retry-create")...), "created")
}

func (v *visit) reconcile() { v.doneCase(v.post(nil, nil, v.caseCall("reconcile")...), "checking") }
