package workflows_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

func TestFactsBeyondALimitLoseTheFieldAndNameIt(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("<", workflows.MaxTextBytes/6+1)
	for field, facts := range map[string]workflows.CaseFacts{
		workflows.FieldResult:            {Result: json.RawMessage(`"` + strings.Repeat("<", 250<<10/6*6) + `"`)},
		workflows.FieldMetadata:          {Metadata: json.RawMessage(`"` + strings.Repeat("x", 256<<10) + `"`)},
		workflows.FieldQuestion:          {Question: &workflows.Question{ID: "q1", Text: long}},
		workflows.FieldFailureReason:     {FailureReason: &long},
		workflows.FieldClientReferenceID: {ClientReferenceID: strings.Repeat("x", 1001)},
		workflows.FieldAttachments:       {Attachments: []workflows.Attachment{{ID: "a"}, {ID: "b", Name: strings.Repeat("x", 5<<10)}, {ID: strings.Repeat("x", 251)}}},
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			facts.Status = workflows.OffloadCompleted
			before, err := json.Marshal(facts)
			require.NoError(t, err)
			bounded := facts.Bounded()
			require.Equal(t, []string{field}, bounded.Omitted)
			require.True(t, bounded.Omits(field))
			require.Equal(t, workflows.OffloadCompleted, bounded.Status)
			require.Equal(t, bounded, bounded.Bounded(), "once is enough")
			afterwards, err := json.Marshal(facts)
			require.NoError(t, err)
			require.Equal(t, before, afterwards, "what it was given stays")
		})
	}
}

func TestTheFirstAttachmentsAreKept(t *testing.T) {
	t.Parallel()
	var facts workflows.CaseFacts
	for i := range 12_000 {
		facts.Attachments = append(facts.Attachments, workflows.Attachment{ID: fmt.Sprint("a", i), Name: "scan.pdf"})
	}
	bounded := facts.Bounded()
	require.Len(t, bounded.Attachments, workflows.MaxAttachments)
	require.Equal(t, "a0", bounded.Attachments[0].ID)
	require.True(t, bounded.Omits(workflows.FieldAttachments))
	require.Len(t, facts.Attachments, 12_000)
}

func TestFactsWithinTheLimitsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	reason := strings.Repeat("r", workflows.MaxTextBytes)
	facts := workflows.CaseFacts{
		CaseID: "c", ClientReferenceID: "PO 7781", Status: "FAILED", ResultStatus: "max_retries", FailureReason: &reason,
		Result:      json.RawMessage(`"` + strings.Repeat("x", workflows.MaxJSONBytes-2) + `"`),
		Metadata:    json.RawMessage(`{}`),
		Attachments: []workflows.Attachment{{ID: "a", Name: "<&>.pdf", Size: 1}},
		Question:    &workflows.Question{ID: "q1", Text: strings.Repeat("q", workflows.MaxTextBytes)},
	}
	require.Equal(t, facts, facts.Bounded())
}
