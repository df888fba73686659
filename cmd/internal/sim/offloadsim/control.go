package offloadsim

import (
	"cmp"
	"net/http"

	"github.com/signalbox-dev/signalbox/cmd/internal/sim/simbase"
)

// controls registers the controls of Offload beside those of simbase. {id} is a caseId, a clientReferenceId, which means the newest case
// with it, or "latest", the newest case of all. What acts on a case answers with its Record.
func (s *Simulator) controls() {
	simbase.Control(s.Base, "GET /sim/cases", "all cases, oldest first; with ?clientReferenceId= only those created with it",
		func(r *http.Request, _ simbase.Empty) (any, error) {
			if reference := r.URL.Query().Get("clientReferenceId"); reference != "" {
				return s.CasesOf(reference), nil
			}
			return s.Cases(), nil
		})
	onCase(s, "GET /sim/cases/{id}", "one case; {id} is everywhere a caseId, a reference or latest",
		func(string, simbase.Empty) error { return nil })
	onCase(s, "POST /sim/cases/{id}/first-message", "send the first message: the case is RUNNING",
		func(id string, _ simbase.Empty) error { return s.SendFirstMessage(id) })
	onCase(s, "POST /sim/cases/{id}/message", "send another message",
		func(id string, _ simbase.Empty) error { return s.SendMessage(id) })
	onCase(s, "POST /sim/cases/{id}/reply", "a reply comes and is being evaluated",
		func(id string, _ simbase.Empty) error { return s.ReceiveReply(id) })
	onCase(s, "POST /sim/cases/{id}/attachment", `a file comes: {"name", "type", "content" in base64}`,
		func(id string, b struct {
			Name, Type string
			Content    []byte
		},
		) error {
			_, err := s.ReceiveAttachment(id, cmp.Or(b.Name, "reply.txt"), cmp.Or(b.Type, "text/plain"), b.Content)
			return err
		})
	onCase(s, "POST /sim/cases/{id}/ask", `ask a person: {"question"}`,
		func(id string, b struct{ Question string }) error {
			if err := s.begin(id); err != nil {
				return err
			}
			_, err := s.AskInput(id, cmp.Or(b.Question, scriptQuestion))
			return err
		})
	onCase(s, "POST /sim/cases/{id}/resume", "go on after an answer",
		func(id string, _ simbase.Empty) error { return s.Resume(id) })
	onCase(s, "POST /sim/cases/{id}/complete", `end it with the goal achieved: {"result"}`,
		func(id string, b struct{ Result map[string]any }) error {
			if err := s.begin(id); err != nil {
				return err
			}
			return s.Complete(id, b.Result)
		})
	onCase(s, "POST /sim/cases/{id}/fail", `end it as failed: {"resultStatus", "reason"}`,
		func(id string, b struct{ ResultStatus, Reason string }) error {
			return s.Fail(id, cmp.Or(b.ResultStatus, ResultFailedRejected), b.Reason)
		})
	onCase(s, "POST /sim/cases/{id}/webhook", `send a webhook for the case as it is: {"event", "data" that replaces fields}`,
		func(id string, b struct {
			Event string
			Data  map[string]any
		},
		) error {
			return s.SendWebhook(id, b.Event, b.Data)
		})
	simbase.PlanControls(s.Base, "failures", "throttle:get: the next GET; reset-after:create=0.2: each POST /cases by chance", s.Calls)
	simbase.Control(s.Base, "PUT /sim/undocumented", "how to handle what is not documented: Undocumented, whole; durations in nanoseconds",
		func(_ *http.Request, u Undocumented) (any, error) {
			s.SetUndocumented(u)
			return nil, nil
		})
}

// onCase registers a control of one case.
func onCase[B any](s *Simulator, pattern, help string, do func(caseID string, body B) error) {
	simbase.Control(s.Base, pattern, help, func(r *http.Request, body B) (any, error) {
		id := s.caseNamed(r.PathValue("id"))
		if err := do(id, body); err != nil {
			return nil, simbase.NotListed(err, r, "/sim/cases")
		}
		return s.Case(id)
	})
}

// begin sends the first message where that is still to come: a person then needs one call less.
func (s *Simulator) begin(caseID string) error {
	record, err := s.Case(caseID)
	if err != nil || record.Status != StatusCreated {
		return err
	}
	return s.SendFirstMessage(caseID)
}

// caseNamed is the caseId that a name in a control's path means; a name that means nothing stays as it is.
func (s *Simulator) caseNamed(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.cases[name]; known {
		return name
	}
	for i := len(s.order) - 1; i >= 0; i-- {
		if id := s.order[i]; name == "latest" || s.cases[id].request.clientReferenceID == name {
			return id
		}
	}
	return name
}
