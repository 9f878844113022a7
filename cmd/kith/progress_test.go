package main

import (
	"testing"
	"time"
)

func TestProgressLine(t *testing.T) {
	for _, c := range []struct {
		done, total int64
		took        time.Duration
		unit        func(int64) string
		want        string
	}{
		{0, 0, time.Second, byteUnit, "work: 0 B, 0 B/s"},
		{3 << 20, 0, 2 * time.Second, byteUnit, "work: 3.0 MiB, 1.5 MiB/s"},
		{0, 100, time.Second, recordUnit, "work: 0 records, 0 records/s"},
		{25, 100, 5 * time.Second, recordUnit, "work: [#####...............] 25 records of 100 records, 5 records/s, 15s left"},
		{100, 100, 10 * time.Second, recordUnit, "work: [####################] 100 records of 100 records, 10 records/s, 0s left"},
		{120, 100, 10 * time.Second, recordUnit, "work: [####################] 120 records of 100 records, 12 records/s, 0s left"},
	} {
		if got := progressLine("work", c.done, c.total, c.took, c.unit); got != c.want {
			t.Errorf("%d of %d: %q, want %q", c.done, c.total, got, c.want)
		}
	}
}

func TestBytesText(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 5 << 20: "5.0 MiB", 1<<63 - 1: "8.0 EiB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestProgressStopsTwiceAndStepsBeginAnew(t *testing.T) {
	p := watch("one", byteUnit)
	p.add(5)
	p.add(7)
	if p.done != 12 {
		t.Errorf("done %d", p.done)
	}
	p.set("one", 30, 40)
	p.set("two", 1, 9)
	if p.what != "two" || p.done != 1 || p.total != 9 || p.unit(3) != "3 records" {
		t.Errorf("%s: %d of %d, in %s", p.what, p.done, p.total, p.unit(3))
	}
	p.stop()
	p.stop()
}
