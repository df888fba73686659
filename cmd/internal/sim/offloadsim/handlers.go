package offloadsim

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"
)

// ownerMonth is what the plan's cap counts by: an owner's UTC billing month.
type ownerMonth struct {
	owner string
	month string
}

func billingMonth(t time.Time) string { return t.UTC().Format("2006-01") }

func (s *Simulator) createCase(_ *http.Request, owner string, body []byte) answer {
	req, apiErr := parseCreate(body)
	if apiErr != nil {
		return fail(apiErr)
	}
	script, apiErr := s.chooseScript(req)
	if apiErr != nil {
		return fail(apiErr)
	}
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	month := ownerMonth{owner, billingMonth(now)}
	if s.opts.MonthlyCap > 0 && s.created[month] >= s.opts.MonthlyCap {
		return fail(errUsageLimit)
	}
	s.created[month]++
	c := &offloadCase{
		id: s.Dice.UUID(), owner: owner, request: req, body: body, status: StatusCreated,
		createdAt: now.UnixMilli(), updatedAt: now.UnixMilli(), script: script, answered: make(chan struct{}, 1),
	}
	s.cases[c.id] = c
	s.order = append(s.order, c.id)
	s.Changed()
	s.play(c)

	data := map[string]any{"caseId": c.id}
	if s.Dice.IntN(2) == 0 { // Whether there is more than the caseId depends on the page's revision.
		data["status"] = c.status
	}
	return answer{status: s.createStatus(), data: data}
}

func (s *Simulator) getCase(r *http.Request, owner string, _ []byte) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, apiErr := s.find(r.PathValue("id"), owner)
	if apiErr != nil {
		return fail(apiErr)
	}
	c.reads++
	data := c.view(s.Now(), s.undocumented)
	if r.URL.Query().Get("includeTranscript") == "true" {
		data["conversationThread"] = c.transcript()
	}
	return answer{status: http.StatusOK, data: data}
}

func (s *Simulator) provideInput(r *http.Request, owner string, body []byte) answer {
	var req struct {
		InputRequestID  string `json:"inputRequestId"`
		ProvidedContext string `json:"providedContext"`
	}
	if err := json.Unmarshal(body, &req); err != nil {
		return fail(invalidRequest("Malformed JSON body"))
	}
	req.InputRequestID = strings.TrimSpace(req.InputRequestID)
	req.ProvidedContext = strings.TrimSpace(req.ProvidedContext)
	if req.InputRequestID == "" || req.ProvidedContext == "" {
		return fail(invalidRequest("inputRequestId and providedContext must be non-empty strings"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, apiErr := s.find(r.PathValue("id"), owner)
	switch {
	case apiErr != nil:
		return fail(apiErr)
	case c.status != StatusInputNeeded || c.input == nil:
		return fail(errNotWaiting)
	case c.input.ID != req.InputRequestID:
		return fail(errMismatch)
	case c.input.Status != requestPending:
		return fail(errNotPending)
	}
	// The question is resolved at once, but the case stays INPUT_NEEDED until Offload processes the answer.
	c.input.Status = requestResolved
	c.touch(s.Now())
	s.Changed()
	c.answers = append(c.answers, Answer{InputRequestID: req.InputRequestID, ProvidedContext: req.ProvidedContext, Question: c.input.Question})
	c.learn(req.ProvidedContext)
	select {
	case c.answered <- struct{}{}:
	default: // The script, if any, has not taken the previous answer yet.
	}
	return answer{status: http.StatusAccepted, data: map[string]any{
		"caseId": c.id, "inputRequestId": req.InputRequestID, "accepted": true,
	}}
}

// learn merges an answer into goal.knowledge.additionalHumanContext. What happens to a knowledge that is a string is
// not documented; here it is left alone.
func (c *offloadCase) learn(context string) {
	knowledge, isObject := c.request.goal["knowledge"].(map[string]any)
	if _, there := c.request.goal["knowledge"]; there && !isObject {
		return
	}
	merged := map[string]any{}
	maps.Copy(merged, knowledge)
	merged["additionalHumanContext"] = context
	goal := maps.Clone(c.request.goal)
	goal["knowledge"] = merged
	c.request.goal = goal // Replaced, not changed: an answer that is being written may still hold the old one.
}

// find looks a case up for its owner. The caller holds the mutex.
func (s *Simulator) find(id, owner string) (*offloadCase, *apiError) {
	if id == "" {
		return nil, errNoCaseID
	}
	c, ok := s.cases[id]
	switch {
	case !ok:
		return nil, errCaseNotFound
	case c.owner != owner:
		return nil, errNotOwner
	}
	return c, nil
}

func iso8601(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func (s *Simulator) baseURL(r *http.Request) string {
	if s.opts.PublicURL != "" {
		return strings.TrimRight(s.opts.PublicURL, "/")
	}
	return fmt.Sprintf("http://%s", r.Host)
}
