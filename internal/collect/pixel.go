package collect

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"kith/event"
	"kith/internal/strictjson"
)

// Bounds of the parameters of one pixel.
const (
	pixelParams = 200
	pixelLevels = 8
)

// decidePixel judges a message that comes in the query of an image's address:
// as JSON in base64 under "data", or as one parameter a field, in which a dot
// goes one level down: properties.plan=pro.
//
// A HEAD request is somebody's look at the link, not a person's at the page.
func decidePixel(j *job, w *work) *refusal {
	if j.r.Method == http.MethodHead {
		return nil
	}
	call := j.ep.call
	if call == event.Unknown {
		call = event.TypeOf(j.r.PathValue("type"))
	}
	if call == event.Unknown {
		return invalid("event.type_unknown", "the path must name a call")
	}
	if data := j.query("data"); data != "" {
		body, ok := fromBase64(w.built[:0], data)
		if !ok {
			return invalid("pixel.data", "data must be base64")
		}
		w.built = body
	} else {
		w.built = j.pixelBody(w.built[:0])
	}
	j.inflated = len(w.built)
	if err := w.doc.Parse(w.built, j.c.limitsOfBody(0)); err != nil {
		return fromInvalid(err)
	}
	if r := j.openBody(w.doc.Root()); r != nil {
		return r
	}
	return j.judge(w, message{doc: &w.doc, value: w.doc.Root(), call: call})
}

// fromBase64 decodes either alphabet, with or without padding.
func fromBase64(dst []byte, s string) ([]byte, bool) {
	s = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/", " ", "+").Replace(s), "=")
	b, err := base64.RawStdEncoding.AppendDecode(dst, []byte(s))
	return b, err == nil
}

// pixelBody makes a message of the parameters. Every value is a string.
func (j *job) pixelBody(dst []byte) []byte {
	j.query("") // reads the parameters
	var fields []pair
	for name, values := range j.params {
		if name != "writeKey" && name != "data" && len(values) > 0 {
			fields = append(fields, pair{name, values[0]})
		}
	}
	slices.SortFunc(fields, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	if len(fields) > pixelParams {
		fields = fields[:pixelParams]
	}
	var root node
	for _, f := range fields {
		root.put(f.name, f.value, pixelLevels)
	}
	return root.append(dst)
}

// pair is a parameter.
type pair struct {
	name, value string
}

// node is an object that is being made from dotted names.
type node struct {
	name, value string
	leaf        bool
	children    []*node
}

// put sets the value at a dotted path; what was put first stays.
func (n *node) put(path, value string, levels int) {
	name, rest, deeper := strings.Cut(path, ".")
	if !deeper || levels <= 1 {
		name, deeper = path, false
	}
	i := slices.IndexFunc(n.children, func(c *node) bool { return c.name == name })
	if i < 0 {
		i = len(n.children)
		n.children = append(n.children, &node{name: name, value: value, leaf: !deeper})
	}
	if child := n.children[i]; deeper && !child.leaf {
		child.put(rest, value, levels-1)
	}
}

func (n *node) append(b []byte) []byte {
	if n.leaf {
		return strictjson.AppendString(b, n.value)
	}
	o := newObject(b)
	for _, c := range n.children {
		o.key(c.name)
		o.b = c.append(o.b)
	}
	return o.close()
}
