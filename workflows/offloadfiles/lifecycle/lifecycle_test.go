package lifecycle_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/offloadfiles/lifecycle"
)

const caseID = "4fc5904d"

var t0 = time.Date(2026, 3, 21, 12, 0, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return t0.Add(d) }

func startOf(ids ...string) workflows.FilesStart {
	s := workflows.FilesStart{
		Account: "default", Reference: "vendor_2048", CaseID: caseID, EndedAt: t0,
		ReplyTo: &workflows.ReplyTo{WorkflowID: "app", Signal: "notices"}, Seq: 7,
	}
	for _, id := range ids {
		s.Attachments = append(s.Attachments, workflows.Attachment{ID: id, Name: id + ".pdf", Size: 10, Type: "application/pdf", MessageID: "m"})
	}
	return s
}

func begin(ids ...string) lifecycle.Files { return lifecycle.Begin(startOf(ids...), t0) }

// probed returns a state in which the first file is stored.
func probed(ids ...string) lifecycle.Files {
	return lifecycle.FileStored(begin(ids...), ids[0], workflows.StoredFile{Key: ids[0]}, t0)
}

func calls(f lifecycle.Files, now time.Time) []string {
	var ids []string
	for _, c := range lifecycle.Next(f, now).Calls {
		ids = append(ids, c.ID)
	}
	return ids
}

func callFor(t *testing.T, f lifecycle.Files, id string, now time.Time) lifecycle.Call {
	t.Helper()
	for _, c := range lifecycle.Next(f, now).Calls {
		if c.ID == id {
			return c
		}
	}
	require.Failf(t, "no call", "%q is not wanted", id)
	return lifecycle.Call{}
}

func fails(errType string) rules.Failure {
	return rules.Failure{Type: errType, Message: "because of " + errType}
}

func storedIDs(files workflows.CaseFiles) []string {
	var ids []string
	for _, f := range files.Stored {
		ids = append(ids, f.AttachmentID)
	}
	return ids
}

func numbered(n int) []string {
	var ids []string
	for i := range n {
		ids = append(ids, fmt.Sprintf("a%02d", i))
	}
	return ids
}

func TestAStoreCallHasAllFieldsOfItsFile(t *testing.T) {
	t.Parallel()
	start := startOf("a", "b")
	start.Result = true
	f := lifecycle.FileStored(lifecycle.Begin(start, t0), "", workflows.StoredFile{Key: "result.json"}, t0)
	require.Equal(t, &workflows.StoreAttachmentParams{
		Account: "default", Reference: "vendor_2048", CaseID: caseID, LagUntil: after(10 * time.Minute),
		Attachment: workflows.Attachment{ID: "a", Name: "a.pdf", Size: 10, Type: "application/pdf"},
	}, callFor(t, f, "a", t0).Attachment)
	require.Equal(t, lifecycle.Call{
		Once: true, Within: 30 * time.Minute,
		Result: &workflows.StoreResultParams{Account: "default", Reference: "vendor_2048", CaseID: caseID, LagUntil: after(10 * time.Minute)},
	}, callFor(t, lifecycle.Begin(start, t0), "", t0), "others wait for its place")
}

func TestAttachmentsWithoutAUsableIDAreCounted(t *testing.T) {
	t.Parallel()
	start := startOf(numbered(workflows.MaxCaseFiles)...)
	start.Attachments[3].ID = strings.Repeat("x", workflows.MaxAttachmentIDBytes)
	start.Attachments = append(start.Attachments,
		workflows.Attachment{Name: "no ID"},
		workflows.Attachment{ID: strings.Repeat("x", workflows.MaxAttachmentIDBytes+1)},
		workflows.Attachment{ID: "a00", Name: "told twice"},
		workflows.Attachment{ID: "one too many"})
	view := lifecycle.View(lifecycle.Begin(start, t0))
	require.Equal(t, workflows.MaxCaseFiles, view.Pending)
	require.Equal(t, 3, view.Omitted)
	require.Equal(t, []string{workflows.AttentionFileNotStored}, view.Attention)
	require.Contains(t, lifecycle.Details(lifecycle.Begin(start, t0)), "Left out: 3 attachments")
}

func TestWithoutFilesItEndsAtOnce(t *testing.T) {
	t.Parallel()
	f := begin()
	require.Equal(t, workflows.FilesStored, f.State.Status)
	require.NotNil(t, lifecycle.Next(f, t0).HandOff)
}

