package scenario

import (
	"fmt"
	"strings"
)

// masker gives numbered names to what differs from run to run or from engine to
// engine, in the order in which a file shows it: <id1>, <hash2>.
type masker struct {
	names  map[string]string // by kind and real value
	reals  map[string]string // by name
	counts map[string]int    // by kind
}

func newMasker() *masker {
	return &masker{names: map[string]string{}, reals: map[string]string{}, counts: map[string]int{}}
}

// name returns the name of a value.
func (m *masker) name(kind, real string) string {
	key := kind + " " + real
	if n, ok := m.names[key]; ok {
		return n
	}
	m.counts[kind]++
	n := fmt.Sprintf("<%s%d>", kind, m.counts[kind])
	m.names[key], m.reals[n] = n, real
	return n
}

// real returns the value behind a name; what is no name stands for itself.
func (m *masker) real(name string) (string, error) {
	if !strings.HasPrefix(name, "<") || !strings.HasSuffix(name, ">") {
		return name, nil
	}
	if real, ok := m.reals[name]; ok {
		return real, nil
	}
	return "", wrong("names like this one are given by the output of commands further up", "%.40q stands for nothing yet", name)
}
