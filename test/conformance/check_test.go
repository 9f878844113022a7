package conformance

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
)

// sdk is what is particular about one SDK: what it adds to what it is told, or
// leaves out.
type sdk struct {
	name       string
	comparison comparison

	adds       map[string][]string // members that it adds to properties, by type
	context    obj                 // that it gives every message
	address    obj                 // context that it gives messages but page calls, which have their own
	lacks      []string            // what it cannot be told: alias, screen, category, timestamp, messageId, integrations
	ownContext []string            // members of the context that it says itself
	ownPage    []string            // properties of pages that it says itself

	// browser: it remembers who is speaking. Its messages carry the ids and the
	// traits of that person as known when they are sent.
	browser bool

	// keepsGroup: it says the last group with everything.
	keepsGroup bool

	// namesInProperties: the name of a page is one of its properties.
	namesInProperties bool

	// finalTimestamp: a time that the caller gives goes out as a timestamp that
	// is final, beside the time of the call.
	finalTimestamp bool

	integrations []string // destinations that it names on its own

	clock time.Duration // by how much its machine's clock is ahead

	// needsAnswer: it gives up a batch when half of the answer is missing, and
	// says so, though the messages are stored.
	needsAnswer bool

	// escapes: it writes every character outside ASCII as an escape, and holds
	// that against the limit of an event.
	escapes bool

	// patience is how many of a message's requests are broken, if not twice:
	// fewer for an SDK that waits long before it tries again.
	patience int
}

func (s *sdk) can(what string) bool { return !slices.Contains(s.lacks, what) }

// run is one delivery that is over: what was planned, by which SDK, when, and
// what the proxy saw.
type run struct {
	sdk   *sdk
	plan  *plan
	proxy *proxy
	began time.Time
	ended time.Time

	// killed: kith was killed under way. Requests that it had stored but not yet
	// answered were accepted without the proxy's knowledge.
	killed bool
}

// check holds kith's state against the plan.
func (r *run) check(ctx context.Context, t *testing.T, k *kith) {
	t.Helper()
	s := k.flushed(ctx, t)
	r.checkCounts(t, s)
	for n := range r.plan.persons {
		r.checkPerson(ctx, t, k, n)
	}
}

func (r *run) checkCounts(t *testing.T, s status) {
	t.Helper()
	p := r.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.strange {
		t.Errorf("kith answered what no SDK should see: %s", line)
	}
	if len(p.stored) != messages {
		t.Errorf("%d distinct messages were answered 200, want %d", len(p.stored), messages)
	}
	if s.Accepted != p.answered && !(r.killed && s.Accepted > p.answered) {
		t.Errorf("accepted is %d; the messages in requests that were answered 200 are %d", s.Accepted, p.answered)
	}
	if s.Repeats != s.Accepted-messages {
		t.Errorf("repeats is %d; %d messages were accepted and %d of them are distinct", s.Repeats, s.Accepted, messages)
	}
	if s.Processed != s.Accepted || s.Lag != 0 {
		t.Errorf("after a flush %d of %d messages are processed and the lag is %d", s.Processed, s.Accepted, s.Lag)
	}
	if sent := len(r.plan.calls) - messages; s.Repeats < sent {
		t.Errorf("repeats is %d; %d messages were sent twice by themselves", s.Repeats, sent)
	}
	if p.every > 0 {
		if s.Repeats < 2 {
			t.Errorf("repeats is %d, though answers were lost", s.Repeats)
		}
		for _, f := range faults {
			if p.done[f] == 0 {
				t.Errorf("no request met this fault: %s", f)
			}
		}
	}
	t.Logf("%s: %d requests, %d messages answered 200, %d repeats, faults %v, other requests %v, %s",
		r.sdk.name, p.requests, p.answered, s.Repeats, p.done, p.other, r.ended.Sub(r.began).Round(time.Millisecond))
}

