package offloadapi_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
	"github.com/signalbox-dev/signalbox/workflows"
)

func answered(t *testing.T, body string) *offloadapi.Client {
	t.Helper()
	client, _ := serve(t, answerWith(200, body))
	return client
}

func omitting(field string) func(*workflows.CaseFacts) {
	return func(f *workflows.CaseFacts) { f.Omitted = []string{field} }
}

func TestAnUnreadableFieldOfAnEndedCaseIsLostAlone(t *testing.T) {
	t.Parallel()
	const end = `"caseId":"` + caseID + `","status":"COMPLETED","resultStatus":"goal_achieved","result":{"ok":true},"nextActionAt":253402300799999,"inputRequest":null`
	whole := workflows.CaseFacts{CaseID: caseID, Status: "COMPLETED", ResultStatus: "goal_achieved", Result: json.RawMessage(`{"ok":true}`)}
	for name, tt := range map[string]struct {
		field string
		want  func(*workflows.CaseFacts)
		lost  []string
	}{
		"a whole number with a fraction": {`"attemptCount":2.0`, func(f *workflows.CaseFacts) { f.AttemptCount = 2 }, nil},
		"a number in quotes":             {`"attemptCount":"2"`, func(f *workflows.CaseFacts) { f.AttemptCount = 2 }, nil},
		"a number that is none":          {`"attemptCount":"two"`, nil, []string{"attemptCount"}},
		"a size in quotes": {`"attachments":[{"attachmentId":"a1","size":"904860"}]`, func(f *workflows.CaseFacts) {
			f.Attachments = []workflows.Attachment{{ID: "a1", Size: 904860}}
		}, nil},
		"an odd list":          {`"attachments":{}`, omitting(workflows.FieldAttachments), []string{"attachments"}},
		"a file without an ID": {`"attachments":[{"name":"w9.pdf"}]`, omitting(workflows.FieldAttachments), nil},
		"an odd member of a list": {`"attachments":[{"attachmentId":"a1","name":"w9.pdf"},"a2"]`, func(f *workflows.CaseFacts) {
			f.Attachments = []workflows.Attachment{{ID: "a1", Name: "w9.pdf"}}
			f.Omitted = []string{workflows.FieldAttachments}
		}, []string{"attachments[1]"}},
		"an empty time":     {`"createdAt":""`, nil, []string{"createdAt"}},
		"a time as text":    {`"updatedAt":"Sat, 21 Mar 2026 15:42:00 GMT"`, func(f *workflows.CaseFacts) { f.UpdatedAt = testNow }, nil},
		"a time in seconds": {`"updatedAt":1774107720`, func(f *workflows.CaseFacts) { f.UpdatedAt = testNow }, nil},
		"a numeric ID":      {`"clientReferenceId":7781`, func(f *workflows.CaseFacts) { f.ClientReferenceID = "7781" }, nil},
		"an odd question":   {`"inputRequest":"Which?"`, nil, []string{"inputRequest"}},
		"an odd ID":         {`"clientReferenceId":{}`, omitting(workflows.FieldClientReferenceID), []string{"clientReferenceId"}},
		"a result too deep": {`"result":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000), func(f *workflows.CaseFacts) {
			f.Result, f.Omitted = nil, []string{workflows.FieldResult}
		}, []string{"result"}},
		"a result too deep to read": {`"result":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001), func(f *workflows.CaseFacts) {
			f.Result, f.Omitted = nil, []string{workflows.FieldResult}
		}, []string{"result"}},
		"an unknown field too deep to read": {`"fresh":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001), nil, nil},
		"other letter cases":                {`"Result":null,"caseid":"other","STATUS":"FAILED","resultstatus":"max_retries"`, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := answered(t, `{"ok":true,"data":{`+end+`,`+tt.field+`}}`)
			found, err := client.GetCase(t.Context(), caseID)
			require.NoError(t, err)
			want := whole
			if tt.want != nil {
				tt.want(&want)
			}
			require.Equal(t, want, found.Facts())
			require.Equal(t, tt.lost, found.Lost)
		})
	}
}

func TestAnAnswerWithAByteOrderMarkIsRead(t *testing.T) {
	t.Parallel()
	client := answered(t, "\xef\xbb\xbf"+wholeCase)
	_, err := client.GetCase(t.Context(), caseID)
	require.NoError(t, err)
}

func TestAnAnswerWhoseStatusCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"a status that is no text": `{"status":["COMPLETED"]}`,
		"only another letter case": `{"Status":"COMPLETED"}`,
		"no status":                `{"result":"private"}`,
		"data that is no object":   `"private"`,
		"broken JSON":              `{"status":"COMPLETED","result":"private"`,
	} {
		client := answered(t, `{"ok":true,"data":`+data+`}`)
		_, err := client.GetCase(t.Context(), caseID)
		require.ErrorIs(t, err, offloadapi.ErrInvalidResponse, name)
		require.ErrorIs(t, err, offloadapi.ErrUncertain, name)
		require.NotContains(t, err.Error(), "private", name)
	}
	client := answered(t, `{"ok":true,"data":{"status":["COMPLETED"],"attemptCount":{}}}`)
	_, err := client.GetCase(t.Context(), caseID)
	require.ErrorContains(t, err, "the case has no status; unreadable: data.status, data.attemptCount")
}

func TestAnAnswerAboutAnotherCaseIsRefused(t *testing.T) {
	t.Parallel()
	for _, id := range []string{`"another"`, `7`} {
		client := answered(t, `{"ok":true,"data":{"caseId":`+id+`,"status":"COMPLETED"}}`)
		_, err := client.GetCase(t.Context(), caseID)
		require.ErrorIs(t, err, offloadapi.ErrInvalidResponse)
	}
	client := answered(t, `{"ok":true,"data":{"caseId":7,"status":"COMPLETED"}}`)
	_, err := client.GetCase(t.Context(), "7")
	require.NoError(t, err, "a number is the ID in its digits")
}

func TestACreatedCaseWhoseIDCannotBeReadIsUncertain(t *testing.T) {
	t.Parallel()
	for _, data := range []string{`{"caseId":{}}`, `{"caseid":"c1"}`, `[]`, `{"caseId":"` + strings.Repeat("x", 251) + `"}`} {
		client := answered(t, `{"ok":true,"data":`+data+`}`)
		_, err := client.CreateCase(t.Context(), validCreate(), testWebhook)
		require.ErrorIs(t, err, offloadapi.ErrUncertain, data)
	}
	client := answered(t, `{"ok":"yes","data":{"caseId":7,"createdAt":{},"attemptCount":"0"}}`)
	created, err := client.CreateCase(t.Context(), validCreate(), testWebhook)
	require.NoError(t, err)
	require.Equal(t, "7", created.CaseID)
}

func TestAnUnreadableFieldOfADownloadIsLostAlone(t *testing.T) {
	t.Parallel()
	client := answered(t, `{"ok":true,"data":{"attachmentId":"a1","size":{},"downloadUrl":"https://cdn.example.com/x","expiresAt":1774111320000}}`)
	download, err := client.GetAttachment(t.Context(), caseID, "a1")
	require.NoError(t, err)
	require.Equal(t, "https://cdn.example.com/x", download.DownloadURL)
	require.Zero(t, download.Size)
	require.Equal(t, testNow.Add(time.Hour), download.ExpiresAt)
}

func TestAnUnreadableAcceptanceOfAnAnswerIsAnAcceptance(t *testing.T) {
	t.Parallel()
	client := answered(t, `{"ok":true,"data":{"accepted":"queued","inputRequestId":[]}}`)
	require.NoError(t, client.ProvideInput(t.Context(), caseID, "q1", "Yes."))
}
