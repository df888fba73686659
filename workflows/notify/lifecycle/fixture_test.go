package lifecycle_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/notify/lifecycle"
)

const source = "offload-case/vendor_2048"

var (
	t0 = time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)

	app     = workflows.Target{WorkflowID: "app", Signal: "case-news"}
	finance = workflows.Target{WorkflowID: "finance", Signal: "case-news"}
)

func after(minutes int) time.Time { return t0.Add(time.Duration(minutes) * time.Minute) }

func begun() lifecycle.State { return lifecycle.Begin(source, t0) }

func notice(seq int64, to workflows.Target) workflows.AddressedNotice {
	return workflows.AddressedNotice{
		Notice: workflows.Notice{
			ID: fmt.Sprintf("ntc_%d", seq), Seq: seq, Kind: workflows.NoticeCaseInputNeeded, Source: source, Reference: "vendor_2048", Time: t0,
			Data: workflows.NoticeData{Question: &workflows.Question{ID: "q1", Text: "Is a signed PDF acceptable?"}},
		},
		To: []workflows.Target{to},
	}
}

// sized returns a notice whose data has about so many bytes of JSON, in characters that JSON escapes.
func sized(seq int64, to workflows.Target, bytes int) workflows.AddressedNotice {
	n := notice(seq, to)
	n.Data.Question.Text = escaped(bytes)
	return n
}

// escaped returns a text of so many bytes inside JSON.
func escaped(bytes int) string {
	text := make([]byte, bytes/6)
	for i := range text {
		text[i] = '<'
	}
	return string(text)
}

func received(notices ...workflows.AddressedNotice) lifecycle.State {
	return lifecycle.Receive(begun(), notices, t0)
}

func key(n workflows.AddressedNotice) lifecycle.Key { return lifecycle.Key{ID: n.ID, To: n.To[0]} }

func tries(n int) workflows.NoticeDelivery { return workflows.NoticeDelivery{Attempts: n} }

func down(s lifecycle.State, n workflows.AddressedNotice, now time.Time) lifecycle.State {
	return lifecycle.Failed(s, key(n), rules.Failure{Type: workflows.ErrTypeNoticeUndelivered, Message: "workflow not found"}, tries(80), now)
}

// toDeliver returns the wanted deliveries, as "target seq".
func toDeliver(s lifecycle.State, now time.Time) []string {
	var list []string
	for _, d := range lifecycle.Next(s, now).Deliver {
		list = append(list, fmt.Sprintf("%s %d", d.To.WorkflowID, d.Notice.Seq))
	}
	return list
}

func statuses(s lifecycle.State) []string {
	var list []string
	for _, n := range s.Notices {
		list = append(list, fmt.Sprintf("%s %d %s", n.To.WorkflowID, n.Seq, n.Status))
	}
	return list
}

func requireRefusal(t *testing.T, errorType string, err error, words ...string) {
	t.Helper()
	var refusal *rules.Refusal
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, errorType, refusal.Type)
	for _, word := range words {
		require.Contains(t, refusal.Message, word)
	}
}

func ids(list ...string) workflows.SelectNotices { return workflows.SelectNotices{IDs: list} }
