package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"kith/event"
	"kith/internal/consent"
	"kith/internal/eventlog"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/state"
)

func consentCommand() *command {
	return &command{
		name: "consent", usage: "TYPE:VALUE PURPOSE granted|denied|withdrawn [channel=NAME] [at=MOMENT] [id=TEXT] [policy=VALUE] [evidence=VALUE]",
		about: "puts what somebody says of a purpose into the ledger, as the API does.",
		shape: recordShape, options: []string{"channel", "at", "id", "policy", "evidence"}, least: 3, most: 3,
		check: checkConsent, run: runConsent,
	}
}

func checkConsent(s *step) error {
	p := s.positional()
	if _, err := parseRef(p[0].text()); err != nil {
		return err
	}
	if consent.StateOf(p[2].text()) == consent.Silent {
		return wrong("write granted, denied or withdrawn", "%.40q is no state", p[2].text())
	}
	if at, ok := s.option("at"); ok {
		if _, err := parseMoment(at.text(), start); err != nil {
			return err
		}
	}
	return nil
}

func runConsent(ctx context.Context, s *session, st *step) (string, error) {
	p := st.positional()
	ref, err := parseRef(p[0].text())
	if err != nil {
		return "", err
	}
	body := consent.Body{Type: ref.Type, Value: ref.Value, Said: consent.Said{
		Purpose: p[1].text(), Channel: st.text("channel", ""), State: consent.StateOf(p[2].text()), Via: consent.ViaAPI,
	}}
	for name, to := range map[string]*json.RawMessage{"policy": &body.Policy, "evidence": &body.Evidence} {
		if v, ok := st.option(name); ok {
			*to = json.RawMessage(v.json)
		}
	}
	now := s.collector.ReceivedAt()
	at := now
	if v, ok := st.option("at"); ok {
		t, err := parseMoment(v.text(), s.clock.Now())
		if err != nil {
			return "", err
		}
		at = min(at, t.UnixMilli())
	}
	data, err := body.Encode()
	if err != nil {
		return "", err
	}
	id := st.text("id", fmt.Sprintf("c%03d", st.number))
	s.known[id] = true
	rec := record.Record{
		Kind: record.Consent, Body: data,
		Stamp: event.Stamp{Source: "api", MessageID: id, ReceivedAt: now, Timestamp: at},
	}
	return "", s.append(ctx, identity.Identifier{Type: ref.Type, Value: ref.Value}, &rec)
}

// append puts a record into the partition of what it is about.
func (s *session) append(ctx context.Context, about identity.Identifier, rec *record.Record) error {
	if id, reason := s.identity.Normalize(about.Type, about.Value, ""); reason == identity.Usable {
		about = id
	}
	partition := int32(int(state.LockOf(s.keys.Node(about))) % s.place.Log().Partitions())
	_, err := s.place.Log().Append(ctx, []eventlog.Entry{{Partition: partition, Data: rec.AppendTo(nil)}})
	return err
}

func purposeCommand() *command {
	return &command{
		name: "purpose", usage: "KEY [required=BOOL] [categories=NAME,…] [gpc=BOOL] [remove=BOOL]",
		about:   "declares a purpose, as its document does.",
		options: []string{"required", "categories", "gpc", "remove"}, least: 1, most: 1,
		run: runPurpose,
	}
}

func runPurpose(ctx context.Context, s *session, st *step) (string, error) {
	p := consent.Purpose{Key: st.positional()[0].text(), Categories: list(st, "categories")}
	remove := false
	for name, to := range map[string]*bool{"required": &p.Required, "gpc": &p.GPC, "remove": &remove} {
		var err error
		if *to, err = yes(st, name, name == "required"); err != nil {
			return "", err
		}
	}
	if delete(s.settings.purposes, p.Key); !remove {
		s.settings.purposes[p.Key] = p
	}
	return "", s.wire(ctx)
}

func consentsCommand() *command {
	return query("consents", "[show=ledger]", "shows what a person has agreed to, or with show=ledger everything that was said of purposes, the last received first.",
		[]string{"show"}, runConsents)
}

func runConsents(ctx context.Context, s *session, st *step, ref profile.Ref) (string, error) {
	var out strings.Builder
	if st.text("show", "") == "ledger" {
		page, err := s.reader.ConsentLedger(ctx, ref, profile.Page{Limit: pageMax})
		if err != nil {
			return "", err
		}
		for _, c := range page.Records {
			fmt.Fprintf(&out, "%s %s %s %s %s via=%s id=%s", showTime(c.ReceivedAt), showIdentifier(c.Whose), c.State,
				purposeText(c.Purpose, c.Channel), showTime(c.At), c.Via, s.messageID(c.MessageID))
			for _, proof := range [...]struct {
				name string
				json []byte
			}{{"policy", c.Policy}, {"evidence", c.Evidence}} {
				if proof.json != nil {
					fmt.Fprintf(&out, " %s=%s", proof.name, plain(string(proof.json)))
				}
			}
			out.WriteByte('\n')
		}
		return out.String(), nil
	}
	p, err := s.reader.Read(ctx, ref)
	if err != nil {
		return "", err
	}
	for _, c := range p.Consents {
		fmt.Fprintf(&out, "%s %s since %s\n", purposeText(c.Purpose, c.Channel), c.State, showTime(c.At))
	}
	if out.Len() == 0 {
		return "nothing was said\n", nil
	}
	return out.String(), nil
}

func purposeText(purpose, channel string) string {
	if channel == "" {
		return purpose
	}
	return purpose + "/" + channel
}

func decideCommand() *command {
	return &command{
		name: "decide", usage: "TYPE:VALUE PURPOSE [channel=NAME]",
		about:   "tells whether a person's data may be used for a purpose, and why.",
		options: []string{"channel"}, least: 2, most: 2,
		check: func(s *step) error { _, err := parseRef(s.positional()[0].text()); return err },
		run:   runDecide,
	}
}

func runDecide(ctx context.Context, s *session, st *step) (string, error) {
	if err := s.fold(ctx); err != nil {
		return "", err
	}
	ref, err := s.ref(st.positional()[0])
	if err != nil {
		return "", err
	}
	node, err := s.reader.Node(ref)
	if err != nil {
		return refused(err)
	}
	snap, err := s.place.State().Snapshot(ctx)
	if err != nil {
		return "", err
	}
	defer snap.Close()
	person, err := s.reader.Person(ctx, snap, node)
	if err != nil {
		return refused(err)
	}
	said, err := s.reader.Consent(ctx, snap, person)
	if err != nil {
		return "", err
	}
	key := st.positional()[1].text()
	d := consent.Decide(said, key, s.purposes.Purpose(key), st.text("channel", ""))
	word := "deny"
	if d.Allow {
		word = "allow"
	}
	return fmt.Sprintf("%s %s\n", word, d.Reason), nil
}
