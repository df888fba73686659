package lifecycle

import (
	"fmt"
	"slices"
	"strings"

	"github.com/signalbox-dev/signalbox/workflows"
	"github.com/signalbox-dev/signalbox/workflows/internal/rules"
)

// WaitingFor returns a sentence about what happens next and what a person can do.
func WaitingFor(f Files) string {
	s := f.State
	if s.Status.Ended() {
		if len(s.Outbox.Waiting) > 0 {
			return strings.TrimSpace("The notice is being handed off. " + s.Outbox.Trouble())
		}
		return ""
	}
	text := fmt.Sprintf("Files are being stored, %d to go, until %s at the latest.", pending(s), rules.Stamp(s.Until))
	if !s.Probed && slices.ContainsFunc(s.Files, func(file File) bool { return file.LastType == workflows.ErrTypeArchiveNoBucket }) {
		text += fmt.Sprintf(" A worker has no bucket: other attempts follow until %s.", rules.Stamp(f.noBucketAt()))
	}
	if delayedForUnknownReason(s) {
		text += fmt.Sprintf(" No file was stored since %s: the bucket, the file server or Offload may be down. The pending activities show the last failures.", rules.Stamp(s.ProgressAt))
	}
	for _, t := range troubles {
		if slices.ContainsFunc(s.Files, func(file File) bool { return file.Trouble == t.errType }) {
			text += " " + troubleAdvice[t.attention] + " It is retried automatically."
		}
	}
	return text
}

var troubleAdvice = map[string]string{
	workflows.AttentionUnauthorized: "Offload refuses the API key: a person has to correct it in the worker's configuration.",
	workflows.AttentionForbidden:    "Offload forbids it: the API key is inactive, or the case has another owner.",
	workflows.AttentionUsageLimit:   "The plan's usage limit is reached: it ends with the month, or a person raises it.",
	workflows.AttentionAccount:      "No worker has the account: a person has to add it to the worker's configuration.",
}

// maxListed is how many files of each kind the details list. The query "state" lists all.
const maxListed = 10

// Details describes the storing in Markdown for the Temporal Web UI: its progress, the files that need a look, and what to do about them.
func Details(f Files) string {
	s := f.State
	var paragraphs []string
	line := func(format string, args ...any) { paragraphs = append(paragraphs, fmt.Sprintf(format, args...)) }

	line("**%s** since %s", s.Status, rules.Stamp(s.Since))
	if text := WaitingFor(f); text != "" {
		line("%s", text)
	}
	if !s.Status.Ended() {
		line("The update `%s` ends it: what is stored stays.", workflows.UpdateCancel)
	}
	if s.Status == workflows.FilesNoBucket {
		line("The workers keep no files. Download URLs are made by %s.", rules.Code("GET /cases/"+f.Start.CaseID+"/attachments/{attachmentId}"))
		if f.Start.Result {
			line("The result is too large for the outcome. Read it at Offload: %s.", rules.Code("GET /cases/"+f.Start.CaseID))
		}
	}
	if s.Cancelled != "" {
		line("%s", rules.Code(s.Cancelled))
	}
	list(line, s.Files, "Not stored", "Read them at Offload: "+rules.Code("GET /cases/"+f.Start.CaseID)+", for an attachment with "+rules.Code("/attachments/{attachmentId}")+" behind it.",
		func(file File) string {
			if !failed(s, file) {
				return ""
			}
			return rules.Code(label(file.ID, file.Unstored.Name)) + ": " + rules.Code(file.Unstored.Reason)
		})
	if s.Omitted > 0 && s.Status != workflows.FilesNoBucket {
		line("Left out: %d attachments without a usable ID, or beyond the first %d.", s.Omitted, workflows.MaxCaseFiles)
	}
	list(line, s.Files, "Stored, but not as Offload reported", "Open them and compare: the file server may have sent another file.",
		func(file File) string {
			if file.Stored == nil || !file.Stored.Differs() {
				return ""
			}
			return rules.Code(file.Stored.Key) + difference(*file.Stored)
		})
	return strings.Join(paragraphs, "\n\n")
}

// list writes a line for each file for which say returns a text.
func list(line func(string, ...any), files []File, title, advice string, say func(File) string) {
	var items []string
	more := 0
	for _, file := range files {
		switch text := say(file); {
		case text == "":
		case len(items) < maxListed:
			items = append(items, "- "+text)
		default:
			more++
		}
	}
	if len(items) == 0 {
		return
	}
	if more > 0 {
		items = append(items, fmt.Sprintf("- and %d more; the query `%s` names all", more, workflows.QueryState))
	}
	line("%s. %s", title, advice)
	line("%s", strings.Join(items, "\n"))
}

func difference(stored workflows.StoredFile) string {
	var text string
	if stored.ReportedSize != 0 {
		text = fmt.Sprintf(", %d bytes, reported %d", stored.Size, stored.ReportedSize)
	}
	if stored.ReportedType != "" {
		text += ", type " + rules.Code(stored.ContentType) + ", reported " + rules.Code(stored.ReportedType)
	}
	return text
}

func label(id, name string) string {
	switch {
	case id == "":
		return "the result"
	case name == "":
		return id
	}
	return name + " (" + id + ")"
}
