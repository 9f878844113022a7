package form

import "time"

// ParseDuration reads a duration as it stands in every document: a whole number
// from 1 and one unit, m, h, d (24 hours) or w (7 days). Anything else, and what
// is longer than 100 years, is no duration.
func ParseDuration(s string) (time.Duration, bool) {
	if len(s) < 2 || len(s) > 9 || s[0] == '0' {
		return 0, false
	}
	n := time.Duration(0)
	for i := 0; i < len(s)-1; i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + time.Duration(s[i]-'0')
	}
	var unit time.Duration
	switch s[len(s)-1] {
	case 'm':
		unit = time.Minute
	case 'h':
		unit = time.Hour
	case 'd':
		unit = 24 * time.Hour
	case 'w':
		unit = 7 * 24 * time.Hour
	}
	if n == 0 || unit == 0 || n > durationMax/unit {
		return 0, false
	}
	return n * unit, true
}

const durationMax = 100 * 365 * 24 * time.Hour
