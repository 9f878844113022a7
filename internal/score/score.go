// Package score works out the traits that depend on everybody: when a definition is
// new, once a day, and when somebody asks for it. What comes out is records in the
// log, so that it is state like everything else; see internal/entity for what they
// mean.
package score

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"kith/event"
	"kith/internal/entity"
	"kith/internal/errs"
	"kith/internal/eventlog"
	"kith/internal/expr"
	"kith/internal/identity"
	"kith/internal/job"
	"kith/internal/membership"
	"kith/internal/record"
	"kith/internal/segment"
	"kith/internal/state"
	"kith/internal/sys"
	"kith/internal/trait"
)

// Config is what a Scorer works with. Everything is needed.
type Config struct {
	State  state.Store
	Jobs   *job.Jobs
	Clock  sys.Clock
	Keys   *identity.Keyring
	Rules  func() *identity.Config   // of today
	Engine func() *membership.Engine // asks everybody

	// Today returns today's definitions, and Document what a trait of theirs says.
	Today    func() *segment.Set
	Document func(ctx context.Context, key string) (json.RawMessage, error)
	// Append makes records durable.
	Append func(ctx context.Context, entries ...eventlog.Entry) error
	// ReceivedAt is the moment of receipt of what is accepted now, UTC milliseconds.
	ReceivedAt func() int64
	// Partition is the partition of what concerns an identifier.
	Partition func(identity.Identifier) int32
	// Failed is told when a pass that was due has failed; it will be tried again.
	Failed func(error)
}

// Scorer works out traits. It is safe for concurrent use.
type Scorer struct {
	cfg Config
	one sync.Mutex // held while a pass is made
}

// New returns a Scorer.
func New(cfg Config) *Scorer { return &Scorer{cfg: cfg} }

// KindRefresh is the kind of the jobs that work out a trait for everybody.
const KindRefresh = "trait.refresh"

// Source is the source of the records.
const Source = "scores"

const (
	refreshLook = 5 * time.Second    // how often it is looked whether one is due
	refreshWait = time.Minute        // after one that has failed
	forEver     = math.MaxInt64 >> 1 // a pass has no budget
	batchMax    = 1000               // people that are looked at side by side
	dayMillis   = 24 * 60 * 60 * 1000
)

// Refresh starts a pass and returns its job. The error is of kind Conflict when the
// trait is none that depends on everybody.
func (s *Scorer) Refresh(ctx context.Context, key string) (job.Job, error) {
	j, _, err := s.begin(ctx, key)
	return j, err
}

// begin starts a pass; ended is closed when it is over.
func (s *Scorer) begin(ctx context.Context, key string) (j job.Job, ended chan error, err error) {
	if d := s.cfg.Today().Trait(key); d == nil || d.Key != key || d.RFM == nil {
		return j, nil, errs.New(errs.Conflict, "trait.not_refreshed", "the value of this trait is always up to date; only those of type rfm are worked out now and then")
	}
	id, err := s.cfg.Jobs.NewID()
	if err != nil {
		return j, nil, err
	}
	params, err := json.Marshal(map[string]string{"trait": key})
	if err != nil {
		return j, nil, errs.Wrap(err, errs.Internal, "trait.encode", "a job could not be written down")
	}
	ended = make(chan error, 1)
	j, err = s.cfg.Jobs.StartAs(ctx, id, KindRefresh, params, func(ctx context.Context, report func(job.Progress)) (json.RawMessage, error) {
		s.one.Lock()
		defer s.one.Unlock()
		result, err := (&pass{s: s, key: key, run: id, report: report}).make(ctx)
		ended <- err
		return result, err
	})
	return j, ended, err
}

// Run makes the passes that are due until ctx ends.
func (s *Scorer) Run(ctx context.Context) {
	for ctx.Err() == nil {
		wait := refreshLook
		if err := s.CatchUp(ctx, true); err != nil && ctx.Err() == nil {
			s.cfg.Failed(err)
			wait = refreshWait
		}
		select {
		case <-ctx.Done():
		case <-s.cfg.Clock.After(wait):
		}
	}
}

