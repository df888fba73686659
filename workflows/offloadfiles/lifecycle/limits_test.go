package lifecycle_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
	"github.com/signalbox-dev/signalbox/workflows/offloadfiles"
	"github.com/signalbox-dev/signalbox/workflows/offloadfiles/lifecycle"
)

// maxPayload is Temporal's limit, less some room for its own fields.
const maxPayload = 2<<20 - 64<<10

// largest returns the largest possible start, filled with one character. It has 100 attachments too many.
func largest(character string) workflows.FilesStart {
	long := strings.Repeat(character, 1000)
	start := workflows.FilesStart{
		Account: upTo(character, 1000), CaseID: upTo(character, 1000), Reference: strings.Repeat("r", 200), EndedAt: t0, Result: true,
		ReplyTo: &workflows.ReplyTo{WorkflowID: upTo(character, workflows.MaxWorkflowIDBytes), Signal: upTo(character, workflows.MaxSignalNameBytes)},
	}
	for i := range workflows.MaxCaseFiles + 100 {
		id := fmt.Sprintf("%04d", i)
		start.Attachments = append(start.Attachments, workflows.Attachment{
			ID: id + upTo(character, workflows.MaxAttachmentIDBytes-len(id)), Name: long, Type: long, MessageID: long, InboxID: long,
			Size: 1<<63 - 1, ReceivedAt: t0,
		})
	}
	return start
}

func upTo(character string, most int) string { return strings.Repeat(character, most/len(character)) }

// storedAs returns the largest record of a file. The archive limits bucket and key.
func storedAs(character string) workflows.StoredFile {
	long := strings.Repeat(character, 1000)
	return workflows.StoredFile{
		Bucket: strings.Repeat("b", 300), Key: strings.Repeat("k", 200+921), Size: 1<<63 - 1, SHA256: strings.Repeat("a", 64),
		ContentType: long, ReportedSize: 1<<63 - 1, ReportedType: long,
	}
}

func TestTheLargestCaseFitsInEveryPayload(t *testing.T) {
	t.Parallel()
	for name, character := range map[string]string{
		"angle bracket": "<", "control character": "\x01", "line separator": "\u2028",
	} {
		start := largest(character)
		require.NoError(t, start.Validate())
		first := lifecycle.Begin(start, t0)
		require.Equal(t, 100, first.State.Omitted)
		ids := []string{""}
		for _, a := range start.Attachments[:workflows.MaxCaseFiles] {
			ids = append(ids, a.ID)
		}
		failure := rules.Failure{Type: workflows.ErrTypeArchiveDownload, Message: strings.Repeat(character, 1000)}
		all := func(f lifecycle.Files, do func(lifecycle.Files, string) lifecycle.Files) lifecycle.Files {
			for _, id := range ids {
				f = do(f, id)
			}
			return f
		}
		tried := all(first, func(f lifecycle.Files, id string) lifecycle.Files { return lifecycle.FileFailed(f, id, failure, t0) })
		for end, f := range map[string]lifecycle.Files{
			"begun": first,
			"tried": tried,
			"stored": all(first, func(f lifecycle.Files, id string) lifecycle.Files {
				return lifecycle.FileStored(f, id, storedAs(character), t0)
			}),
			"over": lifecycle.Tick(tried, after(24*time.Hour)),
			"cancelled": lifecycle.Cancel(tried, workflows.CancelCase{
				By: upTo(character, 50), Reason: upTo(character, 50),
			}, t0),
		} {
			what := fmt.Sprintf("%s, %s", name, end)
			require.Less(t, len(encoded(t, offloadfiles.Input{FilesStart: f.Start, Carried: &f.State})), maxPayload, "input of the next run: %s", what)
			require.Less(t, len(encoded(t, lifecycle.View(f))), maxPayload, "state: %s", what)
			require.Less(t, len(encoded(t, lifecycle.Result(f))), maxPayload, "result: %s", what)
			if handOff := lifecycle.Next(f, after(48*time.Hour)).HandOff; handOff != nil {
				require.Less(t, len(encoded(t, handOff)), maxPayload, "notice: %s", what)
			}
			require.Less(t, len(lifecycle.Details(f)), 64<<10, "details: %s", what)
		}
	}
}

