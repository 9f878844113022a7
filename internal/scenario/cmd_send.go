package scenario

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzip"
)

func sendCommand() *command {
	return &command{
		name: "send", usage: "METHOD PATH [source=NAME] [from=ADDRESS] [encoding=gzip] [header.NAME=TEXT…] [show=HEADER,…] [--] [BODY]",
		about: "sends one request to the collector as it is written and shows status, headers asked for, and body.",
		shape: rawShape,
		check: func(s *step) error { _, err := parseSend(s); return err },
		run: func(ctx context.Context, s *session, st *step) (string, error) {
			r, err := parseSend(st)
			if err != nil {
				return "", err
			}
			if r.source != "" {
				s.sources.add(r.source)
			}
			rec, err := s.ask(ctx, r.request)
			if err != nil {
				return "", err
			}
			return s.show(rec, r.show), nil
		},
	}
}

// sending is what a send command asks for.
type sending struct {
	request
	show []string // headers of the answer
}

func parseSend(st *step) (sending, error) {
	var r sending
	rest := st.raw
	r.method, rest = cutWord(rest)
	r.path, rest = cutWord(strings.TrimLeft(rest, " \t"))
	if r.method == "" || !strings.HasPrefix(r.path, "/") {
		return r, wrong("write: "+st.command.form(), "send needs a method and a path")
	}
	if _, err := r.http(); err != nil {
		return r, err
	}
	var packed bool
	for rest = strings.TrimLeft(rest, " \t"); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		if word, after := cutWord(rest); word == "--" {
			rest = strings.TrimLeft(after, " \t")
			break
		}
		if key, _ := cutKey(rest); key == "" {
			break
		}
		a, after, err := cutArg(rest)
		if err != nil {
			return r, err
		}
		if err := r.set(st, a, &packed); err != nil {
			return r, err
		}
		rest = after
	}
	r.body = []byte(rest)
	if packed {
		r.header = append(r.header, [2]string{"Content-Encoding", "gzip"})
		r.body = gzipped(r.body)
	}
	return r, nil
}

func (r *sending) set(st *step, a arg, packed *bool) error {
	name, isHeader := strings.CutPrefix(a.key, "header.")
	switch {
	case isHeader:
		r.header = append(r.header, [2]string{name, a.value.text()})
	case a.key == "source":
		r.source = a.value.text()
		return checkSource(&step{args: []arg{a}})
	case a.key == "from":
		r.address = a.value.text()
	case a.key == "encoding" && a.value.text() == "gzip":
		*packed = true
	case a.key == "show":
		r.show = strings.Split(a.value.text(), ",")
	default:
		return wrong("write -- before a body that begins like an option; "+st.command.form(), "send takes no %s=%s", a.key, a.value.text())
	}
	return nil
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		panic("BUG: writing to memory failed: " + err.Error())
	}
	if err := w.Close(); err != nil {
		panic("BUG: writing to memory failed: " + err.Error())
	}
	return out.Bytes()
}

// longLine is the length from which JSON is laid out over several lines.
const longLine = 120

// show writes an answer: its status, the headers asked for, its body.
func (s *session) show(rec *reply, headers []string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%d", rec.code)
	text := s.maskRequestID(rec.body.String())
	switch {
	case strings.HasPrefix(rec.header.Get("Content-Type"), "image/"):
		fmt.Fprintf(&out, " %s", rec.header.Get("Content-Type"))
	case len(text) > longLine && validJSON(text) == nil:
		text = indented([]byte(text))
		fallthrough
	case text != "":
		fmt.Fprintf(&out, " %s", strings.TrimRight(text, "\n"))
	}
	out.WriteByte('\n')
	for _, h := range headers {
		if h = http.CanonicalHeaderKey(h); len(rec.header[h]) == 0 {
			fmt.Fprintf(&out, "no %s\n", h)
		}
		for _, v := range rec.header[h] {
			fmt.Fprintf(&out, "%s: %s\n", h, v)
		}
	}
	return out.String()
}

// maskRequestID numbers the id of the request, which is made at random.
func (s *session) maskRequestID(body string) string {
	const key = `"request_id":"`
	from := strings.Index(body, key)
	if from < 0 {
		return body
	}
	from += len(key)
	length := strings.IndexByte(body[from:], '"')
	if length < 0 {
		return body
	}
	return body[:from] + s.mask.name("request", body[from:from+length]) + body[from+length:]
}
