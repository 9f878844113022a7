package collect

import (
	"net/netip"
	"sync"
)

// principal is who sends a request: the network that it came from, and the
// source if the request's head names one.
type principal struct {
	source string
	net    netip.Addr
}

// account is the one on whose account a request runs: the source, or where none
// is named, the network. Networks that send to one source share its account,
// because the write keys of pages and apps are known to everybody.
func (p principal) account() principal {
	if p.source != "" {
		p.net = netip.Addr{}
	}
	return p
}

// greed is how many times the part of a budget that is still free one account
// may hold. An account alone gets greed/(greed+1) of the budget, two of them
// together 2·greed/(2·greed+1), and however many hold what they may, a part
// stays free for the next one (the dynamic thresholds of Choudhury and Hahne,
// IEEE/ACM Transactions on Networking, 1998).
const greed = 4

// modesty is what part of that which a source may still take each network may
// hold on the source's account: one over modesty. It is small because a source's
// callers can be anybody. A network alone gets 4/9 of the budget, and each one
// that holds all it may leaves 4/9 of what there was to the source's others.
const modesty = 4

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
	account := who.account()
	room := greed*(b.limit-b.used) - b.held[account]
	if b.used+n > b.limit || n > room {
		return false
	}
	if who != account {
		if modesty*(b.held[who]+n) > room-n {
			return false
		}
		b.held[who] += n
	}
	b.held[account] += n
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
	account := who.account()
	b.drop(account, n)
	if who != account {
		b.drop(who, n)
	}
}

// drop takes n off what one holds. Under the lock.
func (b *budget) drop(who principal, n int64) {
	if b.held[who] -= n; b.held[who] == 0 {
		delete(b.held, who)
	}
}

func (b *budget) inUse() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}
