package expr

import (
	"math"
	"time"
)

// Time reads a time as it stands in definitions and in data: an RFC 3339 text
// with Z or an offset, finer digits than milliseconds cut off, or a date alone,
// which is its midnight in the zone. Anything else is no time.
func Time(s string, zone *time.Location) (ms int64, ok bool) {
	if len(s) == len(time.DateOnly) {
		t, err := time.ParseInLocation(time.DateOnly, s, zone)
		return t.UnixMilli(), err == nil && digits(s)
	}
	if len(s) < len("2006-01-02T15:04:05Z") || len(s) > 64 || !digits(s[:19]) {
		return 0, false
	}
	if c := s[19]; c != '.' && c != 'Z' && c != '+' && c != '-' {
		return 0, false // a comma before the fraction is ISO 8601, not RFC 3339
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t.UnixMilli(), err == nil && offset(s)
}

// offset reports whether s ends in Z or in an offset of at most 23:59; the
// standard library lets 24 hours and 60 minutes pass.
func offset(s string) bool {
	end := s[len(s)-5:]
	return end[4] == 'Z' || end[:2] <= "23" && end[3:] <= "59"
}

// digits reports whether s has the shape of 2006-01-02 or 2006-01-02T15:04:05,
// which the standard library reads more loosely.
func digits(s string) bool {
	const shape = "0000-00-00T00:00:00"
	for i := range len(s) {
		if c := s[i]; shape[i] != '0' && c != shape[i] || shape[i] == '0' && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// Window is the span of event time in which events count.
type Window struct {
	Form WindowForm

	// Last: Far is the length. Between: from Near to Far ago, Near < Far.
	// Absolute: Since ≤ t < Until; math.MinInt64 and math.MaxInt64 where open.
	Near, Far    int64
	Since, Until int64
}

// WindowForm is the form of a window.
type WindowForm uint8

// The forms.
const (
	Ever WindowForm = iota
	Last
	Between
	Absolute
)

// enters and leaves bound the moments at which an event of time t counts: from
// the first one on, up to the second one, which is no part of them. ok is false
// when it never counts. No event counts before its time.
func (w *Window) span(t int64) (enters, leaves int64, ok bool) {
	switch w.Form {
	case Last:
		return t, add(t, w.Far), true
	case Between:
		return add(t, w.Near), add(t, w.Far), true
	case Absolute:
		return t, Never, w.Since <= t && t < w.Until
	}
	return t, Never, true
}

// Oldest returns the time after which events count now or can count later.
func (w *Window) Oldest(now int64) int64 {
	switch w.Form {
	case Last, Between:
		return now - w.Far
	case Absolute:
		return max(w.Since, math.MinInt64+1) - 1
	}
	return math.MinInt64
}

// Holds reports whether an event of time t counts at the moment now.
func (w *Window) Holds(t, now int64) bool {
	enters, leaves, ok := w.span(t)
	return ok && enters <= now && now < leaves
}

// add is a + b without wrapping; b is not negative.
func add(a, b int64) int64 {
	if a > Never-b {
		return Never
	}
	return a + b
}
