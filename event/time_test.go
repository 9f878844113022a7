package event

import (
	"testing"
	"time"
)

func TestParseTimeReadsWhatSDKsWrite(t *testing.T) {
	at := func(s string) int64 {
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return v.UnixMilli()
	}
	for in, want := range map[string]string{
		"2026-11-22T00:01:22.167Z":            "2026-11-22T00:01:22.167Z",
		"2026-11-22T00:01:24.113268483Z":      "2026-11-22T00:01:24.113Z",
		"2026-11-22T00:01:24.1132684Z":        "2026-11-22T00:01:24.113Z",
		"2026-11-22T00:01:24.999999+00:00":    "2026-11-22T00:01:24.999Z",
		"2026-11-22T00:01:24Z":                "2026-11-22T00:01:24Z",
		"2026-11-22T00:01:24.5Z":              "2026-11-22T00:01:24.5Z",
		"2026-11-22t00:01:24z":                "2026-11-22T00:01:24Z",
		"2026-11-22 00:01:24+0100":            "2026-11-21T23:01:24Z",
		"2026-11-22T00:01:24-05:30":           "2026-11-22T05:31:24Z",
		"2026-11-22T00:01:24+01":              "2026-11-21T23:01:24Z",
		"2026-11-22T00:01:24":                 "2026-11-22T00:01:24Z",
		"2026-11-22":                          "2026-11-22T00:00:00Z",
		"2024-02-29T23:59:59.123Z":            "2024-02-29T23:59:59.123Z",
		"2016-12-31T23:59:60Z":                "2017-01-01T00:00:00Z",
		"1969-12-31T23:59:59.999Z":            "1969-12-31T23:59:59.999Z",
		"0001-01-01T00:00:00Z":                "0001-01-01T00:00:00Z",
		"9999-12-31T23:59:59.999Z":            "9999-12-31T23:59:59.999Z",
		"2026-11-22T00:01:24.123456789+14:00": "2026-11-21T10:01:24.123Z",
	} {
		if got, ok := ParseTime(in); !ok || got != at(want) {
			t.Errorf("ParseTime(%q) = %d, %t; want %d", in, got, ok, at(want))
		}
	}
}

func TestParseTimeRefusesTheRest(t *testing.T) {
	for _, in := range []string{
		"", "now", "1795305598", "2026", "2026-11", "2026-1-2", "22/11/2026", "2026/11/22",
		"2026-13-01", "2026-00-01", "2026-11-31", "2025-02-29", "1900-02-29T00:00:00Z", "2026-11-00",
		"2026-11-22T", "2026-11-22T24:00:00Z", "2026-11-22T23:60:00Z", "2026-11-22T23:59:61Z",
		"2026-11-22T23:59Z", "2026-11-22T23:59:59.Z", "2026-11-22T23:59:59.1234567890Z",
		"2026-11-22T23:59:59,123Z", "2026-11-22T23:59:59 Z", "2026-11-22T23:59:59+1", "2026-11-22T23:59:59+24:00",
		"2026-11-22T23:59:59+01:60", "2026-11-22T23:59:59+01:0", "2026-11-22T23:59:59GMT", "2026-11-22x23:59:59Z",
		"0000-12-31T23:59:59Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-00:01", "0000-01-01",
		"２０２６-11-22", "2026-11-22T23:59:59.000000000000000000000Z",
	} {
		if got, ok := ParseTime(in); ok {
			t.Errorf("ParseTime(%q) = %d, want no time", in, got)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	f.Add("2026-11-22T00:01:24.113268483Z")
	f.Add("2026-11-22 00:01:24-0530")
	f.Fuzz(func(t *testing.T, s string) {
		ms, ok := ParseTime(s)
		if !ok {
			return
		}
		if back, ok := ParseTime(FormatTime(ms)); !ok || back != ms {
			t.Fatalf("%q is %d, written as %q, read back as %d, %t", s, ms, FormatTime(ms), back, ok)
		}
	})
}

func TestCorrect(t *testing.T) {
	const (
		received = int64(1_800_000_000_000)
		second   = int64(1000)
		day      = 24 * 60 * 60 * second
	)
	for _, c := range []struct {
		name                     string
		explicit, original, sent int64
		want                     int64
		flags                    Flags
	}{
		{"nothing given", NoTime, NoTime, NoTime, received, 0},
		{"only sentAt", NoTime, NoTime, received - 60*second, received, 0},
		{"no sentAt", NoTime, received - 7*day, NoTime, received - 7*day, 0},
		{"the network explains the difference", NoTime, received - 10*second, received - 4999, received - 10*second, 0},
		{"a slow clock", NoTime, received - 3600*second - 10*second, received - 3600*second, received - 10*second, CorrectedTime},
		{"a fast clock", NoTime, received + 3600*second - 10*second, received + 3600*second, received - 10*second, CorrectedTime},
		{"exactly five seconds", NoTime, received - 7*second, received - 5*second, received - 2*second, CorrectedTime},
		{"history with a right clock", NoTime, received - 2000*day, received - second, received - 2000*day, 0},
		{"sent and original equal on a wrong clock", NoTime, received - 99*day, received - 99*day, received, CorrectedTime},
		{"explicit is final", received - 3*day, received - 50*day, received - 40*day, received - 3*day, 0},
		{"explicit far ahead", received + 2*day, received, received, received, ClampedTime},
		{"a day ahead is taken", NoTime, received + day, NoTime, received + day, 0},
		{"over a day ahead", NoTime, received + day + 1, NoTime, received, ClampedTime},
		{"corrected to far ahead", NoTime, received + 5*day, received - 5*day, received, ClampedTime},
		{"corrected to before year one", NoTime, yearOne, received + 900000*day, received, ClampedTime},
	} {
		got, flags := Correct(c.explicit, c.original, c.sent, received)
		if got != c.want || flags != c.flags {
			t.Errorf("%s: %d with flags %b, want %d with %b", c.name, got-received, flags, c.want-received, c.flags)
		}
	}
}