func TestTheFirstFileIsTriedAloneAndOnce(t *testing.T) {
	t.Parallel()
	f := begin("a", "b", "c", "d", "e", "f")
	require.Equal(t, []string{"a"}, calls(f, t0))
	require.True(t, callFor(t, f, "a", t0).Once)

	for name, next := range map[string]lifecycle.Files{
		"stored":                    lifecycle.FileStored(f, "a", workflows.StoredFile{}, t0),
		"failed for good":           lifecycle.FileFailed(f, "a", fails(workflows.ErrTypeArchiveTooLarge), t0),
		"failed, to be tried again": lifecycle.FileFailed(f, "a", fails(workflows.ErrTypeArchiveDownload), t0),
	} {
		require.Equal(t, []string{"b", "c", "d", "e"}, calls(next, t0), name)
		require.False(t, callFor(t, next, "b", t0).Once, name)
	}
	next := lifecycle.FileFailed(f, "a", rules.Failure{}, t0)
	require.Equal(t, []string{"b"}, calls(next, t0), "a lost worker says nothing of the bucket")
	require.True(t, callFor(t, next, "b", t0).Once)
}

// withoutBucket returns the files after the calls of a quarter of an hour, until now, found no worker with a bucket.
func withoutBucket(f lifecycle.Files, id string, now time.Time) lifecycle.Files {
	f = lifecycle.FileFailed(f, id, fails(workflows.ErrTypeArchiveNoBucket), now.Add(-14*time.Minute))
	return lifecycle.FileFailed(f, id, fails(workflows.ErrTypeArchiveNoBucket), now)
}

func TestWithoutABucketNoFileIsMissingAndNoNoticeIsSent(t *testing.T) {
	t.Parallel()
	now := after(14 * time.Minute)
	f := withoutBucket(begin("a", "", "b"), "a", now)
	fx := lifecycle.Next(f, now)
	require.Equal(t, lifecycle.Effects{Done: true}, fx)
	require.Equal(t, encoded(t, f), encoded(t, lifecycle.FileStored(f, "b", workflows.StoredFile{Key: "b"}, after(time.Hour))), "the end stays")
	require.Equal(t, encoded(t, f), encoded(t, lifecycle.FileFailed(f, "b", fails(workflows.ErrTypeArchiveTooLarge), after(time.Hour))))
	require.Equal(t, workflows.CaseFiles{
		Reference: "vendor_2048", CaseID: caseID, Status: workflows.FilesNoBucket, Since: now, Omitted: 1,
	}, lifecycle.View(f))

	start := startOf("a")
	start.Result = true
	f = withoutBucket(lifecycle.Begin(start, t0), "", now)
	require.Equal(t, workflows.FilesNoBucket, f.State.Status)
	require.Equal(t, []string{workflows.AttentionFileNotStored}, lifecycle.Attention(f), "the outcome lacks the result")
	require.Contains(t, lifecycle.Details(f), "Read it at Offload: `GET /cases/"+caseID+"`.")
}

// The first worker that runs for an hour may be one without a bucket.
func TestOtherWorkersAreTriedForABucketHoweverLateTheFirstAttemptComes(t *testing.T) {
	t.Parallel()
	f := lifecycle.FileFailed(begin("a"), "a", fails(workflows.ErrTypeArchiveNoBucket), after(time.Hour))
	require.Equal(t, workflows.FilesStoring, f.State.Status)
	require.Equal(t, 14*time.Minute, callFor(t, f, "a", after(time.Hour+time.Minute)).Within)
	f = lifecycle.FileFailed(f, "a", fails(workflows.ErrTypeArchiveNoBucket), after(time.Hour+14*time.Minute))
	require.Equal(t, workflows.FilesNoBucket, f.State.Status)
}

