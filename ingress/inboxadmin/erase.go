package inboxadmin

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/signalbox-dev/signalbox/ingress/hook"
	"github.com/signalbox-dev/signalbox/ingress/hook/offload"
	"github.com/signalbox-dev/signalbox/ingress/inbox"
)

// EraseRequest says whose deliveries to erase.
type EraseRequest struct {
	// Lane is the workflow's ID.
	Lane string
	// Provider is offload or artmail; Agent is that of an activation.
	Provider, Agent string
	// Reference is that of a case. IDs are the provider's: those caseIds of the case that are known, or the activationId.
	Reference string
	IDs       []string
}

// Erased counts deliveries. Those that are Unreadable name no workflow, and the keyring does not open their bodies: whether they are about the
// case or activation can't be known.
type Erased struct {
	Deliveries int `json:"deliveries"`
	Unreadable int `json:"unreadable,omitempty"`
}

// RecordErase records in the audit trail that a case or activation will be erased. From then on no delivery starts its workflow again.
func (a Admin) RecordErase(ctx context.Context, lane string) error {
	return a.record(ctx, inbox.ActErase, inbox.ErasedSubject(lane))
}

// Erase erases what ToErase finds. It may be interrupted and repeated.
func (a Admin) Erase(ctx context.Context, request EraseRequest) (done Erased, err error) {
	ids, unreadable, err := a.ToErase(ctx, request)
	done.Unreadable = unreadable
	if len(ids) == 0 && err == nil {
		return done, a.Inbox.Erase(ctx, request.Lane, nil) // an erasure that was cut off may have left the store's log behind
	}
	for chunk := range slices.Chunk(ids, inbox.MaxPage) {
		if err = a.Inbox.Erase(ctx, request.Lane, chunk); err != nil {
			return done, fmt.Errorf("erase (%d deliveries are gone): %w", done.Deliveries, err)
		}
		done.Deliveries += len(chunk)
	}
	return done, err
}

// ToErase finds the deliveries of a case or activation: those in its lane, and those that only their body identifies: deliveries of the shared
// route, and quarantined, dead or ignored ones. It reads all deliveries of Offload, or those of the agent that reached no workflow.
func (a Admin) ToErase(ctx context.Context, request EraseRequest) (ids []string, unreadable int, err error) {
	f := &toErase{admin: a, request: request, found: map[string]bool{}, unreadable: map[string]bool{}, lanes: map[string]bool{}}
	err = f.lane(ctx, request.Lane, func(one inbox.Delivery) error {
		about, err := f.open(ctx, one.ID)
		f.know(about.EntityID)
		return err
	})
	for _, id := range request.IDs {
		f.know(id)
	}
	for known := -1; err == nil && known < len(f.ids); { // a later delivery may name an ID that an earlier one is about
		known = len(f.ids)
		err = f.strays(ctx)
	}
	for lane := range f.lanes {
		if err == nil {
			err = f.lane(ctx, lane, nil)
		}
	}
	for id := range f.found {
		ids = append(ids, id)
		delete(f.unreadable, id)
	}
	slices.Sort(ids)
	return ids, len(f.unreadable), err
}

// toErase is a search for what to erase.
type toErase struct {
	admin   Admin
	request EraseRequest
	// found are the deliveries to erase, unreadable those whose body can't be opened.
	found, unreadable map[string]bool
	// ids are the provider's IDs that are known by now, lanes those of the route that cases share.
	ids   []string
	lanes map[string]bool
}

// about holds the IDs in a body. Text is the body itself if no ID could be read.
type about struct {
	hook.Envelope
	text []byte
}

func (f *toErase) know(id string) {
	if id == "" || slices.Contains(f.ids, id) {
		return
	}
	f.ids = append(f.ids, id)
	if sharedLane := providers[f.request.Provider].sharedLane; sharedLane != nil {
		f.lanes[sharedLane(id)] = true
	}
}

// lane finds all deliveries of a lane.
func (f *toErase) lane(ctx context.Context, lane string, also func(inbox.Delivery) error) error {
	return f.each(ctx, inbox.Filter{Lane: lane}, func(one inbox.Delivery) error {
		f.found[one.ID] = true
		if also == nil {
			return nil
		}
		return also(one)
	})
}

// strays finds deliveries whose lane does not name the workflow.
func (f *toErase) strays(ctx context.Context) error {
	filter := inbox.Filter{Provider: f.request.Provider, Scope: f.request.Agent, States: providers[f.request.Provider].strays}
	return f.each(ctx, filter, func(one inbox.Delivery) error {
		if one.Lane != "" && !offload.IsSharedLane(one.Lane) || f.found[one.ID] {
			return nil
		}
		about, err := f.open(ctx, one.ID)
		if err == nil && f.names(about) {
			f.found[one.ID] = true
			f.know(about.EntityID)
		}
		return err
	})
}

// names says whether a body is about the case or activation.
func (f *toErase) names(a about) bool {
	reference := f.request.Reference
	if a.text == nil {
		return a.EntityID != "" && slices.Contains(f.ids, a.EntityID) || reference != "" && a.ClientReferenceID == reference
	}
	return slices.ContainsFunc(append([]string{reference}, f.ids...), func(id string) bool {
		return id != "" && bytes.Contains(a.text, []byte(`"`+id+`"`))
	})
}

// open reads a body. It returns nothing for one that is gone or can't be opened.
func (f *toErase) open(ctx context.Context, id string) (about, error) {
	shown, plain, err := f.admin.open(ctx, id)
	if err != nil || shown.Withheld != "" {
		if err == nil && len(shown.Delivery.Body) > 0 {
			f.unreadable[id] = true
		}
		return about{}, err
	}
	if hook.IsGzip(plain) { // quarantined as it came, or too large to be inflated
		inflated, err := hook.Inflate(plain, maxInflated)
		if err != nil {
			f.unreadable[id] = true
			return about{}, nil //nolint:nilerr // it is counted
		}
		plain = inflated
	}
	var envelope hook.Envelope
	if p, known := providers[shown.Provider]; known {
		envelope, _ = p.peek(plain) // it returns what it could read
	}
	if envelope.EntityID == "" && envelope.ClientReferenceID == "" {
		return about{text: plain}, nil
	}
	return about{Envelope: envelope}, nil
}

// each calls do for every delivery that the filter matches.
func (f *toErase) each(ctx context.Context, filter inbox.Filter, do func(inbox.Delivery) error) error {
	filter.Limit = inbox.MaxPage
	for {
		page, err := f.admin.Inbox.List(ctx, filter)
		if err != nil {
			return err
		}
		for _, one := range page.Deliveries {
			if err := do(one); err != nil {
				return err
			}
		}
		if filter.Cursor = page.Next; page.Next == "" {
			return nil
		}
	}
}

// maxInflated bounds a compressed body in memory.
const maxInflated = 16 << 20
