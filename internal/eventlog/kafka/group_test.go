package kafka

import (
	"slices"
	"sync"
	"testing"

	"kith/internal/eventlog/kafka/kafkatest"
)

// member notes what a member of the group holds, and never holds a partition that
// another one does.
type member struct {
	mu      *sync.Mutex
	all     map[int32]*member // by partition, who holds it
	changed chan struct{}
	t       *testing.T
}

func (m *member) gained(partitions []int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range partitions {
		if m.all[p] != nil {
			m.t.Errorf("partition %d is given away while it is held", p)
		}
		m.all[p] = m
	}
	m.tell()
}

func (m *member) lost(partitions []int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range partitions {
		delete(m.all, p)
	}
	m.tell()
}

func (m *member) tell() {
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

// await waits until the members hold so many partitions each, in this order.
func await(t *testing.T, changed <-chan struct{}, mu *sync.Mutex, all map[int32]*member, members []*member, want ...int) {
	t.Helper()
	for {
		mu.Lock()
		got := make([]int, len(members))
		for _, m := range all {
			got[slices.Index(members, m)]++
		}
		mu.Unlock()
		if slices.Equal(got, want) {
			return
		}
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatalf("the members hold %v partitions, want %v", got, want)
		}
	}
}

// TestGroup: members share the partitions evenly, none is held by two at a time, and
// who leaves gives back what it held. Those of another name share them apart.
func TestGroup(t *testing.T) {
	url := kafkatest.Start(t)
	var mu sync.Mutex
	all, changed := map[int32]*member{}, make(chan struct{}, 1)
	var members []*member
	var groups []*Group
	enter := func(name string, m *member) *Group {
		l := mustOpen(t, url, "shared", Options{Partitions: 6})
		g, err := l.Join(name, m.gained, m.lost)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	join := func() {
		m := &member{mu: &mu, all: all, changed: changed, t: t}
		members = append(members, m)
		groups = append(groups, enter("a", m))
	}
	join()
	await(t, changed, &mu, all, members, 6)
	join()
	await(t, changed, &mu, all, members, 3, 3)
	join()
	await(t, changed, &mu, all, members, 2, 2, 2)
	apart, elsewhere := map[int32]*member{}, make(chan struct{}, 1)
	other := &member{mu: &mu, all: apart, changed: elsewhere, t: t}
	stranger := enter("b", other)
	await(t, elsewhere, &mu, apart, []*member{other}, 6)
	groups[0].Leave()
	await(t, changed, &mu, all, members, 0, 3, 3)
	groups[1].Leave()
	groups[2].Leave()
	await(t, changed, &mu, all, members, 0, 0, 0)
	await(t, elsewhere, &mu, apart, []*member{other}, 6)
	stranger.Leave()
}