// One worker of several may lack the bucket, or all of them until their restart.
func TestAWorkerWithoutABucketDoesNotEndTheStoring(t *testing.T) {
	t.Parallel()
	f := lifecycle.FileFailed(begin("a", "b"), "a", fails(workflows.ErrTypeArchiveNoBucket), t0)
	require.Equal(t, workflows.FilesStoring, f.State.Status)
	require.Empty(t, lifecycle.Attention(f))
	require.Contains(t, lifecycle.Details(f), "A worker has no bucket: other attempts follow until 2026-03-21T12:15:00Z.")
	require.Empty(t, calls(f, t0), "the other files wait: they would fail too")
	now := lifecycle.Next(f, t0).Wake
	require.Equal(t, after(time.Minute), now)
	require.Equal(t, []string{"a"}, calls(f, now))
	call := callFor(t, f, "a", now)
	require.False(t, call.Once, "the server retries, which costs no event")
	require.Equal(t, 14*time.Minute, call.Within)

	found := lifecycle.FileStored(f, "a", workflows.StoredFile{Key: "a"}, after(2*time.Minute))
	require.Equal(t, []string{"b"}, calls(found, after(2*time.Minute)))
	require.NotContains(t, lifecycle.Details(found), "no bucket")

	for at, want := range map[time.Duration]workflows.FilesStatus{
		13*time.Minute - 1: workflows.FilesStoring, 13 * time.Minute: workflows.FilesStoring, 13*time.Minute + 1: workflows.FilesNoBucket,
		time.Hour: workflows.FilesNoBucket,
	} {
		next := lifecycle.FileFailed(f, "a", fails(workflows.ErrTypeArchiveNoBucket), after(at))
		require.Equal(t, want, next.State.Status, "%s", at)
		if want == workflows.FilesStoring {
			require.GreaterOrEqual(t, callFor(t, next, "a", lifecycle.Next(next, after(at)).Wake).Within, time.Minute)
		}
	}

	f = lifecycle.FileFailed(probed("a", "b"), "b", fails(workflows.ErrTypeArchiveNoBucket), after(time.Hour))
	require.Equal(t, workflows.FilesStoring, f.State.Status, "a bucket is known: its lack is a failure like any other")
	require.Equal(t, []string{"b"}, calls(f, after(time.Hour+time.Minute)))
}

func TestFilesAreListedInTheOrderOfTheCase(t *testing.T) {
	t.Parallel()
	start := startOf("a", "b", "c")
	start.Result = true
	f := lifecycle.Begin(start, t0)
	for _, id := range []string{"c", "", "a"} {
		before, text := f, encoded(t, f)
		f = lifecycle.FileStored(f, id, workflows.StoredFile{AttachmentID: "other", Key: "key-" + id}, after(time.Minute))
		require.Equal(t, text, encoded(t, before), "the argument is not changed")
		require.Equal(t, encoded(t, f), encoded(t, lifecycle.FileStored(f, id, workflows.StoredFile{Key: "again"}, after(time.Hour))), "the same file counts once")
	}
	require.Equal(t, workflows.FilesStoring, f.State.Status)
	require.Nil(t, lifecycle.Next(f, after(time.Minute)).HandOff)
	f = lifecycle.FileFailed(f, "b", fails(workflows.ErrTypeArchiveTooLarge), after(2*time.Minute))
	require.Equal(t, workflows.CaseFiles{
		Reference: "vendor_2048", CaseID: caseID, Status: workflows.FilesStored, Since: after(2 * time.Minute),
		Stored:    []workflows.StoredFile{{AttachmentID: "a", Key: "key-a"}, {AttachmentID: "c", Key: "key-c"}},
		Result:    &workflows.StoredFile{Key: "key-"},
		Unstored:  []workflows.UnstoredFile{{AttachmentID: "b", Name: "b.pdf", ErrorType: "ArchiveTooLarge", Reason: "because of ArchiveTooLarge"}},
		Attention: []string{workflows.AttentionFileNotStored},
	}, lifecycle.Result(f))
}

func TestAFailureIsFinalOrRetried(t *testing.T) {
	t.Parallel()
	const soon, late = 5 * time.Minute, 10 * time.Minute // within the lag, and at its end
	for _, row := range []struct {
		errType string
		at      time.Duration
		final   bool
	}{
		{workflows.ErrTypeArchiveTooLarge, soon, true},
		{workflows.ErrTypeArchiveTargetRefused, soon, true},
		{workflows.ErrTypeArchiveInvalid, soon, true},
		{workflows.ErrTypeArchiveNoBucket, late, false},
		{workflows.ErrTypeOffloadInvalidRequest, soon, true},
		{workflows.ErrTypeOffloadNotFound, soon, false},
		{workflows.ErrTypeOffloadNotFound, late - 1, false},
		{workflows.ErrTypeOffloadNotFound, late, true},
		{workflows.ErrTypeArchiveNoResult, soon, false},
		{workflows.ErrTypeArchiveNoResult, late, true},
		{workflows.ErrTypeArchiveBucket, late, false},
		{workflows.ErrTypeArchiveDownload, late, false},
		{workflows.ErrTypeArchiveWorker, late, false},
		{workflows.ErrTypeArchiveDiffers, late, false},
		{workflows.ErrTypeOffloadUnauthorized, late, false},
		{workflows.ErrTypeOffloadForbidden, late, false},
		{workflows.ErrTypeOffloadUsageLimit, late, false},
		{workflows.ErrTypeOffloadUnknownAccount, late, false},
		{workflows.ErrTypeOffloadUnavailable, late, false},
		{rules.FailureCancelled, late, false},
		{"PanicError", late, false},
		{"", late, false},
	} {
		now := after(row.at)
		f := lifecycle.FileFailed(probed("a", "b"), "b", fails(row.errType), now)
		if row.final {
			require.Equal(t, workflows.FilesStored, f.State.Status, "%s at %s", row.errType, row.at)
			require.Equal(t, row.errType, lifecycle.Result(f).Unstored[0].ErrorType)
			continue
		}
		require.Empty(t, calls(f, now), "%s at %s: not at once", row.errType, row.at)
		require.Equal(t, now.Add(time.Minute), lifecycle.Next(f, now).Wake)
		require.Equal(t, []string{"b"}, calls(f, now.Add(time.Minute)), "%s at %s", row.errType, row.at)
	}
}

