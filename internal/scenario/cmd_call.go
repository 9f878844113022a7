package scenario

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"kith/event"
)

func identifyCall() *command {
	return call("identify", "says who somebody is, and what is known of them.")
}
func trackCall() *command  { return call("track", "says what somebody did.") }
func pageCall() *command   { return call("page", "says which page somebody saw.") }
func screenCall() *command { return call("screen", "says which screen of an app somebody saw.") }
func groupCall() *command  { return call("group", "says to which account somebody belongs.") }
func aliasCall() *command  { return call("alias", "says that two ids are one person's.") }

// call is one of the calls of the Segment specification. Its arguments are the
// message's members.
func call(name, about string) *command {
	return &command{
		name: name, usage: "MEMBER=VALUE…", about: about, shape: callShape, check: checkCall,
		run: func(ctx context.Context, s *session, st *step) (string, error) {
			body := s.message(st, false)
			rec, err := s.ask(ctx, request{
				method: http.MethodPost, path: "/v1/" + name, source: s.sourceOf(st), body: []byte(body),
			})
			if err != nil {
				return "", err
			}
			return tell(rec)
		},
	}
}

// timeMembers are the members that may be given as a distance from now.
var timeMembers = []string{"timestamp", "originalTimestamp", "sentAt"}

func checkCall(s *step) error {
	if _, both := s.option("timestamp"); both {
		if _, ok := s.option("at"); ok {
			return wrong("at= and timestamp= are the same member", "the call has both at and timestamp")
		}
	}
	if at, ok := s.option("at"); ok {
		if _, err := parseMoment(at.text(), start); err != nil {
			return err
		}
	}
	return checkSource(s)
}

func checkSource(s *step) error {
	v, ok := s.option("source")
	if !ok {
		return nil
	}
	if name := v.text(); name == "" || strings.ContainsAny(name, ":/ ") {
		return wrong("use letters, digits, - and _", "%.40q cannot be the name of a source", name)
	}
	return nil
}

// sourceOf returns the source of a call or batch and makes it if there is none.
func (s *session) sourceOf(st *step) string {
	name := st.text("source", defaultSource)
	s.sources.add(name)
	return name
}

// message writes a call as JSON. A call without a messageId gets one from its
// place in the file, so that the order in which calls are sent does not show.
func (s *session) message(st *step, typed bool) string {
	var members []string
	add := func(key, value string) { members = append(members, quote(key)+":"+value) }
	if typed {
		add("type", quote(st.command.name))
	}
	for _, a := range st.args {
		switch {
		case a.key == "source":
		case a.key == "at":
			add("timestamp", s.moment(a.value))
		case slices.Contains(timeMembers, a.key):
			add(a.key, s.relative(a.value))
		default:
			add(a.key, a.value.json)
		}
	}
	id, given := st.option("messageId")
	if !given {
		id = value{json: quote(fmt.Sprintf("m%03d", st.number))}
		add("messageId", id.json)
	}
	s.known[id.text()] = true
	return "{" + strings.Join(members, ",") + "}"
}

// moment writes a moment that the check has found good.
func (s *session) moment(v value) string {
	t, err := parseMoment(v.text(), s.clock.Now())
	if err != nil {
		return v.json
	}
	return quote(event.FormatTime(t.UnixMilli()))
}

// relative turns a distance from now into a time and leaves the rest: what a
// message says need not be a time at all.
func (s *session) relative(v value) string {
	if text := v.text(); v.word && relative(text) {
		return s.moment(v)
	}
	return v.json
}