func TestALongFileNameKeepsItsExtension(t *testing.T) {
	t.Parallel()
	nameOf := func(name string) string {
		start := startOf("a")
		start.Attachments[0].Name = name
		return callFor(t, lifecycle.Begin(start, t0), "a", t0).Attachment.Attachment.Name
	}
	for _, name := range []string{strings.Repeat("x", 4000) + ".pdf", strings.Repeat("<", 499) + ".pdf", strings.Repeat("ü", 300) + ".pdf"} {
		kept := nameOf(name)
		require.True(t, strings.HasSuffix(kept, ".pdf"), kept)
		require.LessOrEqual(t, workflows.JSONLen(kept), 500)
		require.Greater(t, workflows.JSONLen(kept), 490)
	}
	require.Equal(t, "\uFFFD.pdf", nameOf(strings.Repeat("\xff", 300)+".pdf"))
	exactly500 := strings.Repeat("<", 82) + "abc.pdf!"
	require.Equal(t, exactly500, nameOf(exactly500))
	require.Equal(t, exactly500, nameOf("x"+exactly500))
	require.Equal(t, strings.Repeat("ü", 247)+"x.pdf", nameOf(strings.Repeat("ü", 300)+"x.pdf"), "no half character is left")
}

func TestATooLongMediaTypeIsDropped(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]int{200: 200, 201: 0} {
		start := startOf("a")
		start.Attachments[0].Type = strings.Repeat("x", size)
		require.Len(t, callFor(t, lifecycle.Begin(start, t0), "a", t0).Attachment.Attachment.Type, want)
	}
}

func TestAnInvalidStartNamesEveryField(t *testing.T) {
	t.Parallel()
	require.NoError(t, startOf("a").Validate())
	err := workflows.FilesStart{
		Reference: "a b", Account: strings.Repeat("x", 1001), Seq: -1, ReplyTo: &workflows.ReplyTo{WorkflowID: strings.Repeat("x", 256)},
	}.Validate()
	require.ErrorIs(t, err, workflows.ErrInvalidFilesStart)
	for _, field := range []string{"reference: ", "account: 1001 bytes, at most 1000", "caseId: it is missing", "replyTo.workflowId: 256 bytes, at most 255", "replyTo.signal: it is missing", "seq: -1"} {
		require.ErrorContains(t, err, field)
	}
}

