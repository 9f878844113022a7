package people

import (
	"math/rand/v2"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Class is one way of looking for a person.
type Class struct {
	Name   string
	Unique bool    // what is asked for belongs to one person alone
	Least  float64 // percent of queries that have to find the right one
	// Query is what is asked; ok is false when the person cannot be asked for so.
	Query func(rng *rand.Rand, p *Person) (q string, ok bool)
}

// Classes are the ways of looking for people.
func Classes() []Class {
	plain := func(f func(*Person) string) func(*rand.Rand, *Person) (string, bool) {
		return func(_ *rand.Rand, p *Person) (string, bool) { return f(p), true }
	}
	typo := func(f func(*Person) string) func(*rand.Rand, *Person) (string, bool) {
		return func(rng *rand.Rand, p *Person) (string, bool) { return Typo(rng, f(p)) }
	}
	apart := func(p *Person) string { return p.Given + " " + p.Last }
	return []Class{
		{"id", true, 100, plain(func(p *Person) string { return p.UserID })},
		{"e-mail", true, 100, plain(func(p *Person) string { return p.Email })},
		{"e-mail, typo", true, 97, typo(func(p *Person) string { return p.Email })},
		{"phone", true, 100, phone},
		{"order number", true, 100, func(rng *rand.Rand, p *Person) (string, bool) { return loose(rng, p.Order), p.Number%4 == 0 }},
		{"full name", false, 99.5, plain(apart)},
		{"last name first", false, 99.5, plain(func(p *Person) string { return p.Last + " " + p.Given })},
		{"without accents", false, 99.5, plain(func(p *Person) string { return Bare(apart(p)) })},
		{"as written", false, 99.5, plain(func(p *Person) string { return p.Name })},
		{"name, typo", false, 97, func(rng *rand.Rand, p *Person) (string, bool) {
			if !p.Spaced || len([]rune(p.Last)) < 4 {
				return "", false // a typo in a name of two or three characters is another name
			}
			last, ok := Typo(rng, p.Last)
			return p.Given + " " + last, ok
		}},
		{"name, typo in either", false, 97, func(rng *rand.Rand, p *Person) (string, bool) {
			if len([]rune(p.Last)) < 4 || len([]rune(p.Given)) < 4 {
				return "", false
			}
			with, ok := Typo(rng, p.Given+" "+p.Last)
			return strings.ToLower(with), ok
		}},
		{"name, unfinished", false, 97, func(_ *rand.Rand, p *Person) (string, bool) {
			last := []rune(p.Last)
			return p.Given + " " + string(last[:max(len(last)-2, 1)]), p.Spaced && len(last) > 5
		}},
		{"name and city", false, 99.5, plain(func(p *Person) string { return p.City + " " + p.Last + " " + p.Given })},
	}
}

// phone writes a number as people do.
func phone(rng *rand.Rand, p *Person) (string, bool) {
	n := p.National
	switch rng.IntN(6) {
	case 0:
		return p.Phone, true
	case 1:
		return n, true
	case 2:
		return n[:2] + " " + n[2:4] + " " + n[4:6] + " " + n[6:8] + " " + n[8:], true
	case 3:
		return "+33 (0)" + n[1:2] + " " + n[2:6] + "-" + n[6:], true
	case 4:
		return "0033" + n[1:], true
	}
	return n[:2] + "." + n[2:4] + "." + n[4:6] + "." + n[6:8] + "." + n[8:], true
}

// loose writes an order number in small letters or without what is between.
func loose(rng *rand.Rand, s string) string {
	switch rng.IntN(3) {
	case 0:
		return strings.ToLower(s)
	case 1:
		return strings.ReplaceAll(s, "-", " ")
	}
	return s
}

// Bare is a text without its accents, where these are marks of their own.
func Bare(s string) string {
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if r >= 0x300 && r <= 0x36f {
			return -1
		}
		return r
	}, norm.NFD.String(s)))
}
