package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/ingress/inboxadmin"
	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/resultschema"
	"github.com/signalbox-dev/signalbox/workflows/signalbox"
)

// schema is what these tests read of a schema of the document.
type schema struct {
	Properties map[string]struct {
		Enum   []string
		Format string
	}
	Description string
	Enum        []string
}

func schemas(t *testing.T) map[string]schema {
	t.Helper()
	var doc struct {
		Components struct{ Schemas map[string]schema }
	}
	require.NoError(t, yaml.Unmarshal(document, &doc))
	return doc.Components.Schemas
}

// A field that a Go type gets, the document must get too: it is the API's whole promise.
func TestEachSchemaHasTheFieldsOfItsGoType(t *testing.T) {
	t.Parallel()
	all := schemas(t)
	for name, c := range map[string]struct {
		value any
		// hidden are fields that the API does not have: it fills them in itself, or keeps them secret.
		hidden []string
	}{
		"CaseStart": {value: workflows.CaseStart{}}, "CaseRequest": {value: workflows.CaseRequest{}}, "CaseGoal": {value: workflows.CaseGoal{}},
		"Counterparty": {value: workflows.Counterparty{}}, "SenderPersona": {value: workflows.SenderPersona{}}, "CaseOptions": {value: workflows.CaseOptions{}},
		"ReplyTo": {value: workflows.ReplyTo{}}, "CaseState": {value: workflows.CaseState{}}, "CaseOutcome": {value: workflows.CaseOutcome{}},
		"CaseFacts": {value: workflows.CaseFacts{}}, "Attachment": {value: workflows.Attachment{}}, "Question": {value: workflows.Question{}},
		"Answer": {value: workflows.Answer{}}, "Check": {value: workflows.Check{}}, "InputReceipt": {value: workflows.InputReceipt{}},
		"CaseReceipt": {value: workflows.CaseReceipt{}}, "CaseFiles": {value: workflows.CaseFiles{}}, "StoredFile": {value: workflows.StoredFile{}},
		"UnstoredFile": {value: workflows.UnstoredFile{}}, "ResultCheck": {value: workflows.ResultCheck{}}, "SchemaViolation": {value: workflows.SchemaViolation{}},
		"CaseTranscript": {value: workflows.CaseTranscript{}}, "ActivationChange": {value: workflows.ActivationChange{}}, "Target": {value: workflows.Target{}},
		"NoticeAttempt": {value: workflows.NoticeAttempt{}}, "AppliedEvent": {value: workflows.AppliedEvent{}},
		"ProvideInput": {workflows.ProvideInput{}, []string{"by"}}, "CancelCase": {workflows.CancelCase{}, []string{"by"}},
		"AdoptCase": {workflows.AdoptCase{}, []string{"by"}}, "RetryCreate": {workflows.RetryCreate{}, []string{"by", "runId"}},
		"Activation": {shownActivation{}, []string{"sealedApiKey"}}, "ActivationUser": {value: workflows.ActivationUser{}},
		"ActivationOptions": {value: workflows.ActivationOptions{}}, "ApprovalRequest": {value: workflows.ApprovalRequest{}}, "Approval": {value: workflows.Approval{}},
		"CancelApproval": {workflows.CancelApproval{}, []string{"by", "messageId"}}, "OpenRun": {value: workflows.OpenRun{}}, "TouchRuns": {value: workflows.TouchRuns{}},
		"CloseRun": {workflows.CloseRun{}, []string{"by", "runId"}}, "Run": {value: workflows.Run{}},
		"Notice": {value: workflows.Notice{}}, "NoticeData": {value: workflows.NoticeData{}}, "NotifyState": {value: workflows.NotifyState{}}, "NoticeRecord": {value: workflows.NoticeRecord{}},
		"SelectNotices": {workflows.SelectNotices{}, []string{"by"}}, "NoticesSelected": {value: workflows.NoticesSelected{}},
		"Delivery": {value: inbox.Delivery{}}, "DeliveryPage": {value: inbox.Page{}}, "DeliveryWithBody": {value: inboxadmin.Shown{}}, "DeliveryCounts": {value: inboxadmin.Counts{}},
		"Purged": {value: inbox.Purged{}}, "Replayed": {value: inboxadmin.Replayed{}}, "Dismissed": {value: inboxadmin.Dismissed{}}, "AuditPage": {value: inboxadmin.AuditPage{}}, "AuditEntry": {value: inbox.AuditEntry{}},
		"CasePage": {value: signalbox.CasePage{}}, "CaseRow": {value: signalbox.CaseRow{}}, "ActivationPage": {value: signalbox.ActivationPage{}},
		"ActivationRow": {value: signalbox.ActivationRow{}}, "ToDoList": {value: signalbox.ToDoList{}}, "ToDoItem": {value: signalbox.ToDoItem{}},
		"CatchUpReport": {value: signalbox.CatchUpReport{}}, "CatchUpCount": {value: signalbox.CatchUpCount{}}, "CatchUpFailure": {value: signalbox.CatchUpFailure{}},
		"ReplayedDeliveries": {value: signalbox.ReplayedDeliveries{}}, "NoticePage": {value: signalbox.NoticeSourcePage{}}, "NoticeSource": {value: signalbox.NoticeSource{}},
	} {
		want := slices.DeleteFunc(jsonFields(reflect.TypeOf(c.value)), func(field string) bool { return slices.Contains(c.hidden, field) })
		slices.Sort(want)
		require.Equal(t, want, slices.Sorted(maps.Keys(all[name].Properties)), name)
		for _, f := range reflect.VisibleFields(reflect.TypeOf(c.value)) {
			if field, _, _ := strings.Cut(f.Tag.Get("json"), ","); f.Type == reflect.TypeFor[int64]() {
				require.Equal(t, "int64", all[name].Properties[field].Format, "%s.%s", name, field)
			}
		}
	}
}

