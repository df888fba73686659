package lifecycle_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/offloadcase/lifecycle"
)

// sending is the event with an attachment for each ID, which came in that order.
func sending(e workflows.CaseEvent, ids ...string) workflows.CaseEvent {
	for i, id := range ids {
		e.Facts.Attachments = append(e.Facts.Attachments, workflows.Attachment{ID: id, Name: id + ".pdf", ReceivedAt: after(i)})
	}
	return e
}

func omitting(e workflows.CaseEvent) workflows.CaseEvent {
	e.Facts.Result, e.Facts.ResultOmitted = nil, true
	return e
}

func fileIDs(fx lifecycle.Effects) []string {
	var ids []string
	for _, f := range fx.Files {
		ids = append(ids, f.AttachmentID)
	}
	return ids
}

func TestFilesAreWantedOnceTheCaseHasEnded(t *testing.T) {
	t.Parallel()
	deadline := options(func(o *workflows.CaseOptions) { o.Deadline = after(30) })
	withFiles := func(change ...func(*workflows.CaseStart)) lifecycle.Case {
		return lifecycle.Receive(running(change...), sending(inputNeeded("q1", 10), "a", "b"), after(10))
	}
	late := completed(50)
	for name, row := range map[string]struct {
		c    lifecycle.Case
		want []string
	}{
		"it waits for an answer":                {withFiles(), nil},
		"it completed":                          {lifecycle.Receive(withFiles(), completed(20), after(20)), []string{"a", "b"}},
		"it completed by poll":                  {lifecycle.Polled(withFiles(), read(completed(20)), after(20)), []string{"a", "b"}},
		"it completed with one more":            {lifecycle.Receive(withFiles(), sending(completed(20), "a", "b", "c"), after(20)), []string{"a", "b", "c"}},
		"one more is told after the end":        {lifecycle.Receive(lifecycle.Receive(withFiles(), completed(20), after(20)), sending(late, "a", "b", "c"), after(50)), []string{"a", "b", "c"}},
		"the same is told twice in one event":   {lifecycle.Receive(running(), sending(completed(20), "a", "a"), after(20)), []string{"a"}},
		"it failed":                             {lifecycle.Receive(withFiles(), failed(20), after(20)), []string{"a", "b"}},
		"it expired":                            {lifecycle.LookFailed(lifecycle.Tick(withFiles(deadline), after(30)), lifecycle.Failure{}, after(31)), []string{"a", "b"}},
		"it was cancelled":                      {lifecycle.Cancel(withFiles(), workflows.CancelCase{}, after(20)), nil},
		"it was cancelled, then completed":      {lifecycle.Receive(lifecycle.Cancel(withFiles(), workflows.CancelCase{}, after(20)), completed(21), after(21)), nil},
		"it completed without any":              {lifecycle.Receive(running(), completed(20), after(20)), nil},
		"an attachment has no ID":               {lifecycle.Receive(running(), sending(completed(20), "", "a"), after(20)), []string{"a"}},
		"its result is too large for an event":  {lifecycle.Receive(withFiles(), omitting(completed(20)), after(20)), []string{"", "a", "b"}},
		"its result is too large, then it came": {lifecycle.Polled(lifecycle.Receive(withFiles(), omitting(completed(20)), after(20)), read(completed(20)), after(21)), []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fx := lifecycle.Next(row.c, after(60))
			require.Equal(t, row.want, fileIDs(fx))
			require.Equal(t, len(row.want), lifecycle.View(row.c).FilesPending)
			require.Equal(t, len(row.want) > 0, fx.FilesAtOnce > 0)
		})
	}
}

func TestAFileIsAskedForWithAllThatNamesIt(t *testing.T) {
	t.Parallel()
	c := lifecycle.Receive(running(), omitting(sending(completed(20), "a")), after(20))
	require.Equal(t, []lifecycle.File{
		{Activity: "archive.store-result", Params: workflows.StoreResultParams{Account: "default", Reference: "vendor_2048", CaseID: caseID}},
		{AttachmentID: "a", Activity: "archive.store-attachment", Params: workflows.StoreAttachmentParams{
			Account: "default", Reference: "vendor_2048", CaseID: caseID,
			Attachment: workflows.Attachment{ID: "a", Name: "a.pdf", ReceivedAt: after(0)},
		}},
	}, lifecycle.Next(c, after(20)).Files)
}

