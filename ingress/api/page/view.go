package page

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/signalbox-dev/signalbox/ingress/inboxadmin"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// view is what a template gets.
type view struct {
	// Title is the page's heading, Section the entry of the menu.
	Title, Section string
	Data           any
	// Every is after how many seconds the page brings itself up to date; 0: never.
	Every int

	visit *visit
}

// Who is the name of the visitor's token, empty before a sign-in.
func (p view) Who() string {
	if !p.visit.signedIn {
		return ""
	}
	return p.visit.token.Name
}

// HasSession says whether there is something to sign out of.
func (p view) HasSession() bool { return p.visit.secret != "" }

// May says whether the visitor's token has the scopes of an operation of the API.
func (p view) May(operationID string) bool {
	return p.visit.signedIn && p.visit.s.deps.API.May(p.visit.token, operationID)
}

// MaySeeCaseDeliveries says whether the visitor may see the deliveries for cases: a limited token sees those of its agents only.
func (p view) MaySeeCaseDeliveries() bool { return p.visit.maySeeCaseDeliveries() }

func (v *visit) maySeeCaseDeliveries() bool {
	return v.s.deps.API.May(v.token, "listDeliveries") && !v.token.Limited()
}

// MayResend says whether the visitor may resend and dismiss the notices of a source: it needs the scope to change the case or the activation.
func (p view) MayResend(source string) bool {
	if _, isCase := workflows.ParseOffloadCaseWorkflowID(source); isCase {
		return p.May("cancelCase")
	}
	return p.May("closeRun")
}

// Here is the address of the page, for forms that come back to it.
func (p view) Here() string {
	here := *p.visit.r.URL
	query := withoutDone(here.Query())
	here.RawQuery = query.Encode()
	return here.RequestURI()
}

// withoutDone removes the query parameters that report the result of the last form.
func withoutDone(query url.Values) url.Values {
	for _, name := range []string{"done", "n", "doneCase"} {
		query.Del(name)
	}
	return query
}

// Done says what the last form did; empty where none was sent.
func (p view) Done() string {
	query := p.visit.r.URL.Query()
	text, known := doneTexts[query.Get("done")]
	if !known || p.visit.r.Method != "GET" {
		return ""
	}
	for _, n := range query["n"] {
		if len(n) > 9 || strings.Trim(n, "0123456789") != "" {
			return ""
		}
		text = strings.Replace(text, "#", n, 1)
	}
	return text
}

// DoneCase is the reference of the case that the last form was about; empty on the page of that case.
func (p view) DoneCase() string { return p.visit.r.URL.Query().Get("doneCase") }

var doneTexts = map[string]string{
	"answered":  "The answer was taken and is on its way to Offload.",
	"cancelled": "The case was cancelled.",
	"adopted":   "Offload is asked for that case. It is bound to the reference once Offload has shown it.",
	"created":   "The case is created again.",
	"checking":  "Offload is asked how the case stands.",
	"closed":    "The run was closed.",
	"withdrawn": "The approval was cancelled.",
	"replayed":  "Replayed: #. Not replayable: #.",
	"released":  "Released: #. Repetitions: #. Still refused, since no secret verifies them: #. Unreadable: #.",
	"resent":    "Sent again: #.",
	"dismissed": "Dismissed: #.",
}

// link is an entry of the menu.
type link struct{ Name, Path, Operation string }

// Menu is the sections that the visitor's token may see.
func (p view) Menu() []link {
	var menu []link
	for _, one := range sections {
		if p.visit.signedIn && (one.Operation == "" || p.May(one.Operation)) {
			menu = append(menu, one)
		}
	}
	return menu
}

var sections = []link{
	{"To do", "/", "listToDo"},
	{"Cases", "/cases", "listCases"},
	{"Activations", "/activations", "listActivations"},
	{"Deliveries", "/deliveries", "listDeliveries"},
	{"Notices", "/notices", "listNotices"},
	{"Health", "/health", ""},
}

