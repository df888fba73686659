package page

import (
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

const (
	// toDoPage is how many entries stand on one page: few enough to read, and each case among them is asked for its goal.
	toDoPage = 20
	// askedAtOnce bounds the calls under way for one page.
	askedAtOnce = 8

	// liveEvery is after how many seconds a page brings itself up to date, and slowEvery one that costs more.
	liveEvery, slowEvery = 4, 20
)

// toDoView is the list with what is known of each entry.
type toDoView struct {
	signalbox.ToDoList
	Entries []toDoEntry
	Next    string
	// First says that this is the beginning of the list.
	First bool
}

// toDoEntry is an entry with its case, where it is of one that answers.
type toDoEntry struct {
	signalbox.ToDoItem
	Case *workflows.CaseState
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
	if cursor := v.r.URL.Query().Get("cursor"); cursor != "" {
		query.Set("cursor", cursor)
	}
	var list signalbox.ToDoList
	if err := v.get(&list, query, "todo"); err != nil {
		v.refuse(err, "")
		return
	}
	data := toDoView{ToDoList: list, First: !query.Has("cursor"), Entries: make([]toDoEntry, len(list.Items))}
	if list.Next != "" {
		data.Next = "/?" + url.Values{"cursor": {list.Next}}.Encode()
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
			if v.get(&state, nil, "cases", item.Reference) == nil { // an entry without it still says what is to do
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

// together runs reads of one page at the same time; each keeps its own error.
func together(reads ...func()) {
	var all sync.WaitGroup
	for _, read := range reads {
		all.Go(read)
	}
	all.Wait()
}
