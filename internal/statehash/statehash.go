// Package statehash computes one number that stands for the whole derived state:
// two workspaces that were given the same set of records under the same
// configuration have the same hash, whatever the order, the batches, the number
// of partitions or the engine.
//
// Each logical row is written as canonical JSON (RFC 8785 with exact numbers),
// hashed with SHA-256, and the hashes are summed modulo 2^256, which makes the
// order of rows irrelevant. docs/adr/0009 lists the rows.
package statehash

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/bits"
	"slices"
	"sort"
	"strconv"

	"kith/internal/consent"
	"kith/internal/entity"
	"kith/internal/errs"
	"kith/internal/history"
	"kith/internal/identity"
	"kith/internal/profile"
	"kith/internal/state"
	"kith/internal/strictjson"
)

// Sum is a number modulo 2^256, big endian.
type Sum [32]byte

// String writes the sum as 64 hexadecimal digits.
func (s Sum) String() string { return hex.EncodeToString(s[:]) }

// add adds the hash of one row.
func (s *Sum) add(row []byte) {
	h := sha256.Sum256(row)
	var carry uint64
	for i := 24; i >= 0; i -= 8 {
		a, b := binary.BigEndian.Uint64(s[i:]), binary.BigEndian.Uint64(h[i:])
		var sum uint64
		sum, carry = bits.Add64(a, b, carry)
		binary.BigEndian.PutUint64(s[i:], sum)
	}
}

// The families of rows.
const (
	Identifiers   = "identifiers"
	Links         = "links"
	Traits        = "traits"
	AccountTraits = "account_traits"
	Memberships   = "memberships"
	Consents      = "consents"
	EntityRows    = "entity_rows"
)

// Hash is the sum over all rows and over each family's.
type Hash struct {
	Total    Sum
	Families map[string]Sum
	Rows     map[string]int
	// Lines are the rows themselves, sorted: what differs between two states whose
	// hashes differ. Only Contents.Explain fills it.
	Lines []string
}

// Add adds a canonical row of a family that others compute.
func (h *Hash) Add(family string, row []byte) {
	s := h.Families[family]
	s.add(row)
	h.Families[family] = s
	h.Total.add(row)
	h.Rows[family]++
}

// Contents is the derived state in the form that is hashed. Every node of the
// observations is named in IDs, and so is every account.
type Contents struct {
	IDs          map[identity.NodeID]identity.Identifier
	Observations []*identity.Observation
	Rulings      []identity.Ruling                   // what operators say of their nodes
	Writes       map[identity.NodeID][]profile.Write // the last writes, of persons' nodes and accounts
	Said         map[identity.NodeID][]profile.Write // all writes of a person's node of traits that have a policy
	Accounts     map[identity.NodeID][]string        // by person's node: the accounts that its group calls named
	Consents     map[identity.NodeID][]Consent       // by node: what counts of what was said
	Rows         []Row                               // of entities; those that are there
}

// Consent is what counts at one node for one purpose and channel.
type Consent struct {
	consent.Key
	State consent.State
}

// Row is a row of an entity and whose it is.
type Row struct {
	Entity, Key string
	Attributes  map[string]entity.Attribute // without removed ones
	Owner       *identity.Identifier        // nil: nobody's
}

// Of reads the contents of a state at one moment and hashes them.
func Of(ctx context.Context, s state.Snapshot, index history.Index, cfg *identity.Config) (Hash, error) {
	c, err := Read(ctx, s, index)
	if err != nil {
		return Hash{}, err
	}
	if err := c.ReadSaid(ctx, s, index, cfg); err != nil {
		return Hash{}, err
	}
	return c.Hash(cfg), nil
}

// ReadSaid adds what policies choose from to the contents, where there are any.
func (c *Contents) ReadSaid(ctx context.Context, s state.Snapshot, index history.Index, cfg *identity.Config) error {
	c.Said = map[identity.NodeID][]profile.Write{}
	if len(cfg.Survivorship) == 0 {
		return nil
	}
	for n := range c.Writes {
		said, err := profile.Said(ctx, s, index, cfg, []identity.NodeID{n}, math.MaxInt64)
		if err != nil {
			return err
		}
		c.Said[n] = said
	}
	return nil
}

