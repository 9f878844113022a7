package collect

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/strictjson"
)

// Snowplow's trackers send events as flat pairs of strings (the tracker
// protocol, version 2). Each becomes one message of ours:
//
//	pv  a page view          page
//	pp  a page ping          track "Page Ping"
//	se  a structured event   track, named by its action
//	ue  a self-describing    track, named by its schema; screen_view: screen
//	tr  a transaction        track "Order Completed"
//	ti  one of its items     track "Transaction Item"
//
// Pairs that mean nothing to the specification of Segment are kept in
// context.snowplow. A message that cannot be made is counted and dropped: these
// trackers expect no error for a bad event.

// decideSnowplow judges a body of the form {"schema":…,"data":[{…},…]}.
func decideSnowplow(j *job, w *work) *refusal {
	root, r := j.parseBody(w, 2)
	if r != nil {
		return r
	}
	data := root.Get("data")
	if data.Len() > j.c.limits.Batch {
		return invalid("batch.too_many", "the payload has more events than the limit")
	}
	i := 0
	for v := range data.Elements() {
		if r := j.judgeSnowplow(w, message{doc: &w.doc, value: v, index: i}, pairsOf(v)); r != nil {
			return r
		}
		i++
	}
	return nil
}

// decideSnowplowQuery judges the one event that lies in a query.
func decideSnowplowQuery(j *job, w *work) *refusal {
	j.query("") // reads the parameters
	return j.judgeSnowplow(w, message{doc: &w.doc}, pairsOfQuery(j.params))
}

// pairsOf returns an object's strings and numbers.
func pairsOf(v strictjson.Value) []pair {
	var pairs []pair
	for k, v := range v.Members() {
		switch v.Kind() {
		case strictjson.String:
			pairs = append(pairs, pair{k.String(), v.Text()})
		case strictjson.Number:
			pairs = append(pairs, pair{k.String(), string(v.Raw())})
		}
	}
	return pairs
}

