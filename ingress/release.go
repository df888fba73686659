package ingress

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/artmail"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
	"github.com/signalbox-dev/signalbox/workflows/keyring"
)

// Releaser accepts quarantined webhooks after a secret has been corrected. Make one with NewReleaser.
type Releaser struct {
	agents map[string]hook.Secrets
	keys   *keyring.Ring
	inbox  inbox.Store
	now    func() time.Time
	bodies *bodies
}

// Released counts what Release did.
type Released struct {
	// Accepted are in the inbox now, as if they had just been verified; Duplicates were there already.
	Accepted, Duplicates int
	// Refused fit no secret yet, and stay in the quarantine.
	Refused int
	// Unreadable have no body any more, or one that today's keyring can't open.
	Unreadable int
}

// NewReleaser takes the current secrets of each agent. It returns hook.ErrEmptySecret for a missing or empty one.
func NewReleaser(agents map[string][]string, keys *keyring.Ring, store inbox.Store, now func() time.Time) (*Releaser, error) {
	secrets, err := newArtmailSecrets(agents)
	if err != nil {
		return nil, err
	}
	return &Releaser{
		agents: secrets.agents, keys: keys, inbox: store, now: now,
		bodies: newBodies(Config{MaxBody: defaultMaxBody, MaxInFlight: 2 * defaultMaxBody}, now),
	}, nil
}

// Release verifies every quarantined webhook of an agent again, or of all agents where agent is empty, the oldest first. What
// verifies is stored as a new delivery with its first time of arrival, then the quarantined one is closed with its ID. If it stops
// between the two, the next Release finds the key in the inbox and counts a duplicate.
func (r *Releaser) Release(ctx context.Context, agent string) (Released, error) {
	var done Released
	ids, err := r.quarantined(ctx, agent)
	if err != nil {
		return done, err
	}
	for _, id := range ids {
		if err := r.release(ctx, id, &done); err != nil {
			return done, fmt.Errorf("release %s: %w", id, err)
		}
	}
	return done, nil
}

func (r *Releaser) quarantined(ctx context.Context, agent string) ([]string, error) {
	filter := inbox.Filter{
		States: []inbox.State{inbox.StateQuarantined}, Provider: artmail.Name, Scope: agent, Limit: inbox.MaxPage,
	}
	var ids []string
	for {
		page, err := r.inbox.List(ctx, filter)
		if err != nil {
			return nil, fmt.Errorf("list the quarantine: %w", err)
		}
		for _, d := range page.Deliveries {
			ids = append(ids, d.ID)
		}
		if page.Next == "" {
			slices.Reverse(ids)
			return ids, nil
		}
		filter.Cursor = page.Next
	}
}

func (r *Releaser) release(ctx context.Context, id string, done *Released) error {
	held, err := r.inbox.Get(ctx, id)
	if err != nil {
		return err
	}
	packed, err := r.keys.Open(held.Body, hook.BodyContext(held.Provider, held.Lane, held.ID)...)
	if err != nil {
		// Its retention has ended, or it was sealed with a keyring that is gone. The others must not wait behind it.
		done.Unreadable++
		return nil
	}
	signatures, encoding, raw := hook.Unpack(packed)
	secrets, known := r.agents[held.Scope]
	if !known || artmail.Provider.Verify(raw, signatures, secrets) != nil {
		done.Refused++
		return nil
	}
	// Where it is too large, no sender waits for a 413: the body is stored as it came, and is dead.
	as := &body{bytes: raw}
	if plain, err := r.bodies.inflate(as); err == nil && plain != as {
		defer plain.release()
		raw = plain.bytes
	}
	from := artmailWebhook(held.Scope)
	from.encoding = encoding
	d, err := from.delivery(r.keys, raw, held.ReceivedAt)
	if err != nil {
		return err
	}
	receipts, err := r.inbox.Append(ctx, []inbox.Delivery{d})
	if err != nil {
		return err
	}
	if receipts[0].Outcome == inbox.OutcomeDuplicate {
		done.Duplicates++
	} else {
		done.Accepted++
	}
	return r.inbox.Settle(ctx, inbox.SettleRequest{
		Now:         r.now(),
		Settlements: []inbox.Settlement{inbox.Finish(held.ID, inbox.StateIgnored, "released as "+receipts[0].ID)},
	})
}
