package event

import (
	"math"
	"time"
)

// NoTime stands for a time that was not given or could not be read.
const NoTime = math.MinInt64

// Skew under this many milliseconds between a client's sentAt and the moment of
// receipt is the network's, not the clock's.
const skewMin = 5_000

// A timestamp further ahead than this many milliseconds is a client's mistake.
const aheadMax = 24 * 60 * 60 * 1000

// longestTime is the longest text that ParseTime takes, in bytes.
const longestTime = 40

// ParseTime reads an ISO 8601 date and time as SDKs write them and returns UTC
// milliseconds, finer digits cut off: "T" or a space between date and time, 0
// to 9 digits of a second, and a zone of Z, +01:00, +0100 or +01. Without a
// zone, and for a date alone, the zone is UTC. Anything else is no time.
func ParseTime(s string) (ms int64, ok bool) { return parseTime(s) }

func parseTime[T string | []byte](s T) (ms int64, ok bool) {
	if len(s) < len("2006-01-02") || len(s) > longestTime || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	year, ok1 := digits(s[0:4])
	month, ok2 := digits(s[5:7])
	day, ok3 := digits(s[8:10])
	if !ok1 || !ok2 || !ok3 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	date := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).UnixMilli()
	if len(s) == len("2006-01-02") {
		return date, date >= yearOne
	}
	if s[10] != 'T' && s[10] != 't' && s[10] != ' ' {
		return 0, false
	}
	clock, ok := timeOfDay(s[11:])
	ms = date + clock
	return ms, ok && ms >= yearOne && ms < yearTenThousand
}

// timeOfDay reads "15:04:05.999+01:00" and returns milliseconds since midnight
// UTC of the same date, which may be negative.
func timeOfDay[T string | []byte](s T) (ms int64, ok bool) {
	if len(s) < len("15:04:05") || s[2] != ':' || s[5] != ':' {
		return 0, false
	}
	hour, ok1 := digits(s[0:2])
	minute, ok2 := digits(s[3:5])
	second, ok3 := digits(s[6:8])
	if !ok1 || !ok2 || !ok3 || hour > 23 || minute > 59 || second > 60 {
		return 0, false
	}
	millis, used, ok1 := fraction(s[8:])
	zone, ok2 := offset(s[8+used:])
	if !ok1 || !ok2 {
		return 0, false
	}
	return int64(((hour*60+minute-zone)*60+second)*1000 + millis), true
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

func digits[T string | []byte](s T) (int, bool) {
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

// fraction reads ".123456789" and returns the milliseconds and its length.
func fraction[T string | []byte](s T) (millis, used int, ok bool) {
	if len(s) == 0 || s[0] != '.' {
		return 0, 0, true
	}
	i, scale := 1, 100
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		millis += int(s[i]-'0') * scale
		scale /= 10
	}
	return millis, i, i > 1 && i <= 10
}

// offset reads Z, +01:00, +0100, +01 or nothing and returns minutes east of UTC.
func offset[T string | []byte](s T) (minutes int, ok bool) {
	if len(s) == 0 || len(s) == 1 && (s[0] == 'Z' || s[0] == 'z') {
		return 0, true
	}
	if len(s) < 3 || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	h, ok1 := digits(s[1:3])
	m, ok2 := 0, true
	switch {
	case len(s) == 5:
		m, ok2 = digits(s[3:5])
	case len(s) == 6 && s[3] == ':':
		m, ok2 = digits(s[4:6])
	case len(s) != 3:
		return 0, false
	}
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return 0, false
	}
	if s[0] == '-' {
		return -(h*60 + m), true
	}
	return h*60 + m, true
}

// FormatTime writes UTC milliseconds as RFC 3339 with three digits of a second.
func FormatTime(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}

// Correct gives the moment at which a message's event happened, in UTC
// milliseconds. explicit is the message's timestamp when it also carries an
// originalTimestamp, which makes it final (RudderStack's rule); original is what
// the client's clock said; both may be NoTime. The rule is that of the Segment
// specification: received − (sent − original), applied only where the clock is
// off by more than the network explains.
func Correct(explicit, original, sent, received int64) (timestamp int64, flags Flags) {
	switch {
	case explicit != NoTime:
		timestamp = explicit
	case original == NoTime:
		return received, 0
	case sent != NoTime && abs(received-sent) >= skewMin:
		timestamp, flags = received-(sent-original), CorrectedTime
	default:
		timestamp = original
	}
	if timestamp > received+aheadMax || timestamp < yearOne {
		return received, ClampedTime
	}
	return timestamp, flags
}

// Between these moments, 0001-01-01 and 10000-01-01 in UTC milliseconds, a time
// can be written as RFC 3339.
const (
	yearOne         = -62_135_596_800_000
	yearTenThousand = 253_402_300_800_000
)

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