func (r *run) checkPerson(ctx context.Context, t *testing.T, k *kith, n int) {
	t.Helper()
	who := r.plan.persons[n]
	events := k.events(ctx, t, "user_id", who.userID)
	if want := r.plan.distinct(n); len(events) != want {
		t.Errorf("person %d has %d events, want %d", n, len(events), want)
	}
	planned := map[string][]call{}
	for _, c := range r.plan.calls {
		if c.Person == n {
			planned[c.mark()] = append(planned[c.mark()], c)
		}
	}
	seen, ids := map[string]bool{}, map[string]bool{}
	for _, e := range events {
		mark, id := markOf(e), text(e, "messageId")
		if seen[mark] || ids[id] {
			t.Errorf("message %s, id %s, is there more than once", mark, id)
		}
		seen[mark], ids[id] = true, true
		calls, ok := planned[mark]
		if !ok {
			t.Errorf("person %d has an event that is not planned for them: %s", n, show(e))
			continue
		}
		if d := r.bestMatch(t, calls, e); len(d) > 0 {
			t.Errorf("message %s (%s): %q", mark, calls[0].Type, d)
		}
	}
	for mark, calls := range planned {
		if !seen[mark] {
			t.Errorf("message %s (%s %s%s) is missing", mark, calls[0].Type, calls[0].Event, calls[0].Name)
		}
	}
	checkOrder(t, events)
	r.checkProfile(t, k.profile(ctx, t, "user_id", who.userID), n, len(events))
	for kind, values := range who.identifiers {
		for _, v := range values {
			if p := k.profile(ctx, t, kind, v); p.Events != len(events) {
				t.Errorf("person %d found by %s has %d events, want %d", n, kind, p.Events, len(events))
			}
		}
	}
}

// bestMatch returns the differences between an event and the nearest of the
// calls that may have become it.
func (r *run) bestMatch(t *testing.T, calls []call, e obj) []string {
	var best []string
	for i, c := range calls {
		d := r.differences(t, c, e)
		if i == 0 || len(d) < len(best) {
			best = d
		}
	}
	return best
}

// differences returns in what an event is not the call that was made.
func (r *run) differences(t *testing.T, c call, e obj) []string {
	var out []string
	same := func(key, want string) {
		if got := text(e, key); got != want {
			out = append(out, fmt.Sprintf("%s: %q, want %q", key, got, want))
		}
	}
	same("type", c.Type)
	same("event", c.Event)
	same("category", c.Category)
	if !r.sdk.namesInProperties {
		same("name", c.Name)
	} else if got := text(object(e, "properties"), "name"); c.Type == "page" && got != c.Name {
		out = append(out, fmt.Sprintf("properties.name: %q, want %q", got, c.Name))
	}
	if c.Type == "group" || !r.sdk.keepsGroup {
		same("groupId", c.GroupID)
	}
	if c.Type == "alias" {
		same("previousId", c.PreviousID)
	}
	if c.MessageID != "" {
		same("messageId", c.MessageID)
	}
	if c.UserID != "" || !r.sdk.browser {
		same("userId", c.UserID)
	}
	if c.AnonymousID != "" && c.Type != "alias" {
		same("anonymousId", c.AnonymousID)
	}
	out = append(out, r.contents(t, c, e)...)
	return append(out, r.times(c, e)...)
}

// contents compares properties, traits, context and integrations.
func (r *run) contents(t *testing.T, c call, e obj) []string {
	var out []string
	cmp := r.sdk.comparison
	if c.Properties != nil {
		want := maps.Clone(c.Properties)
		if c.Type == "page" {
			maps.DeleteFunc(want, func(k string, _ any) bool { return slices.Contains(r.sdk.ownPage, k) })
		}
		got := without(object(e, "properties"), r.sdk.adds[c.Type], want)
		out = append(out, cmp.equal("properties", decoded(t, want), got)...)
	}
	if c.Traits != nil {
		got := object(e, "traits")
		if len(got) == 0 {
			got = object(object(e, "context"), "traits")
		}
		if c.Type == "identify" && r.sdk.browser {
			out = append(out, cmp.within("traits", decoded(t, c.Traits), got)...)
		} else {
			out = append(out, cmp.equal("traits", decoded(t, c.Traits), got)...)
		}
	}
	context := maps.Clone(r.sdk.context)
	if c.Type != "page" {
		maps.Copy(context, r.sdk.address)
	}
	maps.Copy(context, c.Context)
	for _, key := range r.sdk.ownContext {
		delete(context, key)
	}
	out = append(out, cmp.within("context", decoded(t, context), e["context"])...)
	integrations := without(object(e, "integrations"), r.sdk.integrations, c.Integrations)
	if len(c.Integrations) > 0 || len(integrations) > 0 {
		out = append(out, cmp.equal("integrations", decoded(t, c.Integrations), integrations)...)
	}
	return out
}

