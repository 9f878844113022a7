package scenario

import (
	"regexp"
	"strconv"
	"time"

	"kith/event"
)

// units of durations. A day is 24 hours, as everywhere in kith.
var units = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

var (
	durationText = regexp.MustCompile(`^(?:[0-9]{1,9}(?:ms|s|m|h|d|w))+$`)
	durationPart = regexp.MustCompile(`([0-9]+)(ms|s|m|h|d|w)`)
)

// durationMax keeps sums of durations within what a time can be.
const durationMax = 100 * 365 * 24 * time.Hour

// parseDuration reads 2d, 1h30m, 250ms.
func parseDuration(s string) (time.Duration, error) {
	if !durationText.MatchString(s) {
		return 0, wrong("write whole numbers with the units ms, s, m, h, d and w, such as 2d or 1h30m", "%.20q is not a duration", s)
	}
	var sum time.Duration
	for _, m := range durationPart.FindAllStringSubmatch(s, -1) {
		n, err := strconv.ParseInt(m[1], 10, 64)
		unit := units[m[2]]
		if err != nil || n > int64(durationMax/unit) || sum+time.Duration(n)*unit > durationMax {
			return 0, wrong("100 years are the most", "the duration %.20q is too long", s)
		}
		sum += time.Duration(n) * unit
	}
	return sum, nil
}

// parseMoment reads now, -2d, +1h or a time as an event may carry it.
func parseMoment(s string, now time.Time) (time.Time, error) {
	switch {
	case s == "now":
		return now, nil
	case s != "" && (s[0] == '-' || s[0] == '+'):
		d, err := parseDuration(s[1:])
		if s[0] == '-' {
			d = -d
		}
		return now.Add(d), err
	}
	ms, ok := event.ParseTime(s)
	if !ok {
		return now, wrong("write now, a distance from now such as -2d or +90m, or a time such as 2025-03-01T09:00:00Z", "%.40q is not a moment", s)
	}
	return time.UnixMilli(ms), nil
}

// relative reports whether a time member is given as a distance from now.
func relative(s string) bool {
	return s == "now" || len(s) > 1 && (s[0] == '-' || s[0] == '+') && durationText.MatchString(s[1:])
}

// showTime writes UTC milliseconds without a fraction that is zero.
func showTime(ms int64) string {
	t := time.UnixMilli(ms).UTC()
	if ms%1000 == 0 {
		return t.Format("2006-01-02T15:04:05Z")
	}
	return t.Format("2006-01-02T15:04:05.000Z")
}
