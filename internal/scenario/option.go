package scenario

import (
	"strconv"
	"strings"
)

// wholeNumber reads an option that is a whole number.
func wholeNumber(s *step, key string, other, least, most int64) (int64, error) {
	v, ok := s.option(key)
	if !ok {
		return other, nil
	}
	n, err := strconv.ParseInt(v.text(), 10, 64)
	if err != nil || n < least || n > most {
		return 0, wrong("write: "+s.command.form(), "%s must be a whole number from %d to %d", key, least, most)
	}
	return n, nil
}

// yes reads an option that is true or false.
func yes(s *step, key string, other bool) (bool, error) {
	v, ok := s.option(key)
	if !ok {
		return other, nil
	}
	if v.json != "true" && v.json != "false" {
		return false, wrong("write: "+s.command.form(), "%s must be true or false", key)
	}
	return v.json == "true", nil
}

// list reads an option that holds words with commas between them.
func list(s *step, key string) []string {
	if text := s.text(key, ""); text != "" {
		return strings.Split(text, ",")
	}
	return nil
}
