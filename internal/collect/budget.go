package collect

import (
	"net/netip"
	"sync"
)

// principal is the one on whose account a request runs: the source if the
// request's head names it, else the network that it came from.
type principal struct {
	source string
	net    netip.Addr
}

// greed is how many times the part of a budget that is still free one principal
// may hold. A principal alone gets greed/(greed+1) of the budget, two of them
// together 2·greed/(2·greed+1), and however many hold what they may, a part
// stays free for the next one (the dynamic thresholds of Choudhury and Hahne,
// IEEE/ACM Transactions on Networking, 1998).
const greed = 4

// budget shares a fixed amount among principals. Nobody waits for it: what is
// not to be had at once is refused, so that requests which hold some and need
// more cannot block each other.
type budget struct {
	limit int64

	mu   sync.Mutex
	used int64
	held map[principal]int64
}

func newBudget(limit int64) *budget {
	return &budget{limit: limit, held: map[principal]int64{}}
}

// take reserves n and reports whether there was that much.
func (b *budget) take(who principal, n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	held := b.held[who] + n
	if b.used+n > b.limit || held > greed*(b.limit-b.used) {
		return false
	}
	b.held[who] = held
	b.used += n
	return true
}

// give returns n that were taken.
func (b *budget) give(who principal, n int64) {
	if n == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used -= n
	if b.held[who] -= n; b.held[who] == 0 {
		delete(b.held, who)
	}
}

func (b *budget) inUse() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}