func TestTheLagCountsFromTheEndOfTheCase(t *testing.T) {
	t.Parallel()
	for ended, want := range map[time.Time]time.Time{
		after(-time.Hour):       after(-50 * time.Minute),
		after(-4 * time.Minute): after(6 * time.Minute),
		after(time.Hour):        after(10 * time.Minute), // a clock that is ahead
		{}:                      after(10 * time.Minute),
	} {
		start := startOf("a")
		start.EndedAt = ended
		require.Equal(t, want, callFor(t, lifecycle.Begin(start, t0), "a", t0).Attachment.LagUntil)
	}
}

// Four files whose downloads fail for a day must not delay the seventeen others.
func TestAFileMakesRoomForTheOthersAfterItsTurn(t *testing.T) {
	t.Parallel()
	f := probed("a", "b", "c", "d", "e", "f")
	require.Equal(t, []string{"b", "c", "d", "e"}, calls(f, t0))
	require.Equal(t, 30*time.Minute, callFor(t, f, "b", t0).Within)
	now := after(30 * time.Minute)
	f = lifecycle.FileFailed(f, "b", fails(workflows.ErrTypeArchiveDownload), now)
	require.Equal(t, []string{"c", "d", "e", "f"}, calls(f, now), "what is under way stays")
	f = lifecycle.FileStored(f, "c", workflows.StoredFile{}, now)
	require.Equal(t, []string{"d", "e", "f"}, calls(f, now))
	now = now.Add(time.Minute)
	require.Equal(t, []string{"d", "e", "f", "b"}, calls(f, now))
	require.Equal(t, after(24*time.Hour-time.Minute).Sub(now), callFor(t, f, "b", now).Within, "no file waits for its place")
}

// A provider that asks for a pause of a day ends each call at once.
func TestThePausesBetweenCallsGrow(t *testing.T) {
	t.Parallel()
	f, now := probed("a", "b"), t0
	for _, minutes := range []int{1, 2, 4, 8, 15, 15, 15} {
		f = lifecycle.FileFailed(f, "b", fails(workflows.ErrTypeOffloadThrottled), now)
		require.Equal(t, now.Add(time.Duration(minutes)*time.Minute), lifecycle.Next(f, now).Wake)
		now = lifecycle.Next(f, now).Wake
	}
}

func TestATroubleRaisesAttentionUntilItIsOver(t *testing.T) {
	t.Parallel()
	f := probed("a", "b", "c", "d", "e", "f")
	f = lifecycle.FileFailed(f, "b", fails(workflows.ErrTypeOffloadUnauthorized), t0)
	require.Equal(t, []string{workflows.AttentionUnauthorized}, lifecycle.Attention(f))
	require.Contains(t, lifecycle.View(f).WaitingFor, "Offload refuses the API key")
	require.Equal(t, after(24*time.Hour), lifecycle.DueAt(f))
	require.Equal(t, []string{"c", "d", "e"}, calls(f, t0), "those behind it need not wait")
	require.Equal(t, []string{"b", "c", "d", "e"}, calls(f, after(time.Minute)), "it keeps its place")
	require.Equal(t, workflows.ErrTypeOffloadUnauthorized, callFor(t, f, "b", after(time.Minute)).Trouble)
	require.Empty(t, callFor(t, f, "c", after(time.Minute)).Trouble)

	for name, row := range map[string]struct {
		next      lifecycle.Files
		attention []string
		calls     []string
	}{
		"stored":                {lifecycle.FileStored(f, "b", workflows.StoredFile{}, t0), nil, []string{"c", "d", "e", "f"}},
		"unstored":              {lifecycle.FileFailed(f, "b", fails(workflows.ErrTypeArchiveInvalid), t0), []string{"file_not_stored"}, []string{"c", "d", "e", "f"}},
		"the bucket is away":    {lifecycle.FileFailed(f, "b", fails(workflows.ErrTypeArchiveBucket), t0), nil, []string{"c", "d", "e", "f"}},
		"another trouble":       {lifecycle.FileFailed(f, "b", fails(workflows.ErrTypeOffloadForbidden), t0), []string{"forbidden"}, []string{"b", "c", "d", "e"}},
		"its turn is over":      {lifecycle.FileFailed(f, "b", fails(workflows.ErrTypeOffloadUnauthorized), t0), []string{"unauthorized"}, []string{"c", "d", "e", "f"}},
		"its worker was lost":   {lifecycle.FileFailed(f, "b", rules.Failure{}, t0), []string{"unauthorized"}, []string{"c", "d", "e", "f"}},
		"cancelled by a person": {lifecycle.Cancel(f, workflows.CancelCase{}, t0), nil, nil},
	} {
		require.Equal(t, row.attention, lifecycle.Attention(row.next), name)
		require.Equal(t, row.calls, calls(row.next, after(time.Minute)), name)
	}
}

