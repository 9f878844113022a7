package profile

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"

	"kith/event"
	"kith/internal/consent"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/identity"
	"kith/internal/record"
	"kith/internal/state"
	"kith/internal/strictjson"
)

// ConsentRecord is one statement of the ledger, with its proof.
type ConsentRecord struct {
	consent.Statement
	Node     identity.NodeID     // at which it is filed
	Whose    identity.Identifier // that the node stands for
	Position eventlog.Position   // of the record that says it
	Policy   json.RawMessage     // what the person was told, as it was given; nil for none
	Evidence json.RawMessage     // how it was said: as given, or what the event holds of it; nil for none
}

// ConsentPage is a part of a person's ledger, newest first.
type ConsentPage struct {
	Records []ConsentRecord
	Next    string // empty at the end
}

// ConsentLedger returns a page of everything that a person's nodes have said of
// purposes, the last received first.
func (r *Reader) ConsentLedger(ctx context.Context, ref Ref, page Page) (ConsentPage, error) {
	last, err := parseLedgerCursor(page.Cursor)
	if err != nil {
		return ConsentPage{}, err
	}
	snap, err := r.State.Snapshot(ctx)
	if err != nil {
		return ConsentPage{}, err
	}
	defer snap.Close()
	c, err := r.cluster(ctx, snap, ref)
	if err != nil {
		return ConsentPage{}, err
	}
	records, err := ledgerOf(ctx, snap, c.all, last, page.Limit+1)
	if err != nil {
		return ConsentPage{}, err
	}
	var out ConsentPage
	if len(records) > page.Limit {
		records = records[:page.Limit]
		out.Next = ledgerCursor(placeOf(&records[page.Limit-1]))
	}
	for i := range records {
		records[i].Whose = c.ids[records[i].Node]
		if err := r.prove(ctx, &records[i]); err != nil {
			return ConsentPage{}, err
		}
	}
	out.Records = records
	return out, nil
}

// ledgerPlace is a statement's place in a person's ledger: no two share one.
type ledgerPlace struct {
	ReceivedAt, At    int64
	MessageID, Source string
	Purpose, Channel  string
	Via               consent.Via
	Node              string
}

func placeOf(r *ConsentRecord) ledgerPlace {
	return ledgerPlace{r.ReceivedAt, r.At, r.MessageID, r.Source, r.Purpose, r.Channel, r.Via, r.Node.String()}
}

// compare is the order of a ledger, the last received first.
func (p ledgerPlace) compare(q ledgerPlace) int {
	return cmp.Or(
		cmp.Compare(q.ReceivedAt, p.ReceivedAt), cmp.Compare(q.At, p.At), cmp.Compare(p.MessageID, q.MessageID),
		cmp.Compare(p.Source, q.Source), cmp.Compare(p.Purpose, q.Purpose), cmp.Compare(p.Channel, q.Channel), cmp.Compare(p.Via, q.Via), cmp.Compare(p.Node, q.Node),
	)
}

// ledgerOf merges the ledgers of nodes behind a place. What one record says at
// several of them is told of each: taking it back at one leaves it at the others.
func ledgerOf(ctx context.Context, s state.Reader, nodes []identity.NodeID, last *ledgerPlace, limit int) ([]ConsentRecord, error) {
	upTo := int64(consent.EndOfTime)
	if last != nil {
		upTo = last.ReceivedAt
	}
	var all []ConsentRecord
	for _, n := range nodes {
		found, least := 0, int64(0)
		for e, err := range consent.Ledger(ctx, s, n, upTo, true, 0) {
			if err != nil {
				return nil, err
			}
			if found >= limit && e.ReceivedAt != least {
				break // all that may tie with the last one needed is there
			}
			least = e.ReceivedAt
			for st := range e.Statements() {
				rec := ConsentRecord{Statement: *st, Node: n, Position: e.Position}
				if last == nil || placeOf(&rec).compare(*last) > 0 {
					all, found = append(all, rec), found+1
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b ConsentRecord) int { return placeOf(&a).compare(placeOf(&b)) })
	return all[:min(len(all), limit)], nil
}

// prove reads what a statement's record holds beside it.
func (r *Reader) prove(ctx context.Context, c *ConsentRecord) error {
	rec, err := ReadRecord(ctx, r.Log, c.Position)
	if err != nil {
		return err
	}
	if rec.Kind == record.Consent {
		body, err := consent.DecodeBody(&strictjson.Doc{}, rec.Body)
		c.Policy, c.Evidence = body.Policy, body.Evidence
		return err
	}
	ev, err := rec.Event(&record.Docs{})
	if err == nil {
		c.Evidence = eventEvidence(&ev)
	}
	return err
}

// eventEvidence is what an event holds of consent: the objects as they came, and
// from where.
func eventEvidence(ev *event.Event) json.RawMessage {
	b := strictjson.AppendString([]byte(`{"call":`), ev.Type.String())
	add := func(name string, v strictjson.Value) {
		if v.Exists() {
			b = strictjson.AppendString(append(b, ','), name)
			b = v.AppendClean(append(b, ':'))
		}
	}
	add("consent", ev.ContextValue("consent"))
	add("consentManagement", ev.ContextValue("consentManagement"))
	if ev.Flags&event.GPC != 0 {
		b = append(b, `,"sec_gpc":"1"`...)
	}
	for _, text := range [...][2]string{{"ip", ev.IP}, {"userAgent", ev.UserAgent}} {
		if text[1] != "" {
			b = strictjson.AppendString(append(b, ','), text[0])
			b = strictjson.AppendString(append(b, ':'), text[1])
		}
	}
	return append(b, '}')
}

func ledgerCursor(p ledgerPlace) string {
	b, err := json.Marshal(p)
	if err != nil {
		panic("BUG: a place is made of numbers and texts and could not be written")
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseLedgerCursor(text string) (*ledgerPlace, error) {
	if text == "" {
		return nil, nil
	}
	var p ledgerPlace
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil {
		return nil, errs.New(errs.Invalid, "api.cursor", "the cursor is not one that this list answered")
	}
	return &p, nil
}

// Consent returns what a person's nodes have said of purposes, as of a snapshot.
func (r *Reader) Consent(ctx context.Context, s state.Reader, p *Person) (consent.Person, error) {
	return consent.ReadPerson(ctx, s, p.Nodes)
}
