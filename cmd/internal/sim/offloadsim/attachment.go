package offloadsim

import (
	"bytes"
	"net/http"
	"time"
)

// leakedInboxID is the inbox ID that Offload shows on every case.
const leakedInboxID = "dev-test@agentmail.to"

// attachment is an inbound file of a case, in the shape of GET and webhooks.
type attachment struct {
	AttachmentID string `json:"attachmentId"`
	Name         string `json:"name"`
	Size         int    `json:"size"`
	Type         string `json:"type"`
	MessageID    string `json:"messageId"`
	InboxID      string `json:"inboxId"`
	ReceivedAt   int64  `json:"receivedAt"`

	content []byte
}

// issuedDownload is the file behind a download URL.
type issuedDownload struct {
	file    attachment
	expires time.Time
}

// nonNil returns a copy that is [] in JSON if it is empty, never null.
func nonNil(all []attachment) []attachment {
	return append([]attachment{}, all...)
}

func (s *Simulator) getAttachment(r *http.Request, owner string, _ []byte) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, apiErr := s.find(r.PathValue("id"), owner)
	if apiErr != nil {
		return fail(apiErr)
	}
	for _, file := range c.attachments {
		if file.AttachmentID != r.PathValue("attachmentId") {
			continue
		}
		token := s.Dice.UUID()
		expires := s.Now().Add(10 * time.Minute)
		s.downloads[token] = issuedDownload{file: file, expires: expires}
		return answer{status: http.StatusOK, data: struct {
			attachment
			DownloadURL string `json:"downloadUrl"`
			ExpiresAt   string `json:"expiresAt"`
		}{file, s.baseURL(r) + "/downloads/" + token, iso8601(expires)}}
	}
	return fail(errNoAttachment)
}

// download serves the bytes, as AgentMail's CDN does: by the URL alone, without an API key, for a while.
func (s *Simulator) download(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	found, ok := s.downloads[r.PathValue("token")]
	s.mu.Unlock()
	if !ok || s.Now().After(found.expires) {
		http.Error(w, "Request has expired", http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", found.file.Type)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(found.file.content))
}