func TestACallEndsForEachNewTrouble(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"OffloadUnauthorized", "OffloadForbidden", "OffloadUsageLimit", "OffloadUnknownAccount"}, lifecycle.EndsCall(""))
	require.Equal(t, []string{
		"OffloadUnauthorized", "OffloadUsageLimit", "OffloadUnknownAccount",
		"ArchiveBucket", "ArchiveNoBucket", "ArchiveDownload", "ArchiveWorker", "ArchiveDiffers",
	}, lifecycle.EndsCall(workflows.ErrTypeOffloadForbidden))
}

func TestFilesThatAreNotStoredRaiseAttentionWithinMinutes(t *testing.T) {
	t.Parallel()
	const quarter = 15 * time.Minute
	f := probed("a", "b", "c")
	require.Equal(t, after(quarter), lifecycle.Next(f, t0).Wake)
	require.Empty(t, lifecycle.Attention(lifecycle.Tick(f, after(quarter-1))))

	late := lifecycle.Tick(f, after(quarter))
	require.Equal(t, []string{workflows.AttentionFilesDelayed}, lifecycle.Attention(late))
	require.Equal(t, "Files are being stored, 2 to go, until 2026-03-22T12:00:00Z at the latest. No file was stored since 2026-03-21T12:00:00Z: "+
		"the bucket, the file server or Offload may be down. The pending activities show the last failures.", lifecycle.WaitingFor(late))
	require.Len(t, lifecycle.Next(late, after(quarter)).Calls, 2, "it goes on")

	moving := lifecycle.Tick(lifecycle.FileStored(late, "b", workflows.StoredFile{Key: "k"}, after(20*time.Minute)), after(20*time.Minute))
	require.Empty(t, lifecycle.Attention(moving))
	require.Equal(t, after(35*time.Minute), lifecycle.Next(moving, after(20*time.Minute)).Wake)

	known := lifecycle.Tick(lifecycle.FileFailed(late, "b", fails(workflows.ErrTypeOffloadForbidden), after(16*time.Minute)), after(16*time.Minute))
	require.Equal(t, []string{workflows.AttentionForbidden}, lifecycle.Attention(known), "a trouble says it better")
	nearlyOver := lifecycle.FileStored(late, "b", workflows.StoredFile{Key: "k"}, after(24*time.Hour-time.Minute))
	require.Equal(t, after(24*time.Hour), lifecycle.Next(nearlyOver, after(24*time.Hour-time.Minute)).Wake, "the end of the time comes first")
	over := lifecycle.Tick(late, after(24*time.Hour))
	require.NotContains(t, lifecycle.Attention(over), workflows.AttentionFilesDelayed)
}