func pairsOfQuery(q url.Values) []pair {
	pairs := make([]pair, 0, len(q))
	for name, values := range q {
		pairs = append(pairs, pair{name, values[0]})
	}
	slices.SortFunc(pairs, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	return pairs
}

// judgeSnowplow makes a message of the pairs and judges it. The write key may be
// the tracker's app id. What is wrong with one event concerns it alone.
func (j *job) judgeSnowplow(w *work, m message, pairs []pair) *refusal {
	var t tracked
	for _, p := range pairs {
		t.put(p.name, p.value)
	}
	refuse := func(err error) *refusal { j.reject(&m, err); return nil }
	if len(m.value.Raw()) > j.c.limits.Event {
		return refuse(errs.New(errs.Invalid, "event.too_large", "a message may have %d bytes", j.c.limits.Event))
	}
	if v, found := m.doc.ViolationIn(m.value); found {
		return refuse(errs.New(errs.Invalid, v.Code, "%s", v.Detail))
	}
	if j.headless {
		j.source = Source{}
		if r := j.open(split(t.aid)); r != nil {
			return refuse(errs.New(errs.Invalid, r.code, "%s", r.detail))
		}
	}
	if j.caller.policy == removeIP {
		t.nuid, t.ip = "", ""
	}
	body, err := t.appendMessage(w.built[:0], &w.inner, j.c.limitsOfBody(0))
	w.built = body
	if err != nil {
		return refuse(err)
	}
	if err := w.inner.Parse(body, j.c.limitsOfBody(0)); err != nil {
		return refuse(err)
	}
	if m.doc.ReplacedIn(m.value) {
		m.flags = event.Replaced
	}
	return j.judge(w, message{doc: &w.inner, value: w.inner.Root(), index: m.index, flags: m.flags})
}

// tracked is one event of a Snowplow tracker.
type tracked struct {
	kind, id, aid, platform, version       string
	created, sent, truth                   string // dtm, stm, ttm
	uid, duid, nuid                        string
	url, title, referrer                   string
	locale, timezone, agent, ip            string
	selfDescribing, selfDescribing64       string // ue_pr, ue_px
	contexts, contexts64                   string // co, cx
	category, action, label, proper, value string // se_*
	rest                                   []pair
}

func (t *tracked) put(name, value string) {
	if p := t.field(name); p != nil {
		*p = value
		return
	}
	t.rest = append(t.rest, pair{name, value})
}

func (t *tracked) field(name string) *string {
	fields := [...]struct {
		name string
		at   *string
	}{
		{"e", &t.kind}, {"eid", &t.id}, {"aid", &t.aid}, {"p", &t.platform}, {"tv", &t.version},
		{"dtm", &t.created}, {"stm", &t.sent}, {"ttm", &t.truth},
		{"uid", &t.uid}, {"duid", &t.duid}, {"nuid", &t.nuid},
		{"url", &t.url}, {"page", &t.title}, {"refr", &t.referrer},
		{"lang", &t.locale}, {"tz", &t.timezone}, {"ua", &t.agent}, {"ip", &t.ip},
		{"ue_pr", &t.selfDescribing}, {"ue_px", &t.selfDescribing64}, {"co", &t.contexts}, {"cx", &t.contexts64},
		{"se_ca", &t.category}, {"se_ac", &t.action}, {"se_la", &t.label}, {"se_pr", &t.proper}, {"se_va", &t.value},
	}
	for _, f := range fields {
		if f.name == name {
			return f.at
		}
	}
	return nil
}

// other returns a pair that has no field.
func (t *tracked) other(name string) string {
	for _, p := range t.rest {
		if p.name == name {
			return p.value
		}
	}
	return ""
}

// appendMessage appends the message. doc is for the JSON inside of pairs; it is
// not needed afterwards.
func (t *tracked) appendMessage(b []byte, doc *strictjson.Doc, limits strictjson.Limits) ([]byte, error) {
	o := newObject(b)
	o.some("messageId", t.id)
	if err := t.appendCall(&o, doc, limits); err != nil {
		return o.b, err
	}
	t.appendTimes(&o)
	contexts, err := t.entities(doc, limits)
	if err != nil {
		return o.b, err
	}
	o.some("userId", t.uid)
	o.some("anonymousId", t.device(contexts))
	o.some("channel", channels(t.platform))
	o.key("context")
	o.b = t.appendContext(o.b, contexts)
	return o.close(), nil
}

// channels gives our name of a Snowplow platform.
func channels(platform string) string {
	switch platform {
	case "web":
		return "web"
	case "mob", "tv", "cnsl", "iot", "headset":
		return "mobile"
	case "srv":
		return "server"
	}
	return ""
}

// appendCall appends type, event or name, and properties.
func (t *tracked) appendCall(o *object, doc *strictjson.Doc, limits strictjson.Limits) error {
	if t.kind == "ue" {
		return t.appendSelfDescribing(o, doc, limits)
	}
	call, name := "track", ""
	var properties object
	switch t.kind {
	case "pv":
		call = "page"
	case "pp":
		name = "Page Ping"
	case "se":
		name = t.action
	case "tr":
		name = "Order Completed"
	case "ti":
		name = "Transaction Item"
	default:
		return errs.New(errs.Invalid, "event.type_unknown", "e must be pv, pp, se, ue, tr or ti")
	}
	o.text("type", call)
	o.some("event", name)
	o.key("properties")
	properties = newObject(o.b)
	t.appendProperties(&properties, doc)
	o.b = properties.close()
	return nil
}

func (t *tracked) appendProperties(o *object, doc *strictjson.Doc) {
	switch t.kind {
	case "pv":
		t.appendPage(o)
	case "pp":
		t.appendPage(o)
		t.renamed(o, doc, true, "pp_mix", "min_x", "pp_max", "max_x", "pp_miy", "min_y", "pp_may", "max_y")
	case "se":
		o.some("category", t.category)
		o.some("action", t.action)
		o.some("label", t.label)
		o.some("property", t.proper)
		number(o, doc, "value", t.value)
	case "tr":
		t.renamed(o, doc, false, "tr_id", "order_id", "tr_af", "affiliation", "tr_cu", "currency", "tr_ci", "city", "tr_st", "state", "tr_co", "country")
		t.renamed(o, doc, true, "tr_tt", "total", "tr_tx", "tax", "tr_sh", "shipping")
	case "ti":
		t.renamed(o, doc, false, "ti_id", "order_id", "ti_sk", "sku", "ti_nm", "name", "ti_ca", "category", "ti_cu", "currency")
		t.renamed(o, doc, true, "ti_pr", "price", "ti_qu", "quantity")
	}
}

// renamed adds pairs under other names; names holds both in turn.
func (t *tracked) renamed(o *object, doc *strictjson.Doc, numbers bool, names ...string) {
	for i := 0; i < len(names); i += 2 {
		value := t.other(names[i])
		if numbers {
			number(o, doc, names[i+1], value)
		} else {
			o.some(names[i+1], value)
		}
	}
}

// number adds a value as a number if it is one, else as a string.
func number(o *object, doc *strictjson.Doc, name, value string) {
	if value == "" {
		return
	}
	if err := doc.Parse([]byte(value), strictjson.Limits{}); err == nil && doc.Root().Kind() == strictjson.Number {
		o.raw(name, string(doc.Root().Raw()))
		return
	}
	o.text(name, value)
}

func (t *tracked) appendPage(o *object) {
	o.some("url", t.url)
	o.some("title", t.title)
	o.some("referrer", t.referrer)
	if u, err := url.Parse(t.url); err == nil && t.url != "" {
		o.some("path", u.Path)
		if u.RawQuery != "" {
			o.text("search", "?"+u.RawQuery)
		}
	}
}

// appendSelfDescribing reads {"schema":…,"data":{"schema":…,"data":{…}}}: the
// inner schema names the event, the inner data are its properties.
func (t *tracked) appendSelfDescribing(o *object, doc *strictjson.Doc, limits strictjson.Limits) error {
	root, err := embedded(t.selfDescribing, t.selfDescribing64, doc, limits)
	if err != nil {
		return err
	}
	self := root.Get("data")
	name := schemaName(self.Get("schema").Text())
	if name == "" {
		return errs.New(errs.Invalid, "snowplow.schema", "a self-describing event must name its schema")
	}
	data := self.Get("data")
	if name == "screen_view" {
		o.text("type", "screen")
		o.some("name", data.Get("name").Text())
	} else {
		o.text("type", "track")
		o.text("event", name)
	}
	if data.Kind() == strictjson.Object {
		o.key("properties")
		o.b = append(o.b, data.Raw()...)
	}
	t.put("ue_schema", self.Get("schema").Text())
	return nil
}

// schemaName returns the name of iglu:vendor/name/jsonschema/1-0-0.
func schemaName(schema string) string {
	parts := strings.Split(strings.TrimPrefix(schema, "iglu:"), "/")
	if len(parts) < 2 {
		return ""
	}
	return parts[1]
}

// embedded parses JSON that came as text or as base64.
func embedded(text, coded string, doc *strictjson.Doc, limits strictjson.Limits) (strictjson.Value, error) {
	data := []byte(text)
	if text == "" {
		var err error
		data, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(coded), "="))
		if err != nil {
			return strictjson.Value{}, errs.New(errs.Invalid, "snowplow.base64", "the event's data must be base64")
		}
	}
	if err := doc.Parse(data, limits); err != nil {
		return strictjson.Value{}, err
	}
	if v := doc.Violations(); len(v) > 0 {
		return strictjson.Value{}, errs.New(errs.Invalid, v[0].Code, "%s", v[0].Detail)
	}
	return doc.Root(), nil
}

