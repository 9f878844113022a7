package scenario

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"kith/internal/profile"
	"kith/internal/strictjson"
)

func eventsCommand() *command {
	return query("events", "[show=MEMBER,…|show=json] [limit=N]",
		"shows a person's events, newest first, in the form in which calls are written; show adds context, sentAt and other members, or shows the events as the API answers them.",
		[]string{"show", "limit"}, runEvents)
}

// pageMax is the largest page that the reader gives.
const pageMax = 1000

func runEvents(ctx context.Context, s *session, st *step, ref profile.Ref) (string, error) {
	limit, err := wholeNumber(st, "limit", pageMax, 1, pageMax)
	if err != nil {
		return "", err
	}
	page, err := s.reader.Events(ctx, ref, profile.Page{Limit: int(limit)})
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for _, raw := range page.Events {
		var doc strictjson.Doc
		if err := doc.Parse(raw, strictjson.Limits{}); err != nil {
			return "", fmt.Errorf("the timeline answers an event that is not JSON: %w", err)
		}
		if show := st.text("show", ""); show == "json" {
			out.WriteString(s.maskedEvent(doc.Root()))
		} else {
			out.WriteString(s.showEvent(doc.Root(), strings.Split(show, ",")))
		}
	}
	if page.Next != "" {
		out.WriteString("more\n")
	}
	return out.String(), nil
}

// hiddenMembers of an event are shown only on request.
var hiddenMembers = []string{
	"type", "timestamp", "messageId", "originalTimestamp", "sentAt", "receivedAt", "received_at", "node_id", "context", "integrations",
}

// showEvent writes an event like a call.
func (s *session) showEvent(e strictjson.Value, show []string) string {
	out := []string{shortTime(e.Get("timestamp").Text()), e.Get("type").Text()}
	var hidden []string
	for k, v := range e.Members() {
		key := k.String()
		if !slices.Contains(hiddenMembers, key) {
			out = append(out, key+"="+plain(string(v.Raw())))
		} else if slices.Contains(show, key) {
			hidden = append(hidden, key+"="+s.member(key, v))
		}
	}
	out = append(out, "messageId="+s.member("messageId", e.Get("messageId")))
	return strings.Join(append(out, hidden...), " ") + "\n"
}

// member writes the value of a member, numbered where it is made at random.
func (s *session) member(key string, v strictjson.Value) string {
	switch key {
	case "messageId":
		return s.messageID(v.Text())
	case "node_id":
		return s.mask.name("id", v.Text())
	case "originalTimestamp", "sentAt", "receivedAt", "received_at":
		return shortTime(v.Text())
	}
	return plain(string(v.Raw()))
}

// shortTime writes a time without a fraction that is zero.
func shortTime(s string) string { return strings.Replace(s, ".000Z", "Z", 1) }

// maskedEvent is the event as the API answers it.
func (s *session) maskedEvent(e strictjson.Value) string {
	var members []string
	for k, v := range e.Members() {
		raw := string(v.Raw())
		if key := k.String(); key == "node_id" || key == "messageId" && strings.HasPrefix(s.member(key, v), "<message") {
			raw = quote(s.member(key, v))
		}
		members = append(members, quote(k.String())+":"+raw)
	}
	return "{" + strings.Join(members, ",") + "}\n"
}
