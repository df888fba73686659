package ingress

import (
	"context"
	"errors"
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
}

// releaseBudget is how long the storing of one released webhook may take. A store that can't write retries until then.
const releaseBudget = 10 * time.Second

// Released counts what Release did.
type Released struct {
	// Accepted counts deliveries that were verified and stored; Duplicates those that the inbox had already.
	Accepted   int `json:"accepted"`
	Duplicates int `json:"duplicates"`
	// Refused counts deliveries that no secret verifies yet. They stay in the quarantine.
	Refused int `json:"refused"`
	// Unreadable counts deliveries that were removed meanwhile, whose body was purged, or that the current keyring can't open.
	Unreadable int `json:"unreadable"`
}

// NewReleaser returns a Releaser that verifies with the given secrets of each agent. It fails with hook.ErrEmptySecret for a missing or
// empty secret.
func NewReleaser(agents map[string][]string, keys *keyring.Ring, store inbox.Store, now func() time.Time) (*Releaser, error) {
	secrets, err := newArtmailSecrets(agents)
	if err != nil {
		return nil, err
	}
	return &Releaser{agents: secrets.agents, keys: keys, inbox: store, now: now}, nil
}

// Release verifies every quarantined webhook of an agent again, or of all agents where agent is empty, the oldest first. It stores a
// verified webhook as a new delivery with the original arrival time, then closes the quarantined one, whose reason names the new ID. If it
// stops between the two, the next Release finds the dedupe key in the inbox and counts a duplicate.
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
	if errors.Is(err, inbox.ErrNotFound) {
		done.Unreadable++
		return nil
	}
	if err != nil {
		return err
	}
	packed, err := r.keys.Open(held.Body, hook.BodyContext(held.Provider, held.Lane, held.ID)...)
	if err != nil {
		// The body was purged, or it was sealed with a keyring that is gone. The release goes on with the others.
		done.Unreadable++
		return nil
	}
	signatures, encoding, raw := hook.Unpack(packed)
	secrets, known := r.agents[held.Scope]
	if !known || artmail.Provider.Verify(raw, signatures, secrets) != nil {
		done.Refused++
		return nil
	}
	// It is inflated up to the largest Config.MaxBody, since a release does not know that of the ingress. No sender waits for a 413 here: a
	// larger body is stored compressed, and is dead.
	if plain, err := hook.Inflate(raw, LargestMaxBody); err == nil {
		raw = plain
	}
	from := artmailWebhook(held.Scope)
	from.encoding = encoding
	d, err := from.delivery(r.keys, raw, held.ReceivedAt)
	if err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, releaseBudget)
	defer cancel()
	receipts, err := r.inbox.Append(within, []inbox.Delivery{d})
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

// ReadAgain makes a new delivery of the plain body of an earlier one of Artmail, with the same arrival time. It fails only if the body can't be
// sealed.
func ReadAgain(keys *keyring.Ring, old inbox.Delivery, plain []byte) (inbox.Delivery, error) {
	d, err := artmailWebhook(old.Scope).delivery(keys, plain, old.ReceivedAt)
	d.TraceParent = old.TraceParent
	return d, err
}
