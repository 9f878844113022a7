package main

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// progress shows on standard error how far long work is: on a terminal a line
// that changes, elsewhere a line every ten seconds.
type progress struct {
	unit func(n int64) string

	mu    sync.Mutex
	what  string
	done  int64
	total int64 // 0: not known
	began time.Time
	shown bool // a line stands on the terminal

	ended   chan struct{}
	stopped sync.Once
	quiet   sync.WaitGroup
}

// watch begins to show work under a name, counted in a unit.
func watch(what string, unit func(int64) string) *progress {
	p := &progress{unit: unit, what: what, began: time.Now(), ended: make(chan struct{})}
	every, terminal := 10*time.Second, false
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		every, terminal = 200*time.Millisecond, true
	}
	p.quiet.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-p.ended:
				return
			case now := <-tick.C:
				p.show(now, terminal)
			}
		}
	})
	return p
}

// add counts what has been done; it is safe for concurrent use.
func (p *progress) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += int64(n)
}

// set says how far a step is. A step of another name begins anew, in records.
func (p *progress) set(what string, done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if what != p.what {
		p.what, p.began, p.unit = what, time.Now(), recordUnit
	}
	p.done, p.total = done, total
}

// reach says how far the work is that goes on, under a name that tells more of it
// each time. Rate and time left stay those of the whole.
func (p *progress) reach(what string, done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what, p.done, p.total = what, done, total
}

func (p *progress) show(now time.Time, terminal bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := progressLine(p.what, p.done, p.total, now.Sub(p.began), p.unit)
	if terminal {
		fmt.Fprintf(os.Stderr, "\r\x1b[K%s", line)
		p.shown = true
		return
	}
	fmt.Fprintln(os.Stderr, line)
}

// stop ends the showing and clears the line. It is safe twice.
func (p *progress) stop() {
	p.stopped.Do(func() {
		close(p.ended)
		p.quiet.Wait()
		if p.shown {
			fmt.Fprint(os.Stderr, "\r\x1b[K")
		}
	})
}

// progressLine says what is done, how fast, and how long the rest takes at that
// rate, where the whole is known.
func progressLine(what string, done, total int64, took time.Duration, unit func(int64) string) string {
	rate := float64(done) / max(took.Seconds(), 1e-9)
	line := fmt.Sprintf("%s: %s, %s/s", what, unit(done), unit(int64(rate)))
	if total <= 0 || done <= 0 {
		return line
	}
	const width = 20
	filled := min(int(width*done/total), width)
	left := time.Duration(float64(max(total-done, 0)) / rate * float64(time.Second)).Round(time.Second)
	bar := make([]byte, width)
	for i := range bar {
		bar[i] = '.'
		if i < filled {
			bar[i] = '#'
		}
	}
	return fmt.Sprintf("%s: [%s] %s of %s, %s/s, %s left", what, bar, unit(done), unit(total), unit(int64(rate)), left)
}

// byteUnit writes a number of bytes.
func byteUnit(n int64) string { return bytesText(n) }

// recordUnit writes a number of records.
func recordUnit(n int64) string { return fmt.Sprintf("%d records", n) }

// bytesText writes a number of bytes as people read it.
func bytesText(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	f, units := float64(n)/(1<<10), "KMGTPE"
	for f >= 1<<10 {
		f, units = f/(1<<10), units[1:]
	}
	return fmt.Sprintf("%.1f %ciB", f, units[0])
}
