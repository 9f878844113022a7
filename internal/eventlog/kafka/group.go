package kafka

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"kith/internal/errs"
)

const (
	// sessionTimeout is after what silence of a member the others take its
	// partitions: as short as brokers allow by default.
	sessionTimeout   = 6 * time.Second
	heartbeatEvery   = 500 * time.Millisecond
	rebalanceTimeout = 20 * time.Second
	// leaveTimeout bounds Leave, so that a stop does not wait for brokers.
	leaveTimeout = 2 * time.Second
)

// Group is the membership of this process in the group of those that fold the
// topic.
type Group struct{ client *kgo.Client }

// Join makes this process one of those that share the topic's partitions, and
// tells it which it holds. Each state that is folded from the topic has a name of its
// own, and so a group: partitions are shared by those alone that fold into it. The group only says who works on what: records are read
// by position, and positions lie with the state and not with the brokers. A
// rebalance takes from a member only what another one is to have; the rest goes on.
//
// lost has to return soon, for the partitions are another's from then on, and the
// calls come one after the other. A member that was silent for too long hears of it
// when it speaks again; until then it may work on what is another's, and whatever
// it commits has to be refused by then. While no broker can be reached, members
// keep what they have.
func (l *Log) Join(name string, gained, lost func(partitions []int32)) (*Group, error) {
	told := func(f func([]int32)) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, topics map[string][]int32) {
			var known []int32
			for _, p := range topics[l.target.topic] {
				if int(p) < l.Partitions() { // what was added since is not taken up
					known = append(known, p)
				}
			}
			if len(known) > 0 {
				f(known)
			}
		}
	}
	client, err := l.target.newClient(
		kgo.ConsumeTopics(l.target.topic),
		kgo.ConsumerGroup(l.target.topic+".fold."+name),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()),
		kgo.SessionTimeout(sessionTimeout),
		kgo.HeartbeatInterval(heartbeatEvery),
		kgo.RebalanceTimeout(rebalanceTimeout),
		kgo.OnPartitionsAssigned(told(gained)),
		kgo.OnPartitionsRevoked(told(lost)),
		kgo.OnPartitionsLost(told(lost)),
	)
	if err != nil {
		return nil, errs.Wrap(err, errs.Internal, "eventlog.options", "joining the group of topic %s", l.target.topic)
	}
	client.PauseFetchTopics(l.target.topic) // it is never polled
	return &Group{client}, nil
}

// Leave gives back what is held, at once, so that the others need not wait for the
// silence. It returns when lost has been called for all of it.
func (g *Group) Leave() {
	ctx, stop := context.WithTimeout(context.Background(), leaveTimeout)
	defer stop()
	_ = g.client.LeaveGroupContext(ctx) // if it fails, the others wait for the silence
	g.client.Close()
}