func (s *Server) functions() template.FuncMap {
	return template.FuncMap{
		"asset":          func(name string) string { return s.assets[name].url },
		"clean":          clean,
		"when":           s.when,
		"word":           word,
		"toDoKind":       toDoKind,
		"help":           func(attention string) string { sentence, _ := workflows.AttentionHelp(attention); return sentence },
		"attentions":     workflows.Attentions,
		"casePath":       casePath,
		"activationPath": activationPath,
		"deliveryPath":   deliveryPath,
		"noticesPath":    noticesPath,
		// noticesOf is the case or activation whose notices a workflow delivers.
		"noticesOf":     func(workflowID string) string { return strings.TrimPrefix(workflowID, workflows.NotifyWorkflowID("")) },
		"questionsOnly": func() string { return questionsOnly },
		"ahead":         func(t time.Time) bool { return t.After(s.deps.Now()) },
		"caseNotices":   func(reference string) string { return workflows.OffloadCaseWorkflowID(reference) },
		"webUI":         s.webUI,
		"json":          pretty,
		"size":          size,
		"span":          span,
		"since":         func(from, to time.Time) time.Duration { return max(0, to.Sub(from)) }, // of two clocks
		"dict":          dict,
		"can": func(item signalbox.ToDoItem, action string) bool {
			return slices.Contains(item.Actions, signalbox.Action(action))
		},
		"has":         slices.Contains[[]string],
		"creatable":   creatable,
		"instant":     func(t time.Time) string { return t.Format(time.RFC3339Nano) },
		"storedAs":    storedAs,
		"dismissible": inboxadmin.Dismissible,
		// What was dead can be read again after its dismissal.
		"dismissedFrom": inboxadmin.DismissedFrom,
		"workflowPath":  workflowPath,
		"lines":         func(text string) int { return min(8, 2+strings.Count(text, "\n")) },
		"id":            anchor,
		"split":         strings.Fields,
		// The contract's sentences mark names as code, for Temporal's Web UI.
		"plain": func(text string) string { return strings.ReplaceAll(text, "`", "") },
	}
}

// creatable says whether a case takes the caseId of an adoption, or another creation: it refuses both while a creation is under way.
func creatable(s workflows.CaseState) bool {
	return s.CaseID == "" && (s.Status == workflows.CaseCreateUncertain ||
		slices.Contains(s.Attention, workflows.AttentionCreateRejected) || slices.Contains(s.Attention, workflows.AttentionAdoptRefused))
}

// storedAs is the ID that a delivery got when it was released or replayed as a new one, out of its reason; empty in all others. how is the
// first word of the reason.
func storedAs(how, reason string) string {
	id, found := strings.CutPrefix(reason, how+" as ")
	if !found {
		return ""
	}
	return id
}

// dict gives a template several values.
func dict(pairs ...any) map[string]any {
	values := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return values
}

// anchor is a text as an ID in HTML.
func anchor(parts ...string) string {
	var id strings.Builder
	id.WriteString("i")
	for _, part := range parts {
		fmt.Fprintf(&id, "-%x", part)
	}
	return id.String()
}

// webUI is where Temporal's Web UI shows a workflow; empty where that is not configured.
func (s *Server) webUI(workflowID string) string {
	if s.deps.WebUI == "" || workflowID == "" {
		return ""
	}
	return strings.TrimSuffix(s.deps.WebUI, "/") + "/workflows/" + url.PathEscape(workflowID)
}

func casePath(reference string) string { return "/cases/" + url.PathEscape(reference) }

func activationPath(agent, activation string) string {
	return "/activations/" + url.PathEscape(agent) + "/" + url.PathEscape(activation)
}

func deliveryPath(id string) string { return "/deliveries/" + url.PathEscape(id) }

func noticesPath(source string) string {
	return "/notices/of?" + url.Values{"source": {source}}.Encode()
}

// workflowPath is the page of a case, an activation or their notices by its workflow ID; empty for another workflow.
func workflowPath(workflowID string) string {
	if reference, isCase := workflows.ParseOffloadCaseWorkflowID(workflowID); isCase {
		return casePath(reference)
	}
	if agent, activation, isActivation := workflows.ParseArtmailActivationWorkflowID(workflowID); isActivation && activation != "" {
		return activationPath(agent, activation)
	}
	if source, isNotify := strings.CutPrefix(workflowID, workflows.NotifyWorkflowID("")); isNotify {
		return noticesPath(source)
	}
	return ""
}

