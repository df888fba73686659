package inboxadmin

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/signalbox-dev/signalbox/ingress"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// Released counts what Release did.
type Released = ingress.Released

// Release verifies the quarantined deliveries of an agent again, or of all agents if agent is empty, and accepts those that a secret
// verifies.
func (a Admin) Release(ctx context.Context, agent string) (Released, error) {
	if a.Keys == nil {
		return Released{}, fmt.Errorf("%w: release opens bodies: set --keyring (SIGNALBOX_KEYRING)", inbox.ErrInvalid)
	}
	if _, known := a.Secrets[agent]; !known && agent != "" {
		return Released{}, fmt.Errorf("%w: agent: there is none of that name in --config (SIGNALBOX_CONFIG)", inbox.ErrInvalid)
	}
	if len(a.Secrets) == 0 {
		return Released{}, fmt.Errorf("%w: agent: release needs the webhook secrets of the agents, but --config (SIGNALBOX_CONFIG) names no agent", inbox.ErrInvalid)
	}
	releaser, err := ingress.NewReleaser(a.Secrets, a.Keys, a.Inbox, a.Now)
	if err != nil {
		return Released{}, fmt.Errorf("%w: %w", inbox.ErrInvalid, err)
	}
	subject := agent
	if agent == "" {
		subject = "all agents"
	}
	if err := a.record(ctx, actRelease, subject); err != nil {
		return Released{}, err
	}
	return releaser.Release(ctx, agent)
}

// Purge removes bodies and rows by age; pending deliveries stay. It works in short steps and can be interrupted and repeated. It refuses a time
// after now, which would mean all deliveries: such a time is a mistake.
func (a Admin) Purge(ctx context.Context, request inbox.PurgeRequest) (inbox.Purged, error) {
	for _, limit := range []struct {
		field string
		at    time.Time
	}{{"bodiesBefore", request.BodiesBefore}, {"rowsBefore", request.RowsBefore}} {
		if limit.at.After(request.Now) {
			return inbox.Purged{}, fmt.Errorf("%w: %s: it is after now: use a time in the past", inbox.ErrInvalid, limit.field)
		}
	}
	if err := a.record(ctx, actPurge, purgeInWords(request)); err != nil {
		return inbox.Purged{}, err
	}
	done, err := a.Inbox.Purge(ctx, request)
	if err != nil {
		return done, fmt.Errorf("purge (%d bodies and %d deliveries were removed): %w", done.Bodies, done.Rows, err)
	}
	return done, nil
}

func purgeInWords(request inbox.PurgeRequest) string {
	var words []string
	if !request.BodiesBefore.IsZero() {
		words = append(words, "bodies before "+request.BodiesBefore.Format(time.RFC3339))
	}
	if !request.RowsBefore.IsZero() {
		words = append(words, "rows before "+request.RowsBefore.Format(time.RFC3339))
	}
	return strings.Join(words, ", ")
}
