package app

import (
	"context"

	"kith/event"
	"kith/internal/api"
	"kith/internal/consent"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/resource"
	"kith/internal/resource/form"
	"kith/internal/state"
	"kith/internal/sys"
)

// apiSource stands for the source in records that the API makes.
const apiSource = "api"

// ledger takes what people say of purposes and answers what they have said.
type ledger struct{ app *App }

var _ api.Consents = ledger{}

// Say implements api.Consents.
func (l ledger) Say(ctx context.Context, id string, at int64, body consent.Body) (string, error) {
	a := l.app
	home, err := l.whose(ctx, &body)
	if err != nil {
		return "", err
	}
	data, err := body.Encode()
	if err != nil {
		return "", err
	}
	if id == "" {
		if id, err = newUUID(a.cfg.Rand); err != nil {
			return "", err
		}
	}
	now := a.collector.ReceivedAt()
	if at == event.NoTime || at > now {
		at = now
	}
	rec := record.Record{
		Kind: record.Consent, Body: data,
		Stamp: event.Stamp{Source: apiSource, MessageID: id, ReceivedAt: now, Timestamp: at},
	}
	return id, a.append(ctx, eventlog.Entry{Partition: a.partitionOf(home), Data: rec.AppendTo(nil)})
}

// whose returns the identifier that a statement is of. A profile id stands for the
// identifier that leads the profile.
func (l ledger) whose(ctx context.Context, body *consent.Body) (id identity.Identifier, err error) {
	if body.Type == profile.ProfileIDType {
		err := kinship(l).view(ctx, func(r state.Reader) error {
			id, err = identifierOf(ctx, r, body.Value, "/identity")
			return err
		})
		if err != nil {
			return id, err
		}
		body.Type, body.Value = id.Type, id.Value
	}
	if body.Type == "group_id" || !consent.ValidName(body.Type) {
		return id, form.Refuse(errs.Invalid, "consent.identity", "/identity/type", "must be the type of an identifier of a person, such as email")
	}
	id, reason := l.app.live.Load().rules.Normalize(body.Type, body.Value, "")
	if reason != identity.Usable {
		return id, form.Refuse(errs.Invalid, "consent.identity", "/identity/value", "this value identifies nobody: "+string(reason))
	}
	return id, nil
}

// Ledger implements api.Consents.
func (l ledger) Ledger(ctx context.Context, ref profile.Ref, page profile.Page) (profile.ConsentPage, error) {
	return l.app.live.Load().reader.ConsentLedger(ctx, ref, page)
}

// partitionOf is the partition of what concerns an identifier.
func (a *App) partitionOf(id identity.Identifier) int32 {
	return int32(int(state.LockOf(a.ws.Keyring().Node(id))) % a.log.Partitions())
}

// append makes records durable. In a process that folds nothing by itself they
// are folded at once.
func (a *App) append(ctx context.Context, entries ...eventlog.Entry) error {
	if _, err := a.log.Append(ctx, entries); err != nil {
		return err
	}
	if a.url == "" {
		return a.live.Load().runner.Drain(ctx)
	}
	return nil
}

// newUUID makes a UUID of version 4.
func newUUID(rand sys.Rand) (string, error) {
	var n identity.NodeID
	if _, err := rand.Read(n[:]); err != nil {
		return "", errs.Wrap(err, errs.Internal, "app.random", "the random source failed")
	}
	n[6] = n[6]&0x0f | 0x40
	n[8] = n[8]&0x3f | 0x80
	return n.String(), nil
}

// declaredPurposes are the purposes of today: the built-in ones and those that documents
// declare.
func (a *App) declaredPurposes(ctx context.Context) (*consent.Config, error) {
	items, err := a.purposes.All(ctx)
	if err != nil {
		return nil, err
	}
	var declared []consent.Purpose
	for _, item := range items {
		declared = append(declared, purposeOf(item.Key, &item.Doc))
	}
	return consent.With(declared), nil
}

func purposeOf(key string, p *resource.Purpose) consent.Purpose {
	return consent.Purpose{Key: key, Required: p.ConsentRequired, Categories: p.Categories, GPC: p.GPC}
}