// CatchUp makes the passes that are due, daily ones only if asked, and returns when
// they have ended.
func (s *Scorer) CatchUp(ctx context.Context, daily bool) error {
	keys, err := s.Due(ctx, daily)
	for i := 0; i < len(keys) && err == nil; i++ {
		var ended chan error
		if _, ended, err = s.begin(ctx, keys[i]); err != nil {
			break
		}
		select {
		case <-ctx.Done():
			return errs.Wrap(ctx.Err(), errs.Unavailable, "flush.timeout", "a trait was not worked out for everybody in time")
		case err = <-ended:
		}
	}
	return err
}

// Due returns the traits of which there is no pass of today's definition, or none
// of today.
func (s *Scorer) Due(ctx context.Context, daily bool) (keys []string, err error) {
	now := sys.Millis(s.cfg.Clock.Now())
	for _, d := range s.cfg.Today().Traits() {
		if d.RFM == nil {
			continue
		}
		definition, err := s.definition(ctx, d.Key)
		if err != nil {
			return nil, err
		}
		err = s.view(ctx, func(r state.Reader) error {
			row, err := entity.Get(ctx, r, entity.ScoreOf(d.Key), entity.Replaced)
			if err != nil {
				return err
			}
			if row == nil || string(row.Get("definition")) != definition || daily && row.UpdatedAt()/dayMillis < now/dayMillis {
				keys = append(keys, d.Key)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// definition stands for what a trait says today: a JSON string.
func (s *Scorer) definition(ctx context.Context, key string) (string, error) {
	text, err := s.cfg.Document(ctx, key)
	sum := sha256.Sum256(text)
	return `"` + hex.EncodeToString(sum[:8]) + `"`, err
}

// view hands a snapshot to a question.
func (s *Scorer) view(ctx context.Context, ask func(state.Reader) error) error {
	snap, err := s.cfg.State.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	return ask(snap)
}

// pass is one time that a trait is worked out for everybody.
type pass struct {
	s        *Scorer
	key, run string
	report   func(job.Progress)

	asOf      int64
	customers []identity.NodeID // the profiles, ascending
	bought    []trait.Purchases
	ranks     []trait.Scores // nil: they are too few to be ranked
	progress  job.Progress
	written   int64
	number    int64 // of the last record
	entries   []eventlog.Entry
}

// make asks everybody what they have bought, ranks them, and writes what has
// changed since the last pass.
func (p *pass) make(ctx context.Context) (json.RawMessage, error) {
	definition, err := p.s.definition(ctx, p.key)
	if err != nil {
		return nil, err
	}
	if err := p.ask(ctx); err != nil {
		return nil, err
	}
	status := "insufficient_data"
	if len(p.customers) >= trait.CustomersMin {
		p.ranks, status = trait.Rank(p.bought, time.UTC), "ok"
	}
	p.progress.Total = int64(len(p.customers))
	for first := 0; first < len(p.customers); first += batchMax {
		if err := p.write(ctx, first, min(first+batchMax, len(p.customers))); err != nil {
			return nil, err
		}
	}
	if err := p.withdraw(ctx); err != nil {
		return nil, err
	}
	attributes := fmt.Sprintf(`"as_of":%q,"customers":%d,"definition":%s,"status":%q`, event.FormatTime(p.asOf), len(p.customers), definition, status)
	body := entity.PassBody(p.key, p.run, attributes)
	p.add(&body)
	if err := p.append(ctx); err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"as_of": event.FormatTime(p.asOf), "customers": len(p.customers), "changed": p.written, "status": status})
}

func (p *pass) ask(ctx context.Context) error {
	d := p.s.cfg.Today().Trait(p.key)
	if d == nil || d.RFM == nil {
		return errs.New(errs.Conflict, "trait.gone", "the trait was removed")
	}
	set := segment.NewSet().WithTrait(d)
	asked, err := p.s.cfg.Engine().Everybody(ctx, set, expr.Profile, nil, forEver, func(id identity.NodeID, a *segment.Answers) {
		if bought, ok := a.Purchases(d); ok {
			p.customers, p.bought = append(p.customers, id), append(p.bought, bought)
		}
	})
	p.asOf = asked.AsOf
	return err
}

// write writes the scores of some customers, unless they are what is stored.
func (p *pass) write(ctx context.Context, first, last int) error {
	err := p.s.view(ctx, func(r state.Reader) error {
		clusters := identity.NewClusters(r)
		ids := p.customers[first:last]
		if err := clusters.Load(ctx, ids); err != nil {
			return err
		}
		for i := range ids {
			c, err := clusters.Of(ctx, ids[i])
			if err != nil {
				return err
			}
			score, _, err := entity.Scored(ctx, r, p.key, c.Nodes, math.MaxInt64)
			if err != nil {
				return err
			}
			shown, written := p.attributes(first + i)
			if score != nil && string(score.AppendScore(nil)) == shown {
				continue
			}
			if err := p.writeOne(ctx, r, ids[i], written); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.progress.Accepted = int64(last)
	p.report(p.progress)
	return p.append(ctx)
}

// attributes are those of a customer's score in the order of their names: as they
// show, and as they are written.
func (p *pass) attributes(i int) (shown, written string) {
	b := &p.bought[i]
	if p.ranks == nil {
		shown = fmt.Sprintf(`"last_order_at":%q,"orders":%d,"spent":%s`, event.FormatTime(b.Last), b.Orders, b.Spent)
		return shown, shown + `,"frequency":null,"monetary":null,"recency":null,"score":null`
	}
	s := p.ranks[i]
	shown = fmt.Sprintf(`"frequency":%d,"last_order_at":%q,"monetary":%d,"orders":%d,"recency":%d,"score":"%d%d%d","spent":%s`,
		s.Frequency, event.FormatTime(b.Last), s.Monetary, b.Orders, s.Recency, s.Recency, s.Frequency, s.Monetary, b.Spent)
	return shown, shown
}

func (p *pass) writeOne(ctx context.Context, r state.Reader, node identity.NodeID, attributes string) error {
	values, err := r.Get(ctx, [][]byte{identity.IdentifierRow(node)})
	if err != nil {
		return err
	}
	id, err := identity.DecodeIdentifier(values[0])
	if err != nil {
		return err
	}
	body := entity.ScoreBody(p.key, p.run, id, attributes)
	p.add(&body)
	p.written++
	return nil
}

// withdraw takes away the scores of those who are no customers any more.
func (p *pass) withdraw(ctx context.Context) error {
	scoreEntity := entity.ScoreOf(p.key)
	d, rules, keyring := (*entity.Config)(nil).Definition(scoreEntity), p.s.cfg.Rules(), p.s.cfg.Keys
	for after, more := "", true; more; {
		err := p.s.view(ctx, func(r state.Reader) error {
			rows, next, err := entity.List(ctx, r, scoreEntity, after, batchMax)
			if err != nil {
				return err
			}
			more = next
			clusters := identity.NewClusters(r)
			for _, row := range rows {
				after = row.Key
				id, ok := d.Owner(row.Row, rules)
				if !ok {
					continue
				}
				leader, err := clusters.Leader(ctx, keyring.Node(id))
				if err != nil {
					return err
				}
				_, customer := slices.BinarySearchFunc(p.customers, leader, func(a, b identity.NodeID) int { return bytes.Compare(a[:], b[:]) })
				if customer {
					continue
				}
				body := entity.ScoreBody(p.key, p.run, id, "")
				p.add(&body)
				p.written++
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := p.append(ctx); err != nil {
			return err
		}
	}
	return nil
}

// add puts a record of the pass beside those that are to be appended.
func (p *pass) add(body *entity.Body) {
	p.number++
	rec := record.Record{
		Kind: record.Row, Body: body.AppendTo(nil),
		Stamp: event.Stamp{
			Source: Source, MessageID: fmt.Sprintf("%s-%09d", p.run, p.number),
			ReceivedAt: p.s.cfg.ReceivedAt(), Timestamp: p.asOf,
		},
	}
	partition := p.s.cfg.Partition(entity.Identifier(body.Entity, entity.Replaced))
	p.entries = append(p.entries, eventlog.Entry{Partition: partition, Data: rec.AppendTo(nil)})
}

func (p *pass) append(ctx context.Context) error {
	if len(p.entries) == 0 {
		return nil
	}
	entries := p.entries
	p.entries = nil
	return p.s.cfg.Append(ctx, entries...)
}
