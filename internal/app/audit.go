package app

import (
	"cmp"
	"context"
	"slices"

	"kith/internal/api"
	"kith/internal/decision"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/identity"
	"kith/internal/journal"
	"kith/internal/profile"
	"kith/internal/record"
	"kith/internal/state"
)

// auditedMax bounds the decisions that are looked through for those about one
// person.
const auditedMax = 100_000

// Audit implements api.Auditor.
func (k kinship) Audit(ctx context.Context, ref profile.Ref, upTo int64, limit int) (out []api.AuditEntry, err error) {
	l := k.app.live.Load()
	err = k.view(ctx, func(r state.Reader) error {
		node, err := l.reader.Node(ref)
		if err != nil {
			return err
		}
		if _, err := l.reader.Leader(ctx, r, node); err != nil {
			return err
		}
		cluster, err := identity.NewClusters(r).Of(ctx, node)
		if err != nil {
			return err
		}
		entries, err := journal.Read(ctx, r, cluster.Nodes, &journal.Entry{At: upTo + 1}, limit)
		if err != nil {
			return err
		}
		for i := range entries {
			e, err := k.journalled(ctx, r, &entries[i])
			if err != nil {
				return err
			}
			out = append(out, e)
		}
		decided, err := k.decidedAbout(ctx, r, l, cluster.Nodes, upTo)
		out = append(out, decided...)
		return err
	})
	slices.SortStableFunc(out, func(a, b api.AuditEntry) int { return cmp.Compare(b.At, a.At) })
	return out[:min(len(out), limit)], err
}

// journalled tells an entry of the journal with names and its cause.
func (k kinship) journalled(ctx context.Context, r state.Reader, e *journal.Entry) (api.AuditEntry, error) {
	out := api.AuditEntry{At: e.At, Kind: e.Kind.String(), From: e.From, To: e.To, Count: e.Count}
	keys := make([][]byte, len(e.Nodes))
	for i, n := range e.Nodes {
		keys[i] = identity.IdentifierRow(n)
	}
	values, err := r.Get(ctx, keys)
	if err != nil {
		return out, err
	}
	for _, v := range values {
		if v == nil {
			continue
		}
		id, err := identity.DecodeIdentifier(v)
		if err != nil {
			return out, err
		}
		out.Identifiers = append(out.Identifiers, id)
	}
	return out, k.cause(ctx, e.Cause, &out)
}

// cause fills in which record an entry goes back to. One that the log does not hold
// any more is left out.
func (k kinship) cause(ctx context.Context, at eventlog.Position, out *api.AuditEntry) error {
	rec, err := profile.ReadRecord(ctx, k.app.log, at)
	if errs.Is(err, errs.Corrupt) || errs.Is(err, errs.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if rec.Kind == record.Decision {
		out.DecisionID = rec.Stamp.MessageID
		if d, err := decision.Read(&rec); err == nil && d.Kind == decision.Revoke {
			out.DecisionID = d.Target
		}
		return nil
	}
	out.Source, out.MessageID = rec.Stamp.Source, rec.Stamp.MessageID
	return nil
}

// decidedAbout lists the decisions that name one of the nodes, and their
// revocations.
func (k kinship) decidedAbout(ctx context.Context, r state.Reader, l *live, nodes []identity.NodeID, upTo int64) ([]api.AuditEntry, error) {
	rows, _, err := decision.List(ctx, r, "", auditedMax, func(row *decision.Row) bool {
		if !listed(row) {
			return false
		}
		_, ids := row.Decision.Rulings(l.rules, k.app.ws.Keyring())
		return slices.ContainsFunc(nodes, func(n identity.NodeID) bool { _, ok := ids[n]; return ok })
	})
	var out []api.AuditEntry
	for i := range rows {
		row := &rows[i]
		if row.Decision.At <= upTo {
			out = append(out, api.AuditEntry{At: row.Decision.At, Kind: "decided", DecisionID: row.ID, Decision: row})
		}
		for _, v := range row.Revocations {
			if v.At <= upTo {
				out = append(out, api.AuditEntry{At: v.At, Kind: "revoked", DecisionID: row.ID, Decision: row})
			}
		}
	}
	return out, err
}