// FuzzStoringEnds plays random events. Each byte chooses an event and its file.
func FuzzStoringEnds(f *testing.F) {
	f.Add(uint8(5), true, []byte("abcdefghijklmnopqrstuvwxyz"))
	f.Add(uint8(21), false, []byte{0x81, 0x82, 0x83, 0, 1, 2, 250, 3, 251, 9})
	f.Add(uint8(1), true, []byte{})
	f.Add(uint8(4), false, []byte{252, 252, 253, 254, 255, 0, 1, 2})
	types := []string{
		"", workflows.ErrTypeArchiveNoBucket, workflows.ErrTypeArchiveTooLarge, workflows.ErrTypeArchiveBucket, workflows.ErrTypeArchiveDiffers,
		workflows.ErrTypeOffloadNotFound, workflows.ErrTypeOffloadUnauthorized, workflows.ErrTypeOffloadForbidden, workflows.ErrTypeArchiveNoResult, "PanicError",
	}
	f.Fuzz(func(t *testing.T, n uint8, result bool, events []byte) {
		start := startOf(numbered(int(n % 30))...)
		start.Result = result
		now := t0
		files := lifecycle.Begin(start, now)
		total := len(files.State.Files)
		for i, e := range events[:min(len(events), 400)] {
			before, beforeText := files, encoded(t, files)
			fx := lifecycle.Next(files, now)
			checkEffects(t, files, fx, now)
			switch {
			case e == 255:
				files = lifecycle.Cancel(files, workflows.CancelCase{By: "ada"}, now)
			case e >= 250:
				now = now.Add(time.Duration(e-249) * 40 * time.Minute)
				files = lifecycle.Tick(files, now)
			case e >= 245 && fx.HandOff != nil:
				if e%2 == 0 {
					files = lifecycle.HandOffFailed(files, fx.HandOff.Notices, rules.Failure{}, now)
				} else {
					files = lifecycle.HandOffSucceeded(files, fx.HandOff.Notices)
				}
			case len(fx.Calls) == 0:
				if !fx.Wake.IsZero() {
					require.True(t, fx.Wake.After(now), "a wake time that has passed would spin")
					now = fx.Wake
				}
				files = lifecycle.Tick(files, now)
			case e%3 == 0:
				files = lifecycle.FileStored(files, fx.Calls[i%len(fx.Calls)].ID, workflows.StoredFile{ReportedSize: int64(e % 2)}, now)
			default:
				files = lifecycle.FileFailed(files, fx.Calls[i%len(fx.Calls)].ID, fails(types[int(e)%len(types)]), now)
			}
			require.Equal(t, beforeText, encoded(t, before), "the argument is not changed")
			checkStep(t, before, files, total)
		}
		files = lifecycle.Tick(files, after(25*time.Hour))
		require.True(t, files.State.Status.Ended())
		if fx := lifecycle.Next(files, after(48*time.Hour)); fx.HandOff != nil {
			files = lifecycle.HandOffSucceeded(files, fx.HandOff.Notices)
		}
		require.True(t, lifecycle.Next(files, t0).Done)
		require.LessOrEqual(t, files.State.Outbox.Seq, start.Seq+1, "one notice at most")
	})
}

func checkEffects(t *testing.T, f lifecycle.Files, fx lifecycle.Effects, now time.Time) {
	t.Helper()
	require.LessOrEqual(t, len(fx.Calls), 4)
	for i, c := range fx.Calls {
		require.False(t, f.State.Status.Ended())
		require.Positive(t, c.Within)
		require.False(t, now.Add(c.Within).After(f.State.Until), "no call outlives the budget")
		require.NotEqual(t, c.Attachment == nil, c.Result == nil)
		require.False(t, slices.ContainsFunc(fx.Calls[:i], func(other lifecycle.Call) bool { return other.ID == c.ID }))
		require.False(t, c.Once && f.State.Probed)
		require.True(t, f.State.Probed || len(fx.Calls) == 1)
	}
	if !f.State.Status.Ended() {
		require.False(t, fx.Wake.IsZero())
		require.Nil(t, fx.HandOff)
	}
}

func checkStep(t *testing.T, before, now lifecycle.Files, total int) {
	t.Helper()
	old, view := lifecycle.View(before), lifecycle.View(now)
	settled := len(view.Stored) + len(view.Unstored)
	if view.Result != nil {
		settled++
	}
	if view.Status != workflows.FilesNoBucket {
		require.Equal(t, total, settled+view.Pending, "no file is lost")
	}
	require.Subset(t, view.Stored, old.Stored, "what is stored stays")
	require.Subset(t, view.Unstored, old.Unstored)
	if old.Status.Ended() {
		require.Equal(t, old.Status, view.Status)
		require.Equal(t, old.Since, view.Since)
		require.Equal(t, settled, total-pendingOf(now))
	}
	if view.Status.Ended() && view.Status != workflows.FilesNoBucket {
		require.Zero(t, pendingOf(now))
	}
}

func pendingOf(f lifecycle.Files) int {
	n := 0
	for _, file := range f.State.Files {
		if file.Stored == nil && file.Unstored == nil {
			n++
		}
	}
	return n
}
