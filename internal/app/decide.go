package app

import (
	"context"
	"strconv"
	"strings"
	"time"

	"kith/internal/api"
	"kith/internal/decision"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/resource"
	"kith/internal/resource/form"
	"kith/internal/state"
	"kith/internal/sys"
)

// kinship decides and explains who is who.
type kinship struct{ app *App }

var _ api.Identity = kinship{}

// decidedIn is how long a decision waits until it is folded: then the next one is
// held against it. It stands whether it was waited for or not.
const decidedIn = 5 * time.Second

// Decide implements api.Identity.
func (k kinship) Decide(ctx context.Context, d decision.Decision) (string, error) {
	a := k.app
	a.deciding.Lock()
	defer a.deciding.Unlock()
	err := k.view(ctx, func(r state.Reader) error {
		if err := k.resolve(ctx, r, &d); err != nil {
			return err
		}
		return k.admit(ctx, r, &d)
	})
	if err != nil {
		return "", err
	}
	return k.record(ctx, d)
}

// view reads the state as it is now.
func (k kinship) view(ctx context.Context, read func(state.Reader) error) error {
	snap, err := k.app.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	return read(snap)
}

// record gives a decision its id and moment and writes it into the log.
func (k kinship) record(ctx context.Context, d decision.Decision) (string, error) {
	a := k.app
	d.At = sys.Millis(a.cfg.Clock.Now())
	var err error
	if d.ID, err = resource.NewID("dec_", d.At, a.cfg.Rand); err != nil {
		return "", err
	}
	rec, err := d.Record()
	if err != nil {
		return "", err
	}
	at, err := a.log.Append(ctx, []eventlog.Entry{{Data: rec.AppendTo(nil)}})
	if err != nil {
		return "", err
	}
	switch {
	case a.url == "":
		err = a.live.Load().runner.Drain(ctx) // nobody else folds
	case a.cfg.plays(RolePipeline):
		ctx, stop := context.WithTimeout(ctx, decidedIn)
		defer stop()
		if err = a.live.Load().runner.AwaitFolded(ctx, at[0]); errs.Is(err, errs.Unavailable) {
			err = nil
		}
	}
	return d.ID, err
}

// named lists the places of a decision's identifiers in its body.
func named(d *decision.Decision) (values []*decision.Value, at []string) {
	if d.Kind == decision.Merge {
		return []*decision.Value{d.A, d.B}, []string{"/a", "/b"}
	}
	for side, list := range [...][]decision.Value{d.Left, d.Right} {
		for i := range list {
			values = append(values, &list[i])
			at = append(at, [...]string{"/left/", "/right/"}[side]+strconv.Itoa(i))
		}
	}
	return values, at
}

// resolve puts the identifier in place of a profile id, and refuses what cannot be
// an identifier.
func (k kinship) resolve(ctx context.Context, r state.Reader, d *decision.Decision) error {
	rules := k.app.live.Load().rules
	values, at := named(d)
	for i, v := range values {
		if v.Type == profile.ProfileIDType {
			id, err := identifierOf(ctx, r, v.Value, at[i])
			if err != nil {
				return err
			}
			*v = decision.Value{Type: id.Type, Value: id.Value}
		}
		if strings.Contains(v.Type, ":") || v.Type == "group_id" {
			return form.Refuse(errs.Invalid, "decision.type", at[i]+"/type", "accounts are not people; name an identifier of a person")
		}
		if _, reason := rules.Normalize(v.Type, v.Value, ""); reason != identity.Usable {
			return form.Refuse(errs.Invalid, "decision.identifier", at[i]+"/value", "this value identifies nobody: "+string(reason))
		}
	}
	return nil
}

// identifierOf returns what a profile id stands for.
func identifierOf(ctx context.Context, r state.Reader, id, at string) (identity.Identifier, error) {
	unknown := form.Refuse(errs.Invalid, "decision.identifier", at+"/value", "no profile has this id")
	node, ok := identity.ParseNodeID(id)
	if !ok {
		return identity.Identifier{}, unknown
	}
	values, err := r.Get(ctx, [][]byte{identity.IdentifierRow(node)})
	if err != nil {
		return identity.Identifier{}, err
	}
	if values[0] == nil {
		return identity.Identifier{}, unknown
	}
	return identity.DecodeIdentifier(values[0])
}

// admit refuses a decision that another one stands against, or that says of one
// identifier that it is or is not itself.
func (k kinship) admit(ctx context.Context, r state.Reader, d *decision.Decision) error {
	if d.Kind != decision.Merge && d.Kind != decision.Split {
		return nil
	}
	rulings, ids := d.Rulings(k.app.live.Load().rules, k.app.ws.Keyring())
	pairs := 1
	if d.Kind == decision.Split {
		pairs = sides(d, k.app.live.Load().rules)
	}
	if len(rulings) < pairs || len(ids) < 2 {
		at := map[decision.Kind]string{decision.Merge: "/b", decision.Split: "/right"}[d.Kind]
		return form.Refuse(errs.Invalid, decision.CodeSame, at, "the same identifier stands on both sides")
	}
	against, err := decision.Conflict(ctx, r, rulings)
	if err != nil || len(against) == 0 {
		return err
	}
	list := strings.Join(against[:min(len(against), 10)], ", ")
	if d.Kind == decision.Merge {
		return form.Refuse(errs.Conflict, "decision.split_stands", "/b", "the split "+list+" keeps them apart; revoke it first")
	}
	return form.Refuse(errs.Conflict, "decision.merge_stands", "/right", "the merge "+list+" makes them one; revoke it first")
}

// sides counts the pairs of a split, each identifier of a side once.
func sides(d *decision.Decision, rules *identity.Config) int {
	count := func(list []decision.Value) int {
		set := map[identity.Identifier]bool{}
		for _, v := range list {
			id, _ := rules.Normalize(v.Type, v.Value, "")
			set[id] = true
		}
		return len(set)
	}
	return count(d.Left) * count(d.Right)
}

// Revoke implements api.Identity. Revoking once more does nothing.
func (k kinship) Revoke(ctx context.Context, id, by, reason string) error {
	k.app.deciding.Lock()
	defer k.app.deciding.Unlock()
	row, err := k.Decision(ctx, id)
	if err != nil {
		return err
	}
	if len(row.Revocations) > 0 {
		return nil
	}
	if len(reason) > decision.TextMax {
		return errs.New(errs.Invalid, "decision.reason", "a reason may have %d bytes", decision.TextMax)
	}
	_, err = k.record(ctx, decision.Decision{Kind: decision.Revoke, Target: id, By: by, Reason: reason})
	return err
}

// listed reports whether a row is a decision in its own right.
func listed(r *decision.Row) bool { return r.Told && r.Decision.Kind != decision.Revoke }

// Decision implements api.Identity.
func (k kinship) Decision(ctx context.Context, id string) (row decision.Row, err error) {
	err = k.view(ctx, func(r state.Reader) error {
		if row, err = decision.Get(ctx, r, id); err == nil && !listed(&row) {
			err = errs.New(errs.NotFound, "decision.not_found", "there is no decision of that id")
		}
		return err
	})
	return row, err
}

// Decisions implements api.Identity.
func (k kinship) Decisions(ctx context.Context, before string, limit int) (rows []decision.Row, more bool, err error) {
	err = k.view(ctx, func(r state.Reader) error {
		rows, more, err = decision.List(ctx, r, before, limit, listed)
		return err
	})
	return rows, more, err
}