func TestTheBudgetEndsEveryFile(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	f := probed("a", "b", "c")
	require.Equal(t, day-time.Minute, callFor(t, f, "b", t0).Within, "its last failure is to become known")
	require.Equal(t, time.Minute, callFor(t, f, "b", after(day-time.Minute)).Within)
	require.Equal(t, 2*time.Minute, callFor(t, f, "b", after(day-2*time.Minute)).Within)
	require.Equal(t, after(day), lifecycle.Next(f, after(time.Hour)).Wake)

	f = lifecycle.FileFailed(f, "b", fails(workflows.ErrTypeArchiveBucket), after(time.Hour))
	require.Equal(t, workflows.FilesStoring, lifecycle.Tick(f, after(day-1)).State.Status)
	over := lifecycle.Tick(f, after(day))
	require.Equal(t, []workflows.UnstoredFile{
		{AttachmentID: "b", Name: "b.pdf", ErrorType: "ArchiveBucket", Reason: "not stored within 24h0m0s: because of ArchiveBucket"},
		{AttachmentID: "c", Name: "c.pdf", Reason: "not stored within 24h0m0s"},
	}, lifecycle.Result(over).Unstored)
	require.Equal(t, []string{"a"}, storedIDs(lifecycle.Result(over)))
	require.Equal(t, encoded(t, over), encoded(t, lifecycle.Tick(over, after(2*day))), "an end stays")

	// No attempt starts so late that its failure would stay unknown.
	again := lifecycle.FileFailed(probed("a", "b", "c"), "b", fails(workflows.ErrTypeArchiveBucket), after(day-2*time.Minute-1))
	require.Equal(t, 2, lifecycle.View(again).Pending)
	again = lifecycle.FileFailed(probed("a", "b", "c"), "b", fails(workflows.ErrTypeArchiveBucket), after(day-2*time.Minute))
	require.Equal(t, "because of ArchiveBucket", lifecycle.Result(again).Unstored[0].Reason)
}

func TestACancellationKeepsWhatIsStoredAndNamesTheRest(t *testing.T) {
	t.Parallel()
	f := lifecycle.FileFailed(probed("a", "b", "c"), "b", fails(workflows.ErrTypeArchiveTooLarge), t0)
	cancel := workflows.CancelCase{By: "ada", Reason: "the bucket does not come back"}
	require.NoError(t, lifecycle.CheckCancel(f, cancel))
	f = lifecycle.Cancel(f, cancel, after(time.Hour))
	const words = "cancelled by ada: the bucket does not come back"
	require.Equal(t, workflows.CaseFiles{
		Reference: "vendor_2048", CaseID: caseID, Status: workflows.FilesCancelled, Since: after(time.Hour), Cancelled: words,
		Stored: []workflows.StoredFile{{AttachmentID: "a", Key: "a"}},
		Unstored: []workflows.UnstoredFile{
			{AttachmentID: "b", Name: "b.pdf", ErrorType: "ArchiveTooLarge", Reason: "because of ArchiveTooLarge"},
			{AttachmentID: "c", Name: "c.pdf", Reason: words},
		},
		Attention: []string{workflows.AttentionFileNotStored},
	}, lifecycle.Result(f))
	require.NotNil(t, lifecycle.Next(f, after(time.Hour)).HandOff)

	var refused *rules.Refusal
	require.ErrorAs(t, lifecycle.CheckCancel(f, cancel), &refused)
	require.Equal(t, workflows.ErrTypeFilesEnded, refused.Type)
	require.Equal(t, encoded(t, f), encoded(t, lifecycle.Cancel(f, workflows.CancelCase{By: "eve"}, after(2*time.Hour))))

	f = lifecycle.Cancel(probed("a", "b"), workflows.CancelCase{}, t0)
	require.Equal(t, "cancelled", lifecycle.Result(f).Unstored[0].Reason)
	require.Empty(t, lifecycle.Attention(f), "a person left it out")
}

func TestATooLongReasonOfACancellationIsRefused(t *testing.T) {
	t.Parallel()
	for field, c := range map[string]workflows.CancelCase{
		"by":     {By: strings.Repeat("<", 51)},
		"reason": {Reason: strings.Repeat("x", 301)},
	} {
		var refused *rules.Refusal
		require.ErrorAs(t, lifecycle.CheckCancel(begin("a"), c), &refused)
		require.Equal(t, workflows.ErrTypeInvalidArgument, refused.Type)
		require.Contains(t, refused.Message, field+": 30")
	}
	require.NoError(t, lifecycle.CheckCancel(begin("a"), workflows.CancelCase{By: strings.Repeat("<", 50), Reason: strings.Repeat("x", 300)}))
}