func jsonFields(of reflect.Type) []string {
	var fields []string
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			fields = append(fields, jsonFields(f.Type)...)
		case f.IsExported() && name != "-":
			fields = append(fields, name)
		}
	}
	return fields
}

// eachObject visits each object of the document, so each schema.
func eachObject(t *testing.T, visit func(object map[string]any)) {
	t.Helper()
	var walk func(part any)
	walk = func(part any) {
		switch part := part.(type) {
		case []any:
			for _, one := range part {
				walk(one)
			}
		case map[string]any:
			visit(part)
			for _, one := range part {
				walk(one)
			}
		}
	}
	var root any
	require.NoError(t, yaml.Unmarshal(document, &root))
	walk(root)
}

// The contract counts bytes, and maxLength counts characters. Both are as many only where a pattern allows ASCII alone.
func TestEachTextSaysItsLimitInBytes(t *testing.T) {
	t.Parallel()
	seen := 0
	eachObject(t, func(schema map[string]any) {
		pattern, _ := schema["pattern"].(string)
		if schema["maxLength"] != nil && regexp.MustCompile(pattern).MatchString("ü") {
			seen++
			require.Contains(t, schema["description"], "bytes", "%v", schema)
			require.NotContains(t, fmt.Sprint(schema["x-want"]), "characters,", "%v", schema)
		}
	})
	require.Greater(t, seen, 4)
}

// Generated TypeScript takes an object without either for one that can have no field.
func TestEachObjectNamesItsFieldsOrAllowsAny(t *testing.T) {
	t.Parallel()
	eachObject(t, func(schema map[string]any) {
		if types := fmt.Sprint(schema["type"]); types == "object" || types == "[string object]" {
			require.True(t, schema["properties"] != nil || schema["additionalProperties"] != nil, "%v", schema)
		}
	})
}

// Signalbox passes these values on as they came.
func TestAResultAndMetadataMayBeAnyJSON(t *testing.T) {
	t.Parallel()
	root, _, err := parseDocument()
	require.NoError(t, err)
	compiler := newCompiler()
	require.NoError(t, compiler.AddResource(documentURL, root))
	facts, err := compiler.Compile(documentURL + "#/components/schemas/CaseFacts")
	require.NoError(t, err)
	for _, value := range []string{`{"a":1}`, `[1]`, `"text"`, `7`, `true`, `null`} {
		answer, err := json.Marshal(workflows.CaseFacts{Result: json.RawMessage(value), Metadata: json.RawMessage(value)})
		require.NoError(t, err)
		decoded, err := jsonschema.UnmarshalJSON(bytes.NewReader(answer))
		require.NoError(t, err)
		require.NoError(t, facts.Validate(decoded), "%s", answer)
	}
}

func TestTheDocumentSaysTheLimitsOfTheContract(t *testing.T) {
	t.Parallel()
	for _, says := range []string{
		fmt.Sprintf("a time is from %d to %d", workflows.MinTime.Year(), workflows.MaxTime.Year()-1),
		fmt.Sprintf("at most %d characters and an exponent of at most %d digits", maxNumber, maxExponent),
		fmt.Sprintf("1 to %d bytes of UTF-8", workflows.MaxIDBytes),
		fmt.Sprintf("1 to %d bytes of UTF-8", workflows.MaxClientReferenceIDBytes),
		fmt.Sprintf("At most %d bytes of UTF-8 as JSON", workflows.MaxShortTextBytes),
		fmt.Sprintf("At most %d bytes of UTF-8 as JSON", workflows.MaxTextBytes),
		fmt.Sprintf("At most %d KiB", workflows.MaxJSONBytes>>10),
		fmt.Sprintf("%d values and %d levels (over the API the whole body has at most %d)", resultschema.MaxValues, resultschema.MaxDepth, maxDepth),
		fmt.Sprintf("regular expression of at most %d bytes", resultschema.MaxPatternBytes),
		fmt.Sprintf("As a whole at most %d KiB", workflows.MaxStartBytes>>10),
		fmt.Sprintf("up to %d KiB", workflows.MaxNoticeBytes>>10),
		fmt.Sprintf("begins with `%s`", workflows.CanaryReference("")),
		"shortest pause between two polls, at least " + workflows.MinPollFloor.String(),
		"unanswered question is repeated, at least " + strings.TrimSuffix(workflows.MinRemindAfter.String(), "0s"),
	} {
		require.Contains(t, string(document), says)
	}
}

