package sizing

import (
	"container/heap"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"time"
)

// Setup is one workspace on a log and a state that nodes share, under a load that
// stays at its peak.
type Setup struct {
	Rate      float64 // events a second; 0: all Backlog waits from the beginning
	Backlog   int     // events that wait at the beginning
	People    int
	PerCall   int     // messages in a request
	Nodes     int     // at least one
	NodeCores int     // of each
	Segments  float64 // definitions that an event concerns
	Links     float64 // locks of other nodes than its home that an event needs, on average; at most 1

	Length time.Duration // of what is simulated
	Lost   time.Duration // from the beginning on a node is gone; 0: none is lost
	Seed   uint64
}

// Outcome is what a simulation came to.
type Outcome struct {
	Folded int64         // events
	Took   time.Duration // until the last one was folded
	Before Lags          // of the events that came well before a node was lost, or of all
	After  Lags          // of the events that came from ten seconds before until a minute after
	Caught time.Duration // after the loss, until less than a second's events waited; less than 0: never
	Busy   float64       // share of the time in which some transaction held locks
	Batch  float64       // events in a transaction
}

// Lags are percentiles of the time from the acknowledgement of an event until it is
// folded, until it counts in segments, and until it is in the open tables.
type Lags struct{ FoldedP50, FoldedP99, FoldedMax, ShownP99, TablesP99 time.Duration }

// What a simulation takes from kith as it is.
const (
	partitions = 12   // of a topic
	batchMax   = 1000 // events in a transaction
	crowded    = 64   // a batch with more shards locks them all; its homes have 22 at most

	membersPortion = 5_000 // events that the keeper of members takes at once
)

// kinds of what happens
const (
	arrive      = iota
	interpreted // a worker has read a batch
	committed   // a worker has folded it
	done        // a follower has a portion
	lost
	taken // what the lost node had is others'
	endKinds
)

type happening struct {
	at   time.Duration
	seq  int // of those at one moment the first comes first
	kind int
	who  int // worker
	life int // of the worker; what an earlier life began does not happen
}

type agenda []happening

func (a agenda) Len() int      { return len(a) }
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].seq < a[j].seq
}

// Push is of container/heap.
func (a *agenda) Push(x any) { *a = append(*a, x.(happening)) }

// Pop is of container/heap.
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// waiting is an event that was acknowledged.
type waiting struct {
	since  time.Duration
	person uint32
	shard  uint8
	links  bool // it bears on somebody of another shard
	other  uint8
}

// worker folds one partition.
type worker struct {
	node  int // -1: nobody has it
	queue []waiting
	batch []waiting // under way
	locks [4]uint64
	life  int
	busy  bool
}

// follower does with what is folded what is done once for a workspace, one portion
// after the other: 0 keeps the members of segments, 1 writes the open tables.
type follower struct {
	look, each, person time.Duration // for a portion, and for its events and people

	most  int // events of a portion
	waits []waiting
	batch []waiting // under way
	away  bool      // its node is gone
	life  int
	seen  [3]histogram
}

type simulation struct {
	Setup
	costs  costs
	rng    *rand.Rand
	zipf   *rand.Zipf
	now    time.Duration
	agenda agenda
	seq    int

	workers [partitions]worker
	cores   []int   // free ones of each node
	reading [][]int // workers that wait for a core, by node
	inLine  []int   // workers that wait for locks or hold them, in order; holding of them first
	holding map[int]bool
	stuck   [4]uint64 // locks of a node that is gone
	gone    int       // -1: none

	followers [2]follower

	waits     int64
	busySince time.Duration
	busy      time.Duration
	batches   int64
	out       Outcome
	folded    [3]histogram
}

// Simulate plays a load event by event: people by the distribution of the load
// generator, requests at random moments, partitions that nodes share, batches,
// locks and commits with the measured times. The same setup has the same outcome.
func Simulate(s Setup) Outcome {
	rng := rand.New(rand.NewPCG(s.Seed, 0x73697a65))
	m := &simulation{
		Setup: s, costs: measuredCosts(), rng: rng, zipf: rand.NewZipf(rng, 1.01, 10, uint64(max(s.People, 1)-1)),
		holding: map[int]bool{}, gone: -1, reading: make([][]int, s.Nodes),
	}
	m.followers[0] = follower{each: time.Duration(float64(m.costs.definition) * s.Segments), look: m.costs.look, most: membersPortion}
	m.followers[1] = follower{each: m.costs.tables, person: m.costs.person, look: m.costs.round, most: math.MaxInt}
	for range s.Nodes {
		m.cores = append(m.cores, max(1, s.NodeCores))
	}
	for p := range m.workers {
		m.workers[p].node = p % s.Nodes
	}
	for range s.Backlog {
		m.accept()
	}
	if s.Rate > 0 {
		m.plan(0, arrive, 0)
	}
	if s.Lost > 0 && s.Nodes > 1 {
		m.plan(s.Lost, lost, 0)
	}
	for p := range m.workers {
		m.read(p)
	}
	for len(m.agenda) > 0 {
		h := heap.Pop(&m.agenda).(happening)
		if h.at > s.Length {
			break
		}
		m.now = h.at
		m.happen(h)
	}
	return m.sum()
}