// times checks that the event's time is the one that was said, corrected for the
// client's clock when that is off.
func (r *run) times(c call, e obj) []string {
	at := map[string]time.Time{}
	for _, key := range []string{"timestamp", "originalTimestamp", "sentAt", "receivedAt", "received_at"} {
		if key == "originalTimestamp" && r.sdk.finalTimestamp {
			continue
		}
		v, err := time.Parse(time.RFC3339Nano, text(e, key))
		if err != nil {
			return []string{fmt.Sprintf("%s: %v", key, err)}
		}
		at[key] = v
	}
	received, sent, original := at["received_at"], at["sentAt"], at["originalTimestamp"]
	if !received.Equal(at["receivedAt"]) {
		return []string{fmt.Sprintf("received_at %s is not receivedAt %s", received, at["receivedAt"])}
	}
	if r.sdk.finalTimestamp {
		original, sent = at["timestamp"], received
	}
	began := r.began.Truncate(time.Millisecond)
	lo, hi := began.Add(r.sdk.clock), r.ended.Add(r.sdk.clock)
	if c.Timestamp != "" {
		v, err := time.Parse(time.RFC3339Nano, c.Timestamp)
		if err != nil {
			return []string{err.Error()}
		}
		lo, hi = v, v
	}
	if original.Before(lo) || original.After(hi) {
		return []string{fmt.Sprintf("the time as said is %s, want between %s and %s", original, lo, hi)}
	}
	want := original
	if skew := received.Sub(sent); skew.Abs() >= 5*time.Second {
		want = received.Add(-sent.Sub(original))
	}
	if got := at["timestamp"]; !got.Equal(want) {
		return []string{fmt.Sprintf("timestamp is %s, want %s", got, want)}
	} else if c.Timestamp == "" && (got.Before(began) || got.After(r.ended)) {
		return []string{fmt.Sprintf("timestamp is %s, but the call was made between %s and %s", got, began, r.ended)}
	}
	return nil
}

func (r *run) checkProfile(t *testing.T, p profile, n, events int) {
	t.Helper()
	who := r.plan.persons[n]
	if p.Events != events {
		t.Errorf("the profile of person %d counts %d events, its timeline has %d", n, p.Events, events)
	}
	has := func(kind, value string) bool {
		for _, id := range p.Identifiers {
			if value == id.Value && (kind == "" || kind == id.Type) {
				return true
			}
		}
		return false
	}
	for kind, values := range who.identifiers {
		for _, v := range values {
			if !has(kind, v) {
				t.Errorf("person %d lacks the identifier %s %q of %v", n, kind, v, p.Identifiers)
			}
		}
	}
	for _, v := range who.foreign {
		if has("", v) {
			t.Errorf("person %d has the identifier %q of somebody else", n, v)
		}
	}
	if d := r.sdk.comparison.within("profile.traits", decoded(t, who.traits), any(p.Traits)); len(d) > 0 {
		t.Errorf("person %d: %q", n, d)
	}
	for _, key := range who.cleared {
		if v, there := p.Traits[key]; there && !r.sdk.comparison.noNulls {
			t.Errorf("person %d has the trait %s, %s, which was cleared", n, key, show(v))
		}
	}
	for _, a := range who.accounts {
		if !slices.Contains(p.Accounts, a) {
			t.Errorf("person %d is not of the account %q but of %q", n, a, p.Accounts)
		}
	}
}

// checkOrder: a timeline has the newest first.
func checkOrder(t *testing.T, events []obj) {
	t.Helper()
	for i := 1; i < len(events); i++ {
		a, _ := time.Parse(time.RFC3339Nano, text(events[i-1], "timestamp"))
		b, _ := time.Parse(time.RFC3339Nano, text(events[i], "timestamp"))
		if a.Before(b) {
			t.Errorf("event %d of the timeline, of %s, comes before one of %s", i-1, a, b)
		}
	}
}

// markOf is the mark of the call that became an event.
func markOf(e obj) string {
	for _, key := range []string{"properties", "traits", "context"} {
		if m := text(object(e, key), "kx"); m != "" {
			return m
		}
	}
	return text(object(object(e, "context"), "traits"), "kx")
}

func text(o obj, key string) string {
	s, _ := o[key].(string)
	return s
}

func object(o obj, key string) obj {
	v, _ := o[key].(obj)
	return v
}

// without is an object less those of the members that were not planned.
func without(o obj, members []string, planned obj) obj {
	out := obj{}
	for k, v := range o {
		if _, ok := planned[k]; ok || !slices.Contains(members, k) {
			out[k] = v
		}
	}
	return out
}