// A value that a Go type gets, the document and the lists to choose from must get too.
func TestEachEnumHasTheConstantsOfItsGoType(t *testing.T) {
	t.Parallel()
	schemas := schemas(t)
	contract, client, store := constants(t, "../../workflows"), constants(t, "../../workflows/signalbox"), constants(t, "../inbox")
	for name, c := range map[string]struct{ want, got []string }{
		"CaseStatus":       {contract["CaseStatus"], schemas["CaseStatus"].Enum},
		"case statuses":    {contract["CaseStatus"], texts(workflows.CaseStatuses())},
		"ActivationStatus": {contract["ActivationStatus"], schemas["ActivationStatus"].Enum},
		"activation list":  {contract["ActivationStatus"], texts(workflows.ActivationStatuses())},
		"NewsSource":       {contract["NewsSource"], schemas["NewsSource"].Enum},
		"NoticeKind":       {contract["NoticeKind"], schemas["NoticeKind"].Enum},
		"FilesStatus":      {contract["FilesStatus"], schemas["CaseFiles"].Properties["status"].Enum},
		"ApprovalStatus":   {contract["ApprovalStatus"], schemas["Approval"].Properties["status"].Enum},
		"RunStatus":        {contract["RunStatus"], schemas["Run"].Properties["status"].Enum},
		"NoticeStatus":     {contract["NoticeStatus"], schemas["NoticeRecord"].Properties["status"].Enum},
		"InputResult":      {contract["InputResult"], schemas["Answer"].Properties["result"].Enum},
		"ResultPlace":      {contract["ResultPlace"], schemas["CaseOutcome"].Properties["resultIs"].Enum},
		"ResultVerdict":    {contract["ResultVerdict"], schemas["ResultCheck"].Properties["verdict"].Enum},
		"ExecutionStatus":  {client["ExecutionStatus"], schemas["ExecutionStatus"].Enum},
		"Action":           {client["Action"], schemas["Action"].Enum},
		"Attention":        {workflows.Attentions(), quotedWords(schemas["Attention"].Description)},
		"ToDoKind":         {client["ToDoKind"], schemas["ToDoKind"].Enum},
		"to-do kinds":      {client["ToDoKind"], texts(signalbox.ToDoKinds())},
		"DeliveryState":    {store["State"], schemas["DeliveryState"].Enum},
		"delivery states":  {store["State"], texts(inbox.States())},
	} {
		require.NotEmpty(t, c.want, name)
		require.ElementsMatch(t, c.want, c.got, name)
	}
}

// quotedWords returns the words that stand in backquotes.
func quotedWords(text string) []string {
	var words []string
	for _, found := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(text, -1) {
		words = append(words, found[1])
	}
	return words
}

func texts[T ~string](values []T) []string {
	all := make([]string, len(values))
	for i, value := range values {
		all[i] = string(value)
	}
	return all
}

// constants reads the values of a package's string constants, by the names of their types.
func constants(t *testing.T, folder string) map[string][]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	require.NoError(t, err)
	values := map[string][]string{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, is := n.(*ast.ValueSpec)
			if !is || len(spec.Values) == 0 {
				return true
			}
			of, named := spec.Type.(*ast.Ident)
			if literal, is := spec.Values[0].(*ast.BasicLit); named && is && literal.Kind == token.STRING {
				value, err := strconv.Unquote(literal.Value)
				require.NoError(t, err)
				values[of.Name] = append(values[of.Name], value)
			}
			return true
		})
	}
	return values
}

func TestTheDocumentListsEachProblemAndScope(t *testing.T) {
	t.Parallel()
	kinds := []problemKind{
		problemInvalid, problemUnauthorized, problemMissingScope, problemOtherAccount, problemOtherAgent, problemForeignOrigin, problemNoRoute, problemMethod,
		problemNotFound, problemNoFiles, problemNoAccount, problemNotCreated, problemNotAtOffload, problemNoAPIKeyYet, problemAPIKeyLost, problemConflict, problemEnded, problemNoQuestion, problemOtherQuestion,
		problemAnswered, problemNotUncertain, problemPaused, problemNotReplayable, problemTerminated, problemTimedOut, problemFailed, problemTooLarge,
		problemUnsupportedType, problemTooMany, problemInternal, problemProvider, problemUnavailable,
	}
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = problemPrefix + k.name
		require.Contains(t, string(document), "| `"+k.name+"` | "+json.Number(statusText(k.status)).String()+" |")
	}
	require.ElementsMatch(t, names, schemas(t)["ProblemType"].Enum)

	spec, err := readSpecification()
	require.NoError(t, err)
	require.Greater(t, len(spec.operations), 30)
	for route, op := range spec.operations {
		require.NotEmpty(t, op.scopes, route)
		for _, together := range op.scopes {
			require.Subset(t, Scopes(), together, route)
		}
	}
}

func statusText(status int) string {
	raw, _ := json.Marshal(status)
	return string(raw)
}