func (m *simulation) plan(in time.Duration, kind, who int) {
	m.seq++
	life := 0
	switch kind {
	case interpreted, committed:
		life = m.workers[who].life
	case done:
		life = m.followers[who].life
	}
	heap.Push(&m.agenda, happening{m.now + in, m.seq, kind, who, life})
}

func (m *simulation) happen(h happening) {
	switch h.kind {
	case arrive:
		for range m.PerCall {
			m.accept()
		}
		for p := range m.workers {
			m.read(p)
		}
		m.plan(time.Duration(m.rng.ExpFloat64()*float64(m.PerCall)/m.Rate*float64(time.Second)), arrive, 0)
	case interpreted:
		if h.life == m.workers[h.who].life {
			m.free(m.workers[h.who].node)
			m.inLine = append(m.inLine, h.who)
			m.grant()
		}
	case committed:
		if h.life == m.workers[h.who].life {
			m.commit(h.who)
		}
	case done:
		if f := &m.followers[h.who]; h.life == f.life {
			for _, e := range f.batch {
				f.seen[m.part(e)].add(m.now - e.since)
			}
			f.batch = nil
			m.follow(h.who)
		}
	case lost:
		m.lose()
	case taken:
		m.take()
	}
}

// accept acknowledges one event.
func (m *simulation) accept() {
	person := m.zipf.Uint64()
	e := waiting{since: m.now, person: uint32(person), shard: uint8(mix(person) >> 32)}
	if e.links = m.rng.Float64() < m.Links; e.links {
		e.other = uint8(m.rng.Uint32())
	}
	w := &m.workers[e.shard%partitions]
	w.queue = append(w.queue, e)
	m.waits++
}

// mix spreads numbers of people evenly.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// read lets a worker take a batch, when its node has a core for it.
func (m *simulation) read(p int) {
	w := &m.workers[p]
	if w.busy || w.node < 0 || len(w.queue) == 0 {
		return
	}
	w.busy = true
	if m.cores[w.node] == 0 {
		m.reading[w.node] = append(m.reading[w.node], p)
		return
	}
	m.begin(p)
}

func (m *simulation) begin(p int) {
	w := &m.workers[p]
	m.cores[w.node]--
	n := min(batchMax, len(w.queue))
	w.batch, w.queue = w.queue[:n:n], w.queue[n:]
	w.locks = shardsOf(w.batch)
	m.plan(scale(m.costs.interpret, n), interpreted, p)
}

// shardsOf are the locks of a batch.
func shardsOf(batch []waiting) (set [4]uint64) {
	for _, e := range batch {
		set[e.shard/64] |= 1 << (e.shard % 64)
		if e.links {
			set[e.other/64] |= 1 << (e.other % 64)
		}
	}
	if bits.OnesCount64(set[0])+bits.OnesCount64(set[1])+bits.OnesCount64(set[2])+bits.OnesCount64(set[3]) > crowded {
		return all()
	}
	return set
}

func all() [4]uint64 { return [4]uint64{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)} }

func meet(a, b [4]uint64) bool { return a[0]&b[0]|a[1]&b[1]|a[2]&b[2]|a[3]&b[3] != 0 }

// free gives a core back.
func (m *simulation) free(node int) {
	m.cores[node]++
	if line := m.reading[node]; len(line) > 0 {
		m.reading[node] = line[1:]
		m.begin(line[0])
	}
}

// grant gives locks to whoever stands in line behind nobody that wants the same.
func (m *simulation) grant() {
	taken := m.stuck
	for _, p := range m.inLine {
		w := &m.workers[p]
		if !m.holding[p] && !meet(taken, w.locks) {
			if len(m.holding) == 0 {
				m.busySince = m.now
			}
			m.holding[p] = true
			m.plan(m.costs.transaction+scale(m.costs.fold, len(w.batch)), committed, p)
		}
		for i := range taken {
			taken[i] |= w.locks[i]
		}
	}
}

// leave takes a worker out of the line.
func (m *simulation) leave(p int) {
	m.inLine = slices.DeleteFunc(m.inLine, func(q int) bool { return p == q })
	if m.holding[p] {
		delete(m.holding, p)
		if len(m.holding) == 0 {
			m.busy += m.now - m.busySince
		}
	}
}

