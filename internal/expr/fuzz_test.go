package expr

import (
	"testing"
	"time"

	"kith/internal/expr/exprtest"
	"kith/internal/resource/form"
)

// FuzzRead: no document stops the reader, and what it takes can be asked.
func FuzzRead(f *testing.F) {
	for seed := range uint64(40) {
		f.Add(exprtest.New(seed).Condition(2))
	}
	f.Fuzz(func(t *testing.T, text string) {
		var c Condition
		if err := form.Read([]byte(text), func(o *form.Object) { c = Read(o, Options{}) }); err != nil {
			return
		}
		p := randomPerson(exprtest.New(1), true)
		c.Eval(&Context{Now: exprtest.Midnight, Zone: time.UTC, Subject: p, Explain: true})
	})
}