func TestTheNoticeHasTheNextNumberOfTheCase(t *testing.T) {
	t.Parallel()
	f := lifecycle.FileStored(begin("a"), "a", workflows.StoredFile{Key: "a"}, after(time.Minute))
	result := lifecycle.Result(f)
	fx := lifecycle.Next(f, after(time.Minute))
	require.True(t, f.State.Status.Ended())
	require.False(t, fx.Done)
	require.Equal(t, "The notice is being handed off.", lifecycle.View(f).WaitingFor)
	require.Equal(t, &workflows.HandOff{
		Source: "offload-case/vendor_2048", Account: "default",
		Notices: []workflows.PostedNotice{{
			Notice: workflows.Notice{
				ID: rules.NoticeID("offload-case/vendor_2048", "case.files_stored", rules.CaseSubject(t0, "files")), Seq: 8, Kind: "case.files_stored",
				Source: "offload-case/vendor_2048", Reference: "vendor_2048", Time: after(time.Minute),
				Data: workflows.NoticeData{Files: &result},
			},
			ReplyTo: &workflows.ReplyTo{WorkflowID: "app", Signal: "notices"},
		}},
	}, fx.HandOff)
	require.Nil(t, f.State.Outbox.Waiting[0].Data.Files, "the state holds the files once")

	failed := lifecycle.HandOffFailed(f, fx.HandOff.Notices, rules.Failure{Message: "away"}, after(time.Minute))
	fx = lifecycle.Next(failed, after(time.Minute))
	require.Nil(t, fx.HandOff)
	require.Equal(t, after(time.Minute+time.Second), fx.Wake)
	require.NotNil(t, lifecycle.Next(failed, fx.Wake).HandOff)
	require.True(t, lifecycle.Next(failed, fx.Wake).Wake.IsZero())

	refused := lifecycle.HandOffFailed(f, f.State.Outbox.Waiting, fails(workflows.ErrTypeNoticeInvalid), after(time.Minute))
	require.True(t, lifecycle.Next(refused, t0).Done, "a refusal never blocks the end")
	require.Equal(t, []string{workflows.AttentionNoticeRefused}, lifecycle.Attention(refused))

	done := lifecycle.HandOffSucceeded(f, f.State.Outbox.Waiting)
	require.True(t, lifecycle.Next(done, t0).Done)
	require.Empty(t, lifecycle.View(done).WaitingFor)

	start := startOf("a")
	start.ReplyTo, start.Notify = nil, []string{"finance"}
	named := lifecycle.FileStored(lifecycle.Begin(start, t0), "a", workflows.StoredFile{}, t0)
	require.Equal(t, []string{"finance"}, lifecycle.Next(named, t0).HandOff.Notices[0].Notify)

	start.EndedAt = t0.Add(time.Nanosecond)
	another := lifecycle.FileStored(lifecycle.Begin(start, t0), "a", workflows.StoredFile{}, t0)
	require.NotEqual(t, f.State.Outbox.Waiting[0].ID, another.State.Outbox.Waiting[0].ID, "a reference may be used again")
}

func TestAFileThatDiffersRaisesAttention(t *testing.T) {
	t.Parallel()
	f := lifecycle.FileStored(begin("a", "b", "c"), "a", workflows.StoredFile{Key: "x/a.pdf", Size: 0, ReportedSize: 904_860}, t0)
	f = lifecycle.FileStored(f, "b", workflows.StoredFile{Key: "x/b.pdf", ContentType: "text/html", ReportedType: "application/pdf"}, t0)
	f = lifecycle.FileStored(f, "c", workflows.StoredFile{Key: "x/c.pdf"}, t0)
	require.Equal(t, []string{workflows.AttentionFileDiffers}, lifecycle.Attention(f))
	require.Equal(t, t0, lifecycle.DueAt(f))
	details := lifecycle.Details(f)
	require.Contains(t, details, "- `x/a.pdf`, 0 bytes, reported 904860\n- `x/b.pdf`, type `text/html`, reported `application/pdf`")
	require.NotContains(t, details, "x/c.pdf")
}

func TestDetailsSayWhatTheyWaitForAndWhatToDo(t *testing.T) {
	t.Parallel()
	f := begin(numbered(21)...)
	details := lifecycle.Details(f)
	require.Contains(t, details, "**STORING** since 2026-03-21T12:00:00Z")
	require.Contains(t, details, "21 to go, until 2026-03-22T12:00:00Z at the latest")
	require.Contains(t, details, "The update `cancel` ends it")

	details = lifecycle.Details(lifecycle.Tick(f, after(24*time.Hour)))
	require.Contains(t, details, "Not stored. Read them at Offload: `GET /cases/"+caseID+"`")
	require.Contains(t, details, "- `a09.pdf (a09)`: `not stored within 24h0m0s`\n- and 11 more; the query `state` names all")
	require.NotContains(t, details, "`cancel`")

	require.Contains(t, lifecycle.Details(lifecycle.Cancel(f, workflows.CancelCase{By: "ada"}, t0)), "`cancelled by ada`")
	require.Contains(t, lifecycle.Details(withoutBucket(f, "a00", after(time.Hour))), "The workers keep no files.")
}