// Read collects the contents of a state.
func Read(ctx context.Context, s state.Snapshot, index history.Index) (*Contents, error) {
	c := &Contents{
		IDs: map[identity.NodeID]identity.Identifier{}, Writes: map[identity.NodeID][]profile.Write{},
		Accounts: map[identity.NodeID][]string{},
	}
	if err := c.readIDs(ctx, s); err != nil {
		return nil, err
	}
	if err := c.readObservations(ctx, s); err != nil {
		return nil, err
	}
	if err := c.readRulings(ctx, s); err != nil {
		return nil, err
	}
	if err := c.readWrites(ctx, s); err != nil {
		return nil, err
	}
	if err := c.readConsents(ctx, s); err != nil {
		return nil, err
	}
	if err := c.readRows(ctx, s); err != nil {
		return nil, err
	}
	return c, c.readAccounts(ctx, s, index)
}

// accountsTogether is how many nodes are asked for their accounts at a time.
const accountsTogether = 512

// readAccounts reads the accounts of all nodes. Asked one by one, each would be a way
// to where the history lies.
func (c *Contents) readAccounts(ctx context.Context, s state.Snapshot, index history.Index) error {
	var homes []identity.NodeID
	for _, o := range c.Observations {
		if _, there := c.Accounts[o.Home]; !there {
			c.Accounts[o.Home] = nil
			homes = append(homes, o.Home)
		}
	}
	for some := range slices.Chunk(homes, accountsTogether) {
		ahead, err := profile.AccountsAhead(ctx, s, some)
		if err != nil {
			return err
		}
		for _, n := range some {
			if c.Accounts[n], err = profile.Accounts(ctx, ahead, index, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// each hands over the rows of a family.
func each(ctx context.Context, s state.Snapshot, f state.Family, row func(k, v []byte) error) error {
	for kv, err := range s.Scan(ctx, state.Prefix([]byte{byte(f)})) {
		if err != nil {
			return err
		}
		if err := row(kv.Key, kv.Value); err != nil {
			return err
		}
	}
	return nil
}

func (c *Contents) readIDs(ctx context.Context, s state.Snapshot) error {
	return each(ctx, s, state.FamilyIdentifier, func(k, v []byte) error {
		id, err := identity.DecodeIdentifier(v)
		c.IDs[identity.NodeID(k[1:17])] = id
		return err
	})
}

func (c *Contents) readObservations(ctx context.Context, s state.Snapshot) error {
	return each(ctx, s, state.FamilyObservation, func(k, v []byte) error {
		o, err := identity.DecodeObservation(identity.NodeID(k[1:17]), v)
		c.Observations = append(c.Observations, o)
		return err
	})
}

// readRulings reads of the two rows of each ruling the one below its first node.
func (c *Contents) readRulings(ctx context.Context, s state.Snapshot) error {
	return each(ctx, s, state.FamilyRuling, func(k, v []byte) error {
		r, err := identity.DecodeRuling(k, v)
		if err == nil && r.A == identity.NodeID(k[1:17]) {
			c.Rulings = append(c.Rulings, r)
		}
		return err
	})
}

// Derive computes the clusters.
func (c *Contents) Derive(cfg *identity.Config) identity.Partition {
	return identity.Derive(c.Observations, c.IDs, cfg, c.Rulings...)
}

func (c *Contents) readWrites(ctx context.Context, s state.Snapshot) error {
	return each(ctx, s, state.FamilyTrait, func(k, v []byte) error {
		w, err := profile.DecodeWrite(v)
		node := identity.NodeID(k[1:17])
		c.Writes[node] = append(c.Writes[node], w)
		return err
	})
}

func (c *Contents) readConsents(ctx context.Context, s state.Snapshot) error {
	c.Consents = map[identity.NodeID][]Consent{}
	return each(ctx, s, state.FamilyConsent, func(k, v []byte) error {
		node, purpose, channel, _ := consent.CutRegisterRow(k)
		r, err := consent.DecodeRegister(v)
		if err == nil {
			c.Consents[node] = append(c.Consents[node], Consent{consent.Key{Purpose: purpose, Channel: channel}, r.Outcome().State})
		}
		return err
	})
}

func (c *Contents) readRows(ctx context.Context, s state.Snapshot) error {
	owners := map[[2]string]*identity.Identifier{}
	err := each(ctx, s, state.FamilyOwned, func(k, v []byte) error {
		name, key, ok := state.CutText(k[17:])
		id, err := identity.DecodeIdentifier(v)
		if err != nil || !ok {
			return errs.New(errs.Corrupt, "statehash.owned", "a reference to a row of an entity cannot be read")
		}
		owners[[2]string{name, string(key)}] = &id
		return nil
	})
	if err != nil {
		return err
	}
	return each(ctx, s, state.FamilyEntity, func(k, v []byte) error {
		name, key, _ := entity.CutRowKey(k)
		row, err := entity.DecodeRow(v)
		if err != nil || !row.Exists() {
			return err
		}
		out := Row{Entity: name, Key: key, Attributes: map[string]entity.Attribute{}, Owner: owners[[2]string{name, key}]}
		for attribute, a := range row.Attributes() {
			out.Attributes[attribute] = a
		}
		c.Rows = append(c.Rows, out)
		return nil
	})
}

// Hash derives the clusters and sums the rows.
func (c *Contents) Hash(cfg *identity.Config) Hash { return c.hash(cfg, false) }

// Explain is Hash with the rows kept. It is for tests and support: rows hold
// personal data.
func (c *Contents) Explain(cfg *identity.Config) Hash {
	h := c.hash(cfg, true)
	sort.Strings(h.Lines)
	return h
}

// owner is the node whose profile has what happened to a node.
func (c *Contents) owner(cfg *identity.Config, n, leader identity.NodeID) identity.NodeID {
	if cfg.Follows(c.IDs[n], c.IDs[leader]) {
		return leader
	}
	return n
}

func (c *Contents) hash(cfg *identity.Config, keep bool) Hash {
	h := hasher{keep: keep, out: Hash{Families: map[string]Sum{}, Rows: map[string]int{}}, ids: c.IDs}
	for _, f := range []string{Identifiers, Links, Traits, AccountTraits, Memberships, Consents, EntityRows} {
		h.out.Families[f] = Sum{}
	}
	part := c.Derive(cfg)
	h.identifiers(c.Observations, part.Leader)
	for _, l := range part.Links {
		h.link(&l)
	}
	byLeader, said := map[identity.NodeID][][]profile.Write{}, map[identity.NodeID][]profile.Write{}
	members := map[identity.NodeID]map[string]bool{}
	for n, writes := range c.Writes {
		if leader, ok := part.Leader[n]; ok {
			leader = c.owner(cfg, n, leader)
			byLeader[leader] = append(byLeader[leader], writes)
			said[leader] = append(said[leader], c.Said[n]...)
		} else if c.IDs[n].Type == profile.AccountType {
			h.traits(AccountTraits, n, profile.Combine(writes))
		}
	}
	for leader, writes := range byLeader {
		traits := profile.Combine(writes...)
		profile.Override(cfg, traits, said[leader])
		h.traits(Traits, leader, traits)
	}
	for n, accounts := range c.Accounts {
		leader := c.owner(cfg, n, part.Leader[n])
		for _, a := range accounts {
			if members[leader] == nil {
				members[leader] = map[string]bool{}
			}
			if !members[leader][a] {
				members[leader][a] = true
				h.membership(leader, a)
			}
		}
	}
	for i := range c.Rows {
		h.row(&c.Rows[i])
	}
	for n, all := range c.Consents {
		for i := range all {
			h.consent(n, &all[i])
		}
	}
	return h.out
}

// hasher writes rows. Keys of each object stand in the order RFC 8785 asks for.
type hasher struct {
	out  Hash
	ids  map[identity.NodeID]identity.Identifier
	buf  []byte
	keep bool
}

func (h *hasher) emit(family string) {
	if h.keep {
		h.out.Lines = append(h.out.Lines, string(h.buf))
	}
	s := h.out.Families[family]
	s.add(h.buf)
	h.out.Families[family] = s
	h.out.Total.add(h.buf)
	h.out.Rows[family]++
	h.buf = h.buf[:0]
}

func (h *hasher) text(s string) { h.buf = append(h.buf, s...) }

func (h *hasher) string(s string) { h.buf = strictjson.AppendString(h.buf, s) }

// node writes {"type":…,"value":…}.
func (h *hasher) node(n identity.NodeID) {
	id := h.ids[n]
	h.text(`{"type":`)
	h.string(id.Type)
	h.text(`,"value":`)
	h.string(id.Value)
	h.text(`}`)
}

func (h *hasher) time(ms int64) { h.buf = strconv.AppendInt(h.buf, ms, 10) }

func (h *hasher) identifiers(observations []*identity.Observation, leader map[identity.NodeID]identity.NodeID) {
	type span struct{ first, last int64 }
	spans := map[identity.NodeID]span{}
	for _, o := range observations {
		for _, n := range o.Nodes {
			s, ok := spans[n]
			if !ok {
				s = span{o.First, o.Last}
			}
			spans[n] = span{min(s.first, o.First), max(s.last, o.Last)}
		}
	}
	for n, s := range spans {
		id := h.ids[n]
		h.text(`{"family":"identifier","first_seen":`)
		h.time(s.first)
		h.text(`,"last_seen":`)
		h.time(s.last)
		h.text(`,"leader":`)
		h.node(leader[n])
		h.text(`,"type":`)
		h.string(id.Type)
		h.text(`,"value":`)
		h.string(id.Value)
		h.text(`}`)
		h.emit(Identifiers)
	}
}

// link writes the ends in the order of type and value, so that the row does not
// depend on the key that node ids are made with.
func (h *hasher) link(l *identity.Link) {
	a, b := l.A, l.B
	ia, ib := h.ids[a], h.ids[b]
	if ia.Type > ib.Type || ia.Type == ib.Type && ia.Value > ib.Value {
		a, b = b, a
	}
	h.text(`{"a":`)
	h.node(a)
	h.text(`,"b":`)
	h.node(b)
	h.text(`,"family":"link","verdict":`)
	h.string(string(l.Verdict))
	h.text(`}`)
	h.emit(Links)
}

func (h *hasher) traits(family string, leader identity.NodeID, writes map[string]profile.Write) {
	for key, w := range writes {
		if w.Removes() {
			continue
		}
		h.text(`{"family":`)
		h.string(family)
		h.text(`,"key":`)
		h.string(key)
		h.text(`,"leader":`)
		h.node(leader)
		h.text(`,"source":`)
		h.string(w.Source)
		h.text(`,"timestamp":`)
		h.time(w.Timestamp)
		h.text(`,"value":`)
		h.buf = appendCanonical(h.buf, w.Value)
		h.text(`}`)
		h.emit(family)
	}
}

func (h *hasher) membership(leader identity.NodeID, account string) {
	h.text(`{"account":`)
	h.string(account)
	h.text(`,"family":"membership","leader":`)
	h.node(leader)
	h.text(`}`)
	h.emit(Memberships)
}

// consent stands at its node and not at a leader: what a person has agreed to
// follows from the nodes, and a split gives each its own back.
func (h *hasher) consent(n identity.NodeID, c *Consent) {
	h.text(`{"channel":`)
	h.string(c.Channel)
	h.text(`,"family":"consent","node":`)
	h.node(n)
	h.text(`,"purpose":`)
	h.string(c.Purpose)
	h.text(`,"state":`)
	h.string(c.State.String())
	h.text(`}`)
	h.emit(Consents)
}

// row writes an attribute a line, and one for whose the row is. An owner need not
// be known to any event.
func (h *hasher) row(r *Row) {
	for name, a := range r.Attributes {
		if a.Removed() {
			continue
		}
		h.text(`{"attribute":`)
		h.string(name)
		h.text(`,"entity":`)
		h.string(r.Entity)
		h.text(`,"family":"entity_row","key":`)
		h.string(r.Key)
		h.text(`,"source":`)
		h.string(a.Source)
		h.text(`,"timestamp":`)
		h.time(a.Timestamp)
		h.text(`,"value":`)
		h.buf = appendCanonical(h.buf, a.Value)
		h.text(`}`)
		h.emit(EntityRows)
	}
	h.text(`{"entity":`)
	h.string(r.Entity)
	h.text(`,"family":"entity_owner","key":`)
	h.string(r.Key)
	if r.Owner != nil {
		h.text(`,"type":`)
		h.string(r.Owner.Type)
		h.text(`,"value":`)
		h.string(r.Owner.Value)
	}
	h.text(`}`)
	h.emit(EntityRows)
}

// appendCanonical appends a stored value, which is always valid JSON.
func appendCanonical(b, value []byte) []byte {
	var doc strictjson.Doc
	if err := doc.Parse(value, strictjson.Limits{}); err != nil {
		return append(b, value...)
	}
	return doc.Root().AppendCanonical(b)
}
