package consent_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"kith/event"
	"kith/internal/consent"
	"kith/internal/record"
	"kith/internal/strictjson"
)

func extracted(t *testing.T, cfg *consent.Config, flags event.Flags, context string) string {
	t.Helper()
	r := record.Record{Kind: record.Event, Stamp: event.Stamp{Type: event.Track, Flags: flags}, Body: []byte(`{"userId":"u","event":"E","context":` + context + `}`)}
	e, err := r.Event(&record.Docs{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, s := range cfg.Extract(&e) {
		out = append(out, fmt.Sprintf("%s %s %s%s", s.Purpose, s.State, s.Via, s.Channel))
	}
	return strings.Join(out, ", ")
}

// TestExtract: only true grants, silence says nothing, and everything odd is a no
// or nothing.
func TestExtract(t *testing.T) {
	const gpc = "advertising denied gpc, sale_share denied gpc"
	for _, c := range []struct {
		context string
		flags   event.Flags
		want    string
	}{
		{`{}`, 0, ""},
		{`null`, 0, ""},
		{`{"consent":{}}`, 0, ""},
		{`{"consent":null}`, 0, ""},
		{`{"consent":"Analytics"}`, 0, ""},
		{`{"consent":["Analytics"]}`, 0, ""},
		{`{"consent":{"categoryPreferences":null}}`, 0, ""},
		{`{"consent":{"categoryPreferences":[]}}`, 0, ""},
		{`{"consent":{"categoryPreferences":["Analytics"]}}`, 0, ""},
		{`{"consent":{"categoryPreferences":true}}`, 0, ""},
		{`{"consent":{"categoryPreferences":{}}}`, 0, ""},
		{`{"consent":{"categoryPreferences":{"unheard":true}}}`, 0, ""},
		{`{"consent":{"categoryPreferences":{"Analytics":true}}}`, 0, "analytics granted event"},
		{`{"consent":{"categoryPreferences":{"Analytics":false}}}`, 0, "analytics denied event"},
		{`{"consent":{"categoryPreferences":{"Analytics":"true"}}}`, 0, "analytics denied event"},
		{`{"consent":{"categoryPreferences":{"Analytics":1}}}`, 0, "analytics denied event"},
		{`{"consent":{"categoryPreferences":{"Analytics":null}}}`, 0, "analytics denied event"},
		{`{"consent":{"categoryPreferences":{"Analytics":{}}}}`, 0, "analytics denied event"},
		{`{"consent":{"categoryPreferences":{"Analytics":[true]}}}`, 0, "analytics denied event"},
		{`{"consent":{"categoryPreferences":{"ANALYTICS":true}}}`, 0, ""},
		{`{"consent":{"categoryPreferences":{"Analytics":true,"C0002":false}}}`, 0, "analytics denied event"},
		{`{"consent":{"categoryPreferences":{"Analytics":true,"C0002":true}}}`, 0, "analytics granted event"},
		{`{"consentManagement":{"allowedConsentIds":["Analytics"]}}`, 0, "analytics granted event"},
		{`{"consentManagement":{"deniedConsentIds":["Analytics"]}}`, 0, "analytics denied event"},
		{`{"consentManagement":{"allowedConsentIds":["Analytics"],"deniedConsentIds":["Analytics"]}}`, 0, "analytics denied event"},
		{`{"consentManagement":{"allowedConsentIds":"Analytics","deniedConsentIds":{"Analytics":true}}}`, 0, ""},
		{`{"consentManagement":{"allowedConsentIds":[1,null,["Analytics"]]}}`, 0, ""},
		{`{"consent":{"categoryPreferences":{"Analytics":true}},"consentManagement":{"deniedConsentIds":["Analytics"]}}`, 0, "analytics denied event"},
		{`{}`, event.GPC, gpc},
		{`{"consent":{"gpc":true}}`, 0, gpc},
		{`{"consent":{"gpc":"1"}}`, 0, ""},
		{`{"consent":{"gpc":1}}`, 0, ""},
		{`{"consent":{"gpc":false}}`, 0, ""},
		{`{"consent":{"gpc":false}}`, event.GPC, gpc},
		{`{"consent":{"categoryPreferences":{"Advertising":true}}}`, event.GPC, gpc},
		{`{"consent":{"categoryPreferences":{"Advertising":false}}}`, event.GPC, "advertising denied gpc, advertising denied event, sale_share denied gpc"},
	} {
		if got := extracted(t, consent.DefaultConfig(), c.flags, c.context); got != c.want {
			t.Errorf("%s (%v): %q, want %q", c.context, c.flags, got, c.want)
		}
	}
}

// TestDeclaredPurposesMissNothing: of an object that knows any of the categories,
// those that it lacks are refused, for declared purposes.
func TestDeclaredPurposesMissNothing(t *testing.T) {
	cfg := consent.With([]consent.Purpose{
		{Key: "analytics", Categories: []string{"stats", "numbers"}}, {Key: "newsletter", Categories: []string{"news"}}, {Key: "quiet"},
	})
	for context, want := range map[string]string{
		`{"consent":{"categoryPreferences":{"stats":true}}}`:                 "analytics granted event, newsletter denied event",
		`{"consent":{"categoryPreferences":{"stats":true,"news":true}}}`:     "analytics granted event, newsletter granted event",
		`{"consent":{"categoryPreferences":{"unheard":true}}}`:               "",
		`{"consent":{"categoryPreferences":{}}}`:                             "analytics denied event, newsletter denied event",
		`{"consent":{"categoryPreferences":{"Marketing":true}}}`:             "analytics denied event, marketing granted event, newsletter denied event",
		`{"consentManagement":{"allowedConsentIds":["news"]}}`:               "newsletter granted event",
		`{"consent":{"categoryPreferences":{"numbers":true,"stats":false}}}`: "analytics denied event, newsletter denied event",
	} {
		if got := extracted(t, cfg, 0, context); got != want {
			t.Errorf("%s: %q, want %q", context, got, want)
		}
	}
	keys := []string{}
	for _, p := range cfg.Purposes {
		keys = append(keys, p.Key)
	}
	if !slices.IsSorted(keys) || cfg.Purpose("analytics").Categories[0] != "stats" || cfg.Purpose("sale_share") == nil || cfg.Purpose("nobody") != nil {
		t.Errorf("purposes %v", keys)
	}
}

func FuzzDecodeBody(f *testing.F) {
	for _, s := range []string{`{"identity":{"type":"email","value":"a@b.fr"},"purpose":"marketing","state":"granted","evidence":[1,{"a":null}]}`, `{}`, `[`, `{"purpose":"*","state":"denied","channel":"x"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := consent.DecodeBody(&strictjson.Doc{}, data)
		if err != nil {
			return
		}
		out, err := b.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := consent.DecodeBody(&strictjson.Doc{}, out)
		if err != nil || again.Said != b.Said || again.Type != b.Type || again.Value != b.Value {
			t.Fatalf("%+v becomes %+v, %v", b, again, err)
		}
	})
}
