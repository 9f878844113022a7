package collect

import (
	"net/netip"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"kith/event"
	"kith/internal/strictjson"
)

// work is a work slot: all that is needed to judge the messages of one request
// and is too large to have for each. There are only as many as processors, and
// nothing between entering and leaving the gate waits for anything, so bodies
// that blow up when inflated or parsed do so a few at a time.
type work struct {
	doc      strictjson.Doc // of the body
	inner    strictjson.Doc // of JSON that lies inside of the body as text
	event    event.Event
	inflated []byte
	built    []byte // a message made from another protocol's
	envelope []byte
	gzip     *gzip.Reader
	zstd     *zstd.Decoder
}

// keepScratch is how large a scratch buffer may be to be kept.
const keepScratch = 1 << 20

// reset lets go of one request's data.
func (w *work) reset() {
	w.doc.Reset()
	w.inner.Reset()
	w.event = event.Event{}
	for _, b := range [...]*[]byte{&w.inflated, &w.built, &w.envelope} {
		*b = (*b)[:0]
		if cap(*b) > keepScratch {
			*b = nil
		}
	}
}

// gate hands out the work slots. Those who wait form one line per account, in
// it one queue per network, and lines and the queues in them are served in turn:
// who sends a hundred requests at once waits for his own, not the others for
// him.
type gate struct {
	mu    sync.Mutex
	idle  []*work
	lines map[principal]*line
	turn  []*line // lines with someone in them, the next one first
}

// line is who waits of one account.
type line struct {
	account principal
	queues  map[netip.Addr]*queue
	turn    []*queue // with someone in them, the next one first
}

type queue struct {
	net     netip.Addr
	waiting []chan *work
}

func newGate(slots int) *gate {
	g := &gate{lines: map[principal]*line{}}
	for range slots {
		g.idle = append(g.idle, &work{})
	}
	return g
}

// enter waits for a work slot, which belongs to the caller until it leaves.
func (g *gate) enter(who principal) *work {
	g.mu.Lock()
	if n := len(g.idle); n > 0 {
		w := g.idle[n-1]
		g.idle = g.idle[:n-1]
		g.mu.Unlock()
		return w
	}
	account := who.account()
	l := g.lines[account]
	if l == nil {
		l = &line{account: account, queues: map[netip.Addr]*queue{}}
		g.lines[account] = l
		g.turn = append(g.turn, l)
	}
	mine := make(chan *work, 1)
	l.add(who.net, mine)
	g.mu.Unlock()
	return <-mine
}

func (l *line) add(net netip.Addr, mine chan *work) {
	q := l.queues[net]
	if q == nil {
		q = &queue{net: net}
		l.queues[net] = q
		l.turn = append(l.turn, q)
	}
	q.waiting = append(q.waiting, mine)
}

// next takes out who is next in the line.
func (l *line) next() chan *work {
	q := l.turn[0]
	l.turn = l.turn[1:]
	next := q.waiting[0]
	if q.waiting = q.waiting[1:]; len(q.waiting) > 0 {
		l.turn = append(l.turn, q)
	} else {
		delete(l.queues, q.net)
	}
	return next
}

// leave gives the slot to whoever is next.
func (g *gate) leave(w *work) {
	w.reset()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.turn) == 0 {
		g.idle = append(g.idle, w)
		return
	}
	l := g.turn[0]
	g.turn = g.turn[1:]
	next := l.next()
	if len(l.turn) > 0 {
		g.turn = append(g.turn, l)
	} else {
		delete(g.lines, l.account)
	}
	next <- w
}
