package workflows

import (
	"encoding/json"
	"math"
	"slices"
)

// Bounded returns the facts within the limits of the contract: MaxJSONBytes for Result and Metadata, MaxTextBytes for the question and
// the failure reason, MaxAttachments and MaxAttachmentsBytes for the attachments, of which the first are kept. It names the fields that
// it drops or cuts in Omitted. It changes nothing that f points to.
func (f CaseFacts) Bounded() CaseFacts {
	f.Omitted = knownFields(f.Omitted)
	f.Status, f.Channel, f.ResultStatus = short(f.Status), short(f.Channel), short(f.ResultStatus)
	if ValidateCaseID(f.CaseID) != nil {
		f.CaseID = ""
	}
	if tooLong(f.ClientReferenceID, MaxClientReferenceIDBytes) {
		f.ClientReferenceID = ""
		f = f.Omitting(FieldClientReferenceID)
	}
	if JSONSize(f.Result) > MaxJSONBytes {
		f.Result = nil
		f = f.Omitting(FieldResult)
	}
	if JSONSize(f.Metadata) > MaxJSONBytes {
		f.Metadata = nil
		f = f.Omitting(FieldMetadata)
	}
	if r := f.FailureReason; r != nil && JSONLen(*r) > MaxTextBytes {
		cut := Clip(*r, MaxTextBytes)
		f.FailureReason = &cut
		f = f.Omitting(FieldFailureReason)
	}
	return f.withQuestionBounded().withAttachmentsBounded()
}

func (f CaseFacts) withQuestionBounded() CaseFacts {
	if f.Question == nil {
		return f
	}
	q := *f.Question
	q.Status = short(q.Status)
	switch {
	case ValidateID(q.ID) != nil:
		// A question without a usable ID can't be answered.
		f.Question = nil
		return f.Omitting(FieldQuestion)
	case JSONLen(q.Text) > MaxTextBytes:
		q.Text = Clip(q.Text, MaxTextBytes)
		f = f.Omitting(FieldQuestion)
	}
	f.Question = &q
	return f
}

func (f CaseFacts) withAttachmentsBounded() CaseFacts {
	var kept []Attachment
	size := 0
	for _, a := range f.Attachments {
		if a.ID == "" { // without an ID the file can't be downloaded
			continue
		}
		n := JSONSize(a)
		if ValidateID(a.ID) != nil || n > maxAttachmentBytes || size+n > MaxAttachmentsBytes || len(kept) == MaxAttachments {
			f = f.Omitting(FieldAttachments)
			continue
		}
		size += n
		kept = append(kept, a)
	}
	f.Attachments = kept
	return f
}

// knownFields returns the names in the list that Omitted may contain, sorted and without duplicates.
func knownFields(names []string) []string {
	var known []string
	for _, field := range []string{FieldAttachments, FieldClientReferenceID, FieldFailureReason, FieldMetadata, FieldQuestion, FieldResult} {
		if slices.Contains(names, field) {
			known = append(known, field)
		}
	}
	return known
}

// maxAttachmentBytes, in bytes of JSON, is far more than the name, type and IDs of a file need.
const maxAttachmentBytes = 4 << 10

func tooLong(id string, most int) bool { return len(id) > most || JSONLen(id) > 6*most }

func short(text string) string { return Clip(text, MaxShortTextBytes) }

// JSONSize returns the length of a value as JSON on the wire, in bytes. It encodes a RawMessage too, because its "<" is escaped there.
// The same value always has the same length; workflowcheck can't see that.
//
//workflowcheck:ignore
func JSONSize(v any) int {
	if raw, ok := v.(json.RawMessage); ok && len(raw) == 0 {
		return 0
	}
	encoded, err := json.Marshal(v)
	if err != nil {
		return math.MaxInt32 // too large to keep
	}
	return len(encoded)
}
