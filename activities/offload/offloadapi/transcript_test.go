package offloadapi_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/activities/offload/offloadapi"
)

func TestATranscriptIsRequestedAndReadAsText(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"ok":true,"data":{"caseId":"` + caseID + `","status":"RUNNING","conversationThread":"From: Ada\n\nHello \u001b[2J"}}`: "From: Ada\n\nHello \x1b[2J",
		`{"ok":true,"data":{"caseId":"` + caseID + `","conversationThread":null}}`:                                              "",
		`{"ok":true,"data":{"caseId":"` + caseID + `"}}`:                                                                        "",
		`{"data":{"conversationThread":"x","attemptCount":"many"}}`:                                                             "x",
	} {
		client, seen := expect(t, 200, body)
		text, err := client.GetTranscript(t.Context(), caseID)
		require.NoError(t, err, body)
		require.Equal(t, want, text)
		require.Equal(t, seenRequest{method: "GET", uri: "/cases/" + caseID + "?includeTranscript=true", key: testKey, accept: "application/json"}, *seen)
	}
}

func TestATranscriptThatCantBeReadIsAnError(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		want   error
	}{
		"another case":    {200, `{"data":{"caseId":"other","conversationThread":"x"}}`, offloadapi.ErrInvalidResponse},
		"a list":          {200, `{"data":{"caseId":"` + caseID + `","conversationThread":[{"from":"a"}]}}`, offloadapi.ErrInvalidResponse},
		"no data":         {200, `{"ok":true}`, offloadapi.ErrInvalidResponse},
		"not JSON":        {200, `<html>`, offloadapi.ErrInvalidResponse},
		"mail is away":    {500, `{"message":"Internal Server Error"}`, offloadapi.ErrUncertain},
		"no such case":    {404, `{"ok":false,"error":{"code":"CASE_NOT_FOUND","message":"no"}}`, offloadapi.ErrNotFound},
		"key is inactive": {403, ``, offloadapi.ErrForbidden},
	} {
		client, _ := expect(t, c.status, c.body)
		_, err := client.GetTranscript(t.Context(), caseID)
		require.ErrorIs(t, err, c.want, name)
		require.ErrorContains(t, err, "get transcript", name)
	}
	client, requests := serve(t, answerWith(200, `{"data":{"conversationThread":"`+strings.Repeat("x", 100)+`"}}`))
	_, err := client.GetTranscript(t.Context(), "..")
	require.ErrorIs(t, err, offloadapi.ErrInvalidArgument)
	require.Zero(t, requests.Load())
}
