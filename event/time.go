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

// ParseTime reads an RFC 3339 time with a zone, with 0 to 9 digits of a second,
// and returns UTC milliseconds, finer digits cut off. A zone may lack its colon
// and the T may be a space, as some SDKs write them. Anything else is no time.
func ParseTime(s string) (ms int64, ok bool) {
	if len(s) < 20 || len(s) > 40 || s[4] != '-' || s[7] != '-' || s[13] != ':' || s[16] != ':' {
		return 0, false
	}
	if s[10] != 'T' && s[10] != 't' && s[10] != ' ' {
		return 0, false
	}
	year, ok1 := digits(s[0:4])
	month, ok2 := digits(s[5:7])
	day, ok3 := digits(s[8:10])
	hour, ok4 := digits(s[11:13])
	minute, ok5 := digits(s[14:16])
	second, ok6 := digits(s[17:19])
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 {
		return 0, false
	}
	if month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	millis, rest, ok := fraction(s[19:])
	if !ok {
		return 0, false
	}
	zone, ok := offset(rest)
	if !ok {
		return 0, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC).UnixMilli() + int64(millis)
	return t - int64(zone)*60_000, true
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

func digits(s string) (int, bool) {
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

// fraction reads ".123456789" and returns the milliseconds and what follows.
func fraction(s string) (millis int, rest string, ok bool) {
	if s == "" || s[0] != '.' {
		return 0, s, true
	}
	i, scale := 1, 100
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		millis += int(s[i]-'0') * scale
		scale /= 10
	}
	return millis, s[i:], i > 1 && i <= 10
}

// offset reads Z, +01:00 or +0100 and returns minutes east of UTC.
func offset(s string) (minutes int, ok bool) {
	if s == "Z" || s == "z" {
		return 0, true
	}
	if len(s) == 6 && s[3] == ':' {
		s = s[:3] + s[4:]
	}
	if len(s) != 5 || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	h, ok1 := digits(s[1:3])
	m, ok2 := digits(s[3:5])
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
		return received, flags | ClampedTime
	}
	return timestamp, flags
}

// yearOne is 0001-01-01 in UTC milliseconds: earlier times cannot be written
// as RFC 3339.
const yearOne = -62_135_596_800_000

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}