func TestTheOutcomeIsToldOnceTheLastFileIsSettled(t *testing.T) {
	t.Parallel()
	c := lifecycle.Receive(running(replying), omitting(sending(completed(20), "a", "b", "c")), after(20))
	waits := func(pending, atOnce int) {
		t.Helper()
		fx := lifecycle.Next(c, after(20))
		require.True(t, fx.Ended)
		require.Nil(t, fx.Reply)
		require.Len(t, fx.Files, pending)
		require.Equal(t, atOnce, fx.FilesAtOnce)
		require.Contains(t, lifecycle.WaitingFor(c), "files are being stored")
		requireStatus(t, workflows.CaseCompleted, c)
	}
	waits(4, 1)
	c = lifecycle.FileStored(c, "c", workflows.StoredFile{Key: "c"})
	waits(3, 4)
	before := c
	c = lifecycle.FileStored(c, "", workflows.StoredFile{Key: "result", AttachmentID: "whatever"})
	c = lifecycle.FileStored(c, "a", workflows.StoredFile{Key: "a"})
	require.Len(t, before.State.StoredFiles, 1)
	require.Equal(t, c, lifecycle.FileStored(c, "a", workflows.StoredFile{Key: "again"}), "the same file counts once")
	waits(1, 4)
	require.Empty(t, lifecycle.Attention(c.State))
	c = lifecycle.FileFailed(c, "b", lifecycle.Failure{Type: workflows.ErrTypeArchiveTooLarge, Message: "too large"})

	outcome := lifecycle.Next(c, after(20)).Reply.Outcome
	require.Equal(t, lifecycle.Outcome(c), *outcome)
	require.Equal(t, []workflows.StoredFile{{AttachmentID: "a", Key: "a"}, {AttachmentID: "c", Key: "c"}}, outcome.Files)
	require.Equal(t, &workflows.StoredFile{Key: "result"}, outcome.ResultFile)
	require.Empty(t, outcome.ResultAt)
	require.Equal(t, []workflows.UnstoredFile{{AttachmentID: "b", ErrorType: "ArchiveTooLarge", Reason: "too large"}}, outcome.Unstored)
	require.Equal(t, []string{workflows.AttentionFileNotStored}, outcome.Attention)
	require.Equal(t, workflows.CaseCompleted, outcome.Status, "a file never fails the case")
	require.Contains(t, lifecycle.WaitingFor(c), "is being told")
}

func TestAnOpenQuestionIsToldWhileFilesAreStored(t *testing.T) {
	t.Parallel()
	c := lifecycle.Receive(asked(replying), sending(completed(20), "a"), after(20))
	require.Equal(t, "vendor_2048/question/q1", lifecycle.Next(c, after(20)).Reply.ID)
	c = lifecycle.ReplyConfirmed(c, "vendor_2048/question/q1")
	require.Nil(t, lifecycle.Next(c, after(20)).Reply)
}

func TestWithoutABucketNoFileIsAskedForOrMissing(t *testing.T) {
	t.Parallel()
	noBucket := lifecycle.Failure{Type: workflows.ErrTypeArchiveNoBucket, Message: "no bucket"}
	ended := lifecycle.Receive(running(replying), omitting(sending(completed(20), "a", "b")), after(20))
	c := lifecycle.FileFailed(ended, "", noBucket)
	fx := lifecycle.Next(c, after(20))
	require.Empty(t, fx.Files)
	outcome := fx.Reply.Outcome
	require.Empty(t, outcome.Files)
	require.Empty(t, outcome.Unstored)
	require.Empty(t, outcome.Attention)
	require.True(t, outcome.Facts.ResultOmitted)
	require.Equal(t, "GET /cases/"+caseID, outcome.ResultAt)

	c = lifecycle.FileFailed(lifecycle.FileStored(ended, "", workflows.StoredFile{Key: "result"}), "a", noBucket)
	require.Equal(t, []string{"b"}, fileIDs(lifecycle.Next(c, after(20))))
	require.Equal(t, []string{workflows.AttentionFileNotStored}, lifecycle.Attention(c.State), "a bucket that is gone is no missing wish")
}

func TestAFileThatIsNotWantedAnyMoreIsNotMissing(t *testing.T) {
	t.Parallel()
	c := lifecycle.Receive(running(), omitting(completed(20)), after(20))
	c = lifecycle.Polled(c, read(completed(20)), after(21))
	given := lifecycle.FileFailed(c, "", lifecycle.Failure{Type: lifecycle.FailureCancelled})
	require.Equal(t, c, given)
	require.Empty(t, lifecycle.Attention(given.State))
}
