package decimal

import "testing"

func BenchmarkParse(b *testing.B) {
	for _, s := range []string{"3", "27.50", "1720000000000", "1.5e3", "12345678901234567890123456789.1234567895"} {
		b.Run(s, func(b *testing.B) {
			literal := []byte(s)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(literal); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkArithmetic(b *testing.B) {
	x, y := mustParse(b, "12345678901234567.25"), mustParse(b, "98765432101.125")
	for name, do := range map[string]func() (Decimal, bool){
		"Add": func() (Decimal, bool) { return x.Add(y) },
		"Mul": func() (Decimal, bool) { return x.Mul(y) },
		"Div": func() (Decimal, bool) { return x.Div(y) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, ok := do(); !ok {
					b.Fatal("out of range")
				}
			}
		})
	}
}

func BenchmarkAppendTo(b *testing.B) {
	d := mustParse(b, "27.5")
	var room [64]byte
	for b.Loop() {
		d.AppendTo(room[:0])
	}
}