func TestDetailsListOnlyFilesThatNeedALook(t *testing.T) {
	t.Parallel()
	const (
		storing = "**STORING** since 2026-03-21T12:00:00Z"
		toGo    = "Files are being stored, 2 to go, until 2026-03-22T12:00:00Z at the latest."
		cancel  = "The update `cancel` ends it: what is stored stays."
		key     = " Offload refuses the API key: a person has to correct it in the worker's configuration. It is retried automatically."
		forbids = " Offload forbids it: the API key is inactive, or the case has another owner. It is retried automatically."
	)
	noID := startOf("a", "")
	cancelled := lifecycle.Cancel(lifecycle.Begin(noID, t0), workflows.CancelCase{}, t0)
	differs := func(stored workflows.StoredFile) lifecycle.Files {
		stored.Key = "k"
		f := lifecycle.FileStored(begin("a"), "a", stored, t0)
		return lifecycle.HandOffSucceeded(f, f.State.Outbox.Waiting)
	}
	other := []string{"**STORED** since 2026-03-21T12:00:00Z", "Stored, but not as Offload reported. Open them and compare: the file server may have sent another file."}
	for name, row := range map[string]struct {
		f    lifecycle.Files
		want []string
	}{
		"storing":     {begin("a", "b"), []string{storing, toGo, cancel}},
		"one trouble": {lifecycle.FileFailed(begin("a", "b"), "a", fails(workflows.ErrTypeOffloadForbidden), t0), []string{storing, toGo + forbids, cancel}},
		"two troubles": {
			lifecycle.FileFailed(lifecycle.FileFailed(begin("a", "b"), "a", fails(workflows.ErrTypeOffloadForbidden), t0), "b", fails(workflows.ErrTypeOffloadUnauthorized), t0),
			[]string{storing, toGo + key + forbids, cancel},
		},
		"done": {differs(workflows.StoredFile{}), []string{"**STORED** since 2026-03-21T12:00:00Z"}},
		"no bucket": {
			withoutBucket(lifecycle.Begin(noID, t0), "a", after(time.Hour)),
			[]string{"**NO_BUCKET** since 2026-03-21T13:00:00Z", "The workers keep no files. Download URLs are made by `GET /cases/4fc5904d/attachments/{attachmentId}`."},
		},
		"left out": {
			lifecycle.HandOffSucceeded(cancelled, cancelled.State.Outbox.Waiting),
			[]string{"**CANCELLED** since 2026-03-21T12:00:00Z", "`cancelled`", "Left out: 1 attachments without a usable ID, or beyond the first 500."},
		},
		"another size": {differs(workflows.StoredFile{Size: 1, ReportedSize: 2}), append(other[:2:2], "- `k`, 1 bytes, reported 2")},
		"another type": {differs(workflows.StoredFile{ContentType: "a/a", ReportedType: "b/b"}), append(other[:2:2], "- `k`, type `a/a`, reported `b/b`")},
		"another size and type": {
			differs(workflows.StoredFile{Size: 1, ReportedSize: 2, ContentType: "a/a", ReportedType: "b/b"}),
			append(other[:2:2], "- `k`, 1 bytes, reported 2, type `a/a`, reported `b/b`"),
		},
	} {
		require.Equal(t, strings.Join(row.want, "\n\n"), lifecycle.Details(row.f), name)
	}

	ten := lifecycle.Details(lifecycle.Tick(begin(numbered(10)...), after(24*time.Hour)))
	require.Contains(t, ten, "- `a09.pdf (a09)`: `not stored within 24h0m0s`")
	require.NotContains(t, ten, "more")
}

func TestForeignTextIsInertInTheDetails(t *testing.T) {
	t.Parallel()
	start := startOf("a", "b")
	start.Attachments[0].Name = "x`\r\n\n# Signed off\u2028**by** [us](https://evil.example) <b>\u202efdp"
	start.Attachments[1].Name = ""
	f := lifecycle.Begin(start, t0)
	for _, id := range []string{"a", "b"} {
		f = lifecycle.FileFailed(f, id, rules.Failure{Type: workflows.ErrTypeArchiveInvalid, Message: "`\n# no`"}, t0)
	}
	details := lifecycle.Details(f)
	require.Contains(t, details, "- `` x`   # Signed off **by** [us](https://evil.example) <b> fdp (a) ``: `` ` # no` ``\n- `b`: ")
}

func encoded(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}