// entities returns the array of contexts as JSON, or nothing, and the device
// that the session context of the mobile trackers names.
func (t *tracked) entities(doc *strictjson.Doc, limits strictjson.Limits) (entities, error) {
	if t.contexts == "" && t.contexts64 == "" {
		return entities{}, nil
	}
	root, err := embedded(t.contexts, t.contexts64, doc, limits)
	if err != nil {
		return entities{}, err
	}
	data := root.Get("data")
	if data.Kind() != strictjson.Array {
		return entities{}, nil
	}
	found := entities{raw: bytes.Clone(data.Raw())}
	for item := range data.Elements() {
		if schemaName(item.Get("schema").Text()) == "client_session" {
			found.device = item.Path("data", "userId").Text()
		}
	}
	return found, nil
}

type entities struct {
	raw    []byte
	device string
}

// device is the id of the browser or app: the domain's, the network's, or that
// of the mobile session.
func (t *tracked) device(e entities) string {
	for _, id := range [...]string{t.duid, t.nuid} {
		if id != "" {
			return id
		}
	}
	return e.device
}

// appendTimes: ttm is the true moment, which no clock has to correct; without
// it the device's clock is corrected by the moment of sending.
func (t *tracked) appendTimes(o *object) {
	created := moment(t.created)
	if truth := moment(t.truth); truth != "" {
		o.text("timestamp", truth)
		if created == "" {
			created = truth
		}
		o.text("originalTimestamp", created)
	} else {
		o.some("timestamp", created)
	}
	o.some("sentAt", moment(t.sent))
}

// moment writes milliseconds since 1970 as a time, or nothing.
func moment(ms string) string {
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil || n < 0 || n > maxMoment {
		return ""
	}
	return event.FormatTime(n)
}

// maxMoment is the last millisecond of the year 9999.
const maxMoment = 253_402_300_799_999

func (t *tracked) appendContext(b []byte, e entities) []byte {
	o := newObject(b)
	if t.version != "" {
		o.key("library")
		lib := newObject(o.b)
		lib.text("name", "snowplow")
		lib.text("version", t.version)
		o.b = lib.close()
	}
	o.key("page")
	page := newObject(o.b)
	t.appendPage(&page)
	o.b = page.close()
	o.some("locale", t.locale)
	o.some("timezone", t.timezone)
	o.some("userAgent", t.agent)
	o.some("ip", t.ip)
	o.key("snowplow")
	rest := newObject(o.b)
	rest.some("aid", t.aid)
	rest.some("p", t.platform)
	seen := map[string]bool{"contexts": true, "aid": true, "p": true}
	for _, p := range t.rest {
		if !seen[p.name] {
			seen[p.name] = true
			rest.text(p.name, p.value)
		}
	}
	if len(e.raw) > 0 {
		rest.raw("contexts", string(e.raw))
	}
	o.b = rest.close()
	return o.close()
}