// clean makes a text of others harmless to look at: control characters, those that turn the direction of what follows, and those that can't be
// seen are shown by name. The joiners of scripts and emoji stay, and the signs of Arabic and Syriac that stand before a number.
func clean(text any) string {
	if pointer, isPointer := text.(*string); isPointer {
		text = *pointer
	}
	var out strings.Builder
	for _, r := range strings.ToValidUTF8(strings.ReplaceAll(fmt.Sprint(text), "\r\n", "\n"), "\uFFFD") {
		switch {
		case r == '\n' || r == '\t':
			out.WriteRune(r)
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point) && r != 0x200C && r != 0x200D &&
			!unicode.Is(unicode.Prepended_Concatenation_Mark, r):
			fmt.Fprintf(&out, "⟨U+%04X⟩", r)
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// moment is a time in UTC with how far away it is: Ago is "60 min ago" or "in 60 min", For is "60 min".
type moment struct{ ISO, At, Ago, For string }

func (s *Server) when(t time.Time) *moment {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	age := s.deps.Now().Sub(t)
	m := &moment{ISO: t.Format(time.RFC3339), At: t.Format("2 Jan 2006, 15:04:05"), Ago: "now", For: about(age.Abs())}
	switch {
	case age >= 5*time.Second:
		m.Ago = m.For + " ago"
	case age <= -5*time.Second:
		m.Ago = "in " + m.For
	}
	return m
}

// about is a time that passed, in its largest fitting unit, rounded down.
func about(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// span is a time that passed.
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.0f h", d.Hours())
}

// word is a name of the contract as people write it: "INPUT_NEEDED" is "Input needed", and "no_api_key" is "No API key".
func word(name any) string {
	text := strings.ReplaceAll(strings.ToLower(fmt.Sprint(name)), "_", " ")
	if text == "" {
		return ""
	}
	text = strings.ReplaceAll(text, "api key", "API key")
	return strings.ToUpper(text[:1]) + text[1:]
}

// pretty is JSON with indents; what is none stays as it is.
func pretty(raw any) string {
	var text []byte
	switch value := raw.(type) {
	case json.RawMessage:
		text = value
	case []byte:
		return clean(string(value))
	default:
		text, _ = json.Marshal(raw) // values of the contract always encode
	}
	var parsed any
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	if decoder.Decode(&parsed) != nil {
		return clean(string(text))
	}
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if encoder.Encode(parsed) != nil {
		return clean(string(text))
	}
	return clean(strings.TrimSuffix(out.String(), "\n"))
}

func size(bytes int64) string {
	switch {
	case bytes < 1<<10:
		return fmt.Sprintf("%d bytes", bytes)
	case bytes < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(bytes)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
}

func toDoKind(kind signalbox.ToDoKind) string {
	if text, known := toDoKinds[kind]; known {
		return text
	}
	return word(string(kind))
}

var toDoKinds = map[signalbox.ToDoKind]string{
	signalbox.ToDoQuestion:         "Question",
	signalbox.ToDoQuestionExpired:  "Question, its time is over",
	signalbox.ToDoCreateUncertain:  "Uncertain creation",
	signalbox.ToDoRequestRejected:  "Request refused",
	signalbox.ToDoResultOffSchema:  "Result off schema",
	signalbox.ToDoActivationPaused: "Activation paused",
	signalbox.ToDoNoAPIKey:         "No API key",
	signalbox.ToDoRunStale:         "Inactive run",
	signalbox.ToDoResponseUnclear:  "Unclear response",
	signalbox.ToDoNoticesGivenUp:   "Notices not delivered",
	signalbox.ToDoWorkflowBroken:   "Broken workflow",
	signalbox.ToDoDeliveryDead:     "Unreadable webhook",
	signalbox.ToDoDeliveryNoMatch:  "Webhook without a case",
	signalbox.ToDoDeliveryLate:     "Late webhook",
	signalbox.ToDoAttention:        "Needs a look",
}
