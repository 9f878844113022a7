package resource

import (
	"bytes"
	"testing"
)

func TestIDsSortByTime(t *testing.T) {
	before := ""
	for at := int64(1795305598000); at < 1795305598000+300; at += 7 {
		id, err := NewID("dec_", at, bytes.NewReader(make([]byte, 10)))
		if err != nil || id <= before || len(id) != 36 {
			t.Fatalf("%q after %q: %v", id, before, err)
		}
		before = id
	}
	if _, err := NewID("dec_", 1, bytes.NewReader(nil)); err == nil {
		t.Error("an id without chance")
	}
}
