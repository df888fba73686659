package offload

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
)

func TestOnlyChangesForTheWorkflowAreNews(t *testing.T) {
	t.Parallel()
	at := func(minutes int) time.Time { return testNow.Add(time.Duration(minutes) * time.Minute) }
	question := func(id, status string) *workflows.Question {
		return &workflows.Question{ID: id, Text: "?", Status: status}
	}
	running := workflows.KnownCase{Status: "RUNNING", UpdatedAt: at(0)}
	asked := workflows.KnownCase{Status: "INPUT_NEEDED", UpdatedAt: at(0), QuestionID: "q1", QuestionStatus: "PENDING"}
	answered := workflows.KnownCase{Status: "INPUT_NEEDED", UpdatedAt: at(0), QuestionID: "q1", QuestionStatus: "RESOLVED"}

	for name, tc := range map[string]struct {
		known workflows.KnownCase
		seen  workflows.CaseFacts
		want  bool
	}{
		"first read":                              {workflows.KnownCase{}, workflows.CaseFacts{Status: "CREATED"}, true},
		"nothing changed":                         {running, workflows.CaseFacts{Status: "RUNNING", UpdatedAt: at(0)}, false},
		"a follow-up was sent":                    {running, workflows.CaseFacts{Status: "RUNNING", UpdatedAt: at(9), AttemptCount: 3, NextActionAt: at(99)}, false},
		"an attachment came":                      {running, workflows.CaseFacts{Status: "RUNNING", UpdatedAt: at(9), Attachments: []workflows.Attachment{{ID: "a"}}}, false},
		"another status":                          {running, workflows.CaseFacts{Status: "INPUT_NEEDED", UpdatedAt: at(1)}, true},
		"another status of the same moment":       {running, workflows.CaseFacts{Status: "INPUT_NEEDED", UpdatedAt: at(0)}, true},
		"another status without a time":           {running, workflows.CaseFacts{Status: "INPUT_NEEDED"}, true},
		"taken up":                                {workflows.KnownCase{Status: "CREATED", UpdatedAt: at(0)}, workflows.CaseFacts{Status: "RUNNING", UpdatedAt: at(1)}, false},
		"not taken up yet":                        {workflows.KnownCase{Status: "RUNNING"}, workflows.CaseFacts{Status: "CREATED", UpdatedAt: at(1)}, false},
		"asked before it was seen to be taken up": {workflows.KnownCase{Status: "CREATED", UpdatedAt: at(0)}, workflows.CaseFacts{Status: "INPUT_NEEDED", UpdatedAt: at(1)}, true},
		"a status that is not documented":         {running, workflows.CaseFacts{Status: "ON_HOLD", UpdatedAt: at(1)}, true},
		"a read that lags behind":                 {asked, workflows.CaseFacts{Status: "RUNNING", UpdatedAt: at(-1)}, false},
		"an end":                                  {running, workflows.CaseFacts{Status: "FAILED", UpdatedAt: at(1)}, true},
		"an end that seems older":                 {running, workflows.CaseFacts{Status: "COMPLETED", UpdatedAt: at(-1)}, true},
		"the same end again":                      {workflows.KnownCase{Status: "FAILED"}, workflows.CaseFacts{Status: "FAILED", UpdatedAt: at(9)}, false},
		"an end that contradicts":                 {workflows.KnownCase{Status: "FAILED"}, workflows.CaseFacts{Status: "COMPLETED"}, true},
		"the same question":                       {asked, workflows.CaseFacts{Status: "INPUT_NEEDED", UpdatedAt: at(9), Question: question("q1", "PENDING")}, false},
		"another question":                        {asked, workflows.CaseFacts{Status: "INPUT_NEEDED", UpdatedAt: at(9), Question: question("q2", "PENDING")}, true},
		"another question, lagging behind":        {asked, workflows.CaseFacts{Status: "INPUT_NEEDED", UpdatedAt: at(-9), Question: question("q0", "PENDING")}, false},
		"the question was answered elsewhere":     {asked, workflows.CaseFacts{Status: "INPUT_NEEDED", UpdatedAt: at(0), Question: question("q1", "RESOLVED")}, true},
		"a question without a status":             {asked, workflows.CaseFacts{Status: "INPUT_NEEDED", UpdatedAt: at(0), Question: question("q1", "")}, false},
		"a question without an ID":                {asked, workflows.CaseFacts{Status: "INPUT_NEEDED", UpdatedAt: at(0), Question: question("", "PENDING")}, false},
		"a question that isn't told":              {asked, workflows.CaseFacts{Status: "INPUT_NEEDED", UpdatedAt: at(9)}, false},
		"an answer not yet seen by reads":         {answered, workflows.CaseFacts{Status: "INPUT_NEEDED", UpdatedAt: at(0), Question: question("q1", "PENDING")}, false},
		"a question opened again":                 {answered, workflows.CaseFacts{Status: "INPUT_NEEDED", UpdatedAt: at(1), Question: question("q1", "PENDING")}, true},
		"an answer under way":                     {answered, workflows.CaseFacts{Status: "INPUT_NEEDED", UpdatedAt: at(9), Question: question("q1", "RESOLVED")}, false},
		"resumed":                                 {answered, workflows.CaseFacts{Status: "RUNNING", UpdatedAt: at(1), Question: question("q1", "RESOLVED")}, true},
		"a resolved question of a resumed case":   {running, workflows.CaseFacts{Status: "RUNNING", UpdatedAt: at(0), Question: question("q1", "RESOLVED")}, false},
		"a webhook without a time, then the same": {workflows.KnownCase{Status: "RUNNING"}, workflows.CaseFacts{Status: "RUNNING", UpdatedAt: at(5)}, false},
	} {
		require.Equal(t, tc.want, isNews(tc.known, tc.seen), name)
	}
}

// A snapshot that the workflow knows must not be news: the workflow would read again and again without a pause.
func TestAKnownSnapshotIsNotNews(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"CREATED", "RUNNING", "INPUT_NEEDED", "COMPLETED", "FAILED", "ON_HOLD"} {
		for _, q := range []*workflows.Question{nil, {}, {ID: "q1", Status: "PENDING"}, {ID: "q1", Status: "RESOLVED"}, {ID: "q1"}, {Status: "PENDING"}} {
			for _, at := range []time.Time{{}, testNow} {
				seen := workflows.CaseFacts{Status: status, Question: q, UpdatedAt: at}
				known := workflows.KnownCase{Status: status, UpdatedAt: at}
				if q != nil {
					known.QuestionID, known.QuestionStatus = q.ID, q.Status
				}
				require.False(t, isNews(known, seen), "%+v", seen)
			}
		}
	}
}
