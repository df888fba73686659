package page

import (
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

const (
	// toDoPage is how many items stand on one page: few enough to read, and each case among them is asked for its goal.
	toDoPage = 20
	// askedAtOnce bounds the calls under way for one page.
	askedAtOnce = 8

	// liveEvery is after how many seconds a page brings itself up to date, and slowEvery one that costs more.
	liveEvery, slowEvery = 4, 20
)

// toDoView is the list with what is known of each item.
type toDoView struct {
	signalbox.ToDoList
	Entries []toDoEntry
	// Beginning is the address of the first page with the same kinds, Next that of the following page, empty on the last.
	Beginning, Next string
	// First says that this is the first page.
	First bool
	// Kinds are those that the visitor chose; empty: all.
	Kinds []string
}

// Part says that an item may be missing from this page though nothing was done about it: another page has it, or it could not be read.
func (v toDoView) Part() bool {
	return v.Next != "" || !v.First || v.Truncated || v.DeliveriesMissing != ""
}

// toDoEntry is an item with its case, where it is of one that answers.
type toDoEntry struct {
	signalbox.ToDoItem
	Case *workflows.CaseState
}

// Asked is when Offload asked the question of the item; zero if it has none, or if its case does not answer.
func (e toDoEntry) Asked() time.Time {
	if e.Case == nil || e.Case.Question == nil || e.Case.Question.ID != e.QuestionID {
		return time.Time{}
	}
	return e.Case.Question.RequestedAt
}

func (v *visit) toDo() {
	if !v.s.deps.API.May(v.token, "listToDo") {
		// The first section that the token may see.
		for _, one := range sections[1:] {
			if one.Operation == "" || v.s.deps.API.May(v.token, one.Operation) {
				http.Redirect(v.w, v.r, one.Path, http.StatusSeeOther)
				return
			}
		}
	}
	query := url.Values{"limit": {strconv.Itoa(toDoPage)}}
	kinds := v.r.URL.Query()["kind"]
	if len(kinds) > 0 {
		query["kind"] = kinds
	}
	if cursor := v.r.URL.Query().Get("cursor"); cursor != "" {
		query.Set("cursor", cursor)
	}
	var list signalbox.ToDoList
	if err := v.get(&list, query, "todo"); err != nil {
		v.refuse(err, "")
		return
	}
	data := toDoView{
		ToDoList: list, Entries: make([]toDoEntry, len(list.Items)), Kinds: kinds, First: !query.Has("cursor"),
		Beginning: toDoPath(kinds, ""),
	}
	if list.Next != "" {
		data.Next = toDoPath(kinds, list.Next)
	}
	var group errgroup.Group
	group.SetLimit(askedAtOnce)
	for i, item := range list.Items {
		data.Entries[i].ToDoItem = item
		if workflows.OffloadCaseWorkflowID(item.Reference) != item.WorkflowID || item.RunID == "" || item.Note != "" {
			continue
		}
		group.Go(func() error {
			var state workflows.CaseState
			if v.get(&state, nil, "cases", item.Reference) == nil { // an item without it still says what is to do
				data.Entries[i].Case = &state
			}
			return nil
		})
	}
	_ = group.Wait() // none fails
	every := liveEvery
	if list.Total > 100 {
		every = slowEvery
	}
	v.render(http.StatusOK, "todo", view{Title: "To do", Section: "/", Data: data, Every: every})
}

// toDoPath is the address of a page of the list.
func toDoPath(kinds []string, cursor string) string {
	query := url.Values{}
	if len(kinds) > 0 {
		query["kind"] = kinds
	}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	return (&url.URL{Path: "/", RawQuery: query.Encode()}).String()
}

// questionsOnly is the list without what stands in its way after an outage: deliveries are due since they came, before most questions.
var questionsOnly = toDoPath([]string{string(signalbox.ToDoQuestion), string(signalbox.ToDoQuestionExpired)}, "")

// together runs reads of one page at the same time; each keeps its own error.
func together(reads ...func()) {
	var all sync.WaitGroup
	for _, read := range reads {
		all.Go(read)
	}
	all.Wait()
}