func (m *simulation) commit(p int) {
	w := &m.workers[p]
	m.leave(p)
	for _, e := range w.batch {
		m.folded[m.part(e)].add(m.now - e.since)
	}
	m.batches++
	m.out.Folded += int64(len(w.batch))
	m.out.Took = m.now
	m.waits -= int64(len(w.batch))
	m.caughtUp()
	for i := range m.followers {
		m.followers[i].waits = append(m.followers[i].waits, w.batch...)
		m.follow(i)
	}
	w.batch, w.busy = nil, false
	m.read(p)
	m.grant()
}

// part is 0 for what came well before the loss, 1 for what came shortly before it or
// in the minute from then on, and 2 for what came later, which nobody asks about.
func (m *simulation) part(e waiting) int {
	switch {
	case m.Lost == 0 || e.since < m.Lost-10*time.Second:
		return 0
	case e.since < m.Lost+time.Minute:
		return 1
	}
	return 2
}

// caughtUp notes when, after the loss, less than a second's events wait.
func (m *simulation) caughtUp() {
	if m.gone >= 0 && m.out.Caught == 0 && m.now > m.Lost+m.costs.takeover && float64(m.waits) < m.Rate {
		m.out.Caught = m.now - m.Lost
	}
}

// follow lets a follower take what waits.
func (m *simulation) follow(i int) {
	f := &m.followers[i]
	if f.away || f.batch != nil || len(f.waits) == 0 {
		return
	}
	n := min(len(f.waits), f.most)
	f.batch, f.waits = f.waits[:n:n], f.waits[n:]
	takes := f.look + scale(f.each, n)
	if f.person > 0 {
		people := make(map[uint32]struct{}, n)
		for _, e := range f.batch {
			people[e.person] = struct{}{}
		}
		takes += scale(f.person, len(people))
	}
	m.plan(takes, done, i)
}

// lose cuts off a node with its share of the partitions, and both followers. Its transactions keep their locks until the state gives them up.
func (m *simulation) lose() {
	m.gone = m.workers[1].node
	for p := range m.workers {
		w := &m.workers[p]
		if w.node != m.gone {
			continue
		}
		if m.holding[p] {
			for i := range m.stuck {
				m.stuck[i] |= w.locks[i]
			}
		}
		m.leave(p)
		w.queue = append(w.batch, w.queue...)
		w.batch, w.busy, w.node = nil, false, -1
		w.life++
	}
	m.reading[m.gone] = nil
	for i := range m.followers {
		f := &m.followers[i]
		f.waits, f.batch, f.away = append(f.batch, f.waits...), nil, true
		f.life++
	}
	m.plan(m.costs.takeover, taken, 0)
}

func (m *simulation) take() {
	m.stuck = [4]uint64{}
	for i := range m.followers {
		m.followers[i].away = false
		m.follow(i)
	}
	next := 0
	for p := range m.workers {
		if m.workers[p].node >= 0 {
			continue
		}
		if next%m.Nodes == m.gone {
			next++
		}
		m.workers[p].node = next % m.Nodes
		next++
		m.read(p)
	}
	m.grant()
}

func (m *simulation) sum() Outcome {
	if len(m.holding) > 0 {
		m.busy += m.now - m.busySince
	}
	o := m.out
	if m.gone >= 0 && o.Caught == 0 {
		o.Caught = -1
	}
	o.Busy, o.Batch = float64(m.busy)/float64(max(m.now, 1)), float64(o.Folded)/float64(max(m.batches, 1))
	for p := range m.workers { // what still waits has waited so long at least
		for _, e := range append(m.workers[p].batch, m.workers[p].queue...) {
			m.folded[m.part(e)].add(m.now - e.since)
			for i := range m.followers {
				m.followers[i].seen[m.part(e)].add(m.now - e.since)
			}
		}
	}
	for i := range m.followers {
		f := &m.followers[i]
		for _, e := range append(f.batch, f.waits...) {
			f.seen[m.part(e)].add(m.now - e.since)
		}
	}
	for part, l := range [...]*Lags{&o.Before, &o.After} {
		f := &m.folded[part]
		*l = Lags{
			FoldedP50: f.at(0.5), FoldedP99: f.at(0.99), FoldedMax: f.at(1),
			ShownP99: m.followers[0].seen[part].at(0.99), TablesP99: m.followers[1].seen[part].at(0.99),
		}
	}
	return o
}

// histogram counts times in steps of one part in a hundred.
type histogram struct {
	counts [3000]int64
	total  int64
}

func (h *histogram) add(d time.Duration) {
	i := int(100 * math.Log1p(float64(d.Microseconds())))
	h.counts[min(max(i, 0), len(h.counts)-1)]++
	h.total++
}

// at is the time that a share of all is not above.
func (h *histogram) at(share float64) time.Duration {
	var sum int64
	for i, n := range h.counts {
		if sum += n; n > 0 && float64(sum) >= share*float64(h.total) {
			return time.Duration(math.Expm1(float64(i+1)/100)) * time.Microsecond
		}
	}
	return 0
}

func scale(each time.Duration, n int) time.Duration { return each * time.Duration(n) }
