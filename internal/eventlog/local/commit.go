package local

import (
	"context"
	"runtime"

	"kith/internal/errs"
	"kith/internal/eventlog"
)

const (
	// ownBlockBytes is the size from which an append makes its blocks itself,
	// outside of the lock and beside others, instead of adding its records to the
	// group's common block.
	ownBlockBytes = 16 << 10
	// maxPendingBytes bounds what waits for the group under way to end; appends
	// beyond it wait before they are taken in.
	maxPendingBytes = 8 << 20
	// maxSpareBytes and maxSpare bound the buffers kept from group to group.
	maxSpareBytes = 1 << 20
	maxSpare      = 16
)

// part becomes one block: records still to be compressed, or a payload that its
// appender compressed already.
type part struct {
	count  int
	raw    []byte // framed records, when stored is nil
	stored []byte
	code   uint8
	rawLen int
}

// group is what one sync makes durable. Its records get their offsets when it is
// committed, so that the failure of an earlier group leaves no hole. base and
// err are set before done is closed.
type group struct {
	parts []part
	count int
	bytes int
	done  chan struct{}
	base  int64
	err   error
}

// request is what one append brings to one partition.
type request struct {
	entries []eventlog.Entry
	framed  int    // bytes with length prefixes
	blocks  []part // the entries as blocks, if they are many bytes
}

// newRequest measures the entries, and compresses them if they are large enough
// for blocks of their own.
func (p *partition) newRequest(entries []eventlog.Entry) (*request, error) {
	r := &request{entries: entries}
	for _, e := range entries {
		if len(e.Data) > maxRecordBytes {
			return nil, errs.New(errs.Invalid, "eventlog.record_too_large", "a record may have at most %d bytes", maxRecordBytes)
		}
		r.framed += framedLen(e.Data)
	}
	if r.framed < ownBlockBytes {
		return r, nil
	}
	return r, p.makeBlocks(r)
}

// makeBlocks cuts the entries into blocks of about equal size.
func (p *partition) makeBlocks(r *request) error {
	target := r.framed / ((r.framed + blockRawTarget - 1) / blockRawTarget)
	raw := p.buffer()
	defer func() { p.release(raw) }()
	count := 0
	for i, e := range r.entries {
		raw = appendRecord(raw, e.Data)
		count++
		last := i == len(r.entries)-1
		if !last && len(raw) < target && len(raw)+framedLen(r.entries[i+1].Data) <= blockRawTarget {
			continue
		}
		stored, code, err := p.log.codec.appendCompressed(p.buffer(), raw)
		if err != nil {
			return errs.Wrap(err, errs.Internal, "eventlog.compress", "compressing records")
		}
		r.blocks = append(r.blocks, part{count: count, stored: stored, code: code, rawLen: len(raw)})
		raw, count = raw[:0], 0
	}
	return nil
}

// append makes the entries durable and returns the offset of the first.
func (p *partition) append(ctx context.Context, entries []eventlog.Entry) (int64, error) {
	r, err := p.newRequest(entries)
	if err != nil {
		return 0, err
	}
	g, at, lead, err := p.enqueue(ctx, r)
	if err != nil {
		return 0, err
	}
	if lead {
		p.lead()
	}
	return g.wait(ctx, at)
}

// wait returns the offset of the record at the place in the group once the group
// is durable. What is durable already is never reported as given up.
func (g *group) wait(ctx context.Context, at int) (int64, error) {
	select {
	case <-g.done:
	default:
		select {
		case <-g.done:
		case <-ctx.Done():
			return 0, errCancelled(ctx)
		}
	}
	return g.base + int64(at), g.err
}

// errCancelled is the error of an append that its caller gave up.
func errCancelled(ctx context.Context) error {
	return errs.Wrap(context.Cause(ctx), errs.Unavailable, "eventlog.cancelled", "the append was given up; its records may be in the log")
}

// enqueue adds the request to the pending group and returns that, the request's
// place in it, and whether the caller has to lead.
func (p *partition) enqueue(ctx context.Context, r *request) (g *group, at int, lead bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.pending != nil && p.pending.bytes+r.framed > maxPendingBytes {
		full := p.pending.done
		p.mu.Unlock()
		select {
		case <-full:
		case <-ctx.Done():
		}
		p.mu.Lock()
		if ctx.Err() != nil {
			return nil, 0, false, errCancelled(ctx)
		}
	}
	if p.closed {
		return nil, 0, false, errClosed()
	}
	if p.failed != nil {
		return nil, 0, false, p.failed
	}
	if p.pending == nil {
		p.pending = &group{done: make(chan struct{})}
	}
	g, at = p.pending, p.pending.count
	p.add(g, r)
	lead = !p.leading
	p.leading = true
	return g, at, lead, nil
}

// add copies the request into the group. p.mu is held.
func (p *partition) add(g *group, r *request) {
	g.count += len(r.entries)
	g.bytes += r.framed
	if r.blocks != nil {
		g.parts = append(g.parts, r.blocks...)
		return
	}
	n := len(g.parts)
	if n == 0 || g.parts[n-1].stored != nil || len(g.parts[n-1].raw)+r.framed > blockRawTarget {
		g.parts = append(g.parts, part{raw: p.takeSpare()})
		n++
	}
	last := &g.parts[n-1]
	for _, e := range r.entries {
		last.raw = appendRecord(last.raw, e.Data)
	}
	last.count += len(r.entries)
	last.rawLen = len(last.raw)
}

// buffer returns an empty buffer; release gives it back.
func (p *partition) buffer() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.takeSpare()
}

// takeSpare is buffer with p.mu held. It never returns nil, by which a part
// tells whether it is compressed.
func (p *partition) takeSpare() []byte {
	n := len(p.spare)
	if n == 0 {
		return make([]byte, 0, 4<<10)
	}
	b := p.spare[n-1]
	p.spare = p.spare[:n-1]
	return b[:0]
}

func (p *partition) release(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keepSpare(b)
}

// keepSpare is release with p.mu held.
func (p *partition) keepSpare(b []byte) {
	if cap(b) <= maxSpareBytes && len(p.spare) < maxSpare {
		p.spare = append(p.spare, b)
	}
}

// lead commits the pending group in the caller's goroutine. Whatever has been
// added meanwhile is left to a goroutine of its own, so that the caller can
// return; close waits for that to end.
func (p *partition) lead() {
	if p.commitPending() {
		go func() {
			for more := true; more; more = p.commitPending() {
				// On a busy machine those just woken get to add their next
				// records before the group is taken; on an idle one this is free.
				runtime.Gosched()
			}
		}()
	}
}

// commitPending commits one group, wakes its callers and reports whether another
// one is pending. If not, the leadership has ended.
func (p *partition) commitPending() bool {
	p.mu.Lock()
	g := p.pending
	p.pending = nil
	g.err = p.failed
	p.mu.Unlock()
	if g.err == nil {
		g.err = p.write(g)
	}
	parts := g.parts
	g.parts = nil
	close(g.done)
	if g.err == nil {
		p.log.notify.wake()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range parts {
		if parts[i].stored != nil {
			p.keepSpare(parts[i].stored)
		} else {
			p.keepSpare(parts[i].raw)
		}
	}
	if p.pending != nil {
		return true
	}
	p.leading = false
	p.idle.Broadcast()
	return false
}
