package settings

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"kith/internal/identity"
	"kith/internal/resource/form"
)

func TestDefaultsAreTheBuiltInOnes(t *testing.T) {
	d := Default()
	got, want := d.Config(), identity.DefaultConfig()
	opts := cmp.Options{cmpopts.IgnoreUnexported(identity.Config{}), cmpopts.IgnoreFields(identity.Config{}, "Blocked"), cmpopts.EquateEmpty()}
	if diff := cmp.Diff(want, got, opts); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want.Blocked.Rules(), got.Blocked.Rules()); diff != "" {
		t.Error(diff)
	}
}

const contractDocument = `{"default_country":"FR",
 "types":[{"type":"user_id","priority":1,"limit":{"count":1,"window":"ever"},"policy":"first","guard":{"user_id":3},"protected":true},
          {"type":"loyalty","priority":3,"limit":{"count":2,"window":"30d"},"policy":"first"}],
 "blocked":{"*":["nobody"],"email":["/^test@/"]},
 "paths":[{"path":"traits.crm_id","type":"crm_id"},{"path":"properties.email","type":"email","events":["Newsletter Signed Up"]}],
 "anonymous_events":"never","alias_merges_users":true,"cluster_size":{"hard":50}}`

func TestDocument(t *testing.T) {
	d, err := Read([]byte(contractDocument))
	if err != nil {
		t.Fatal(err)
	}
	cfg := d.Config()
	if r := cfg.Rule("loyalty"); r.Limit != (identity.Limit{Count: 2, Window: 30 * 24 * 3600 * 1000}) || r.Guard["user_id"] != 3 {
		t.Errorf("%+v", r)
	}
	if r := cfg.Rule("email"); r.Priority != 4 || r.Limit.Count != 5 {
		t.Errorf("an absent type has lost its defaults: %+v", r)
	}
	if !cfg.AnonymousNever || !cfg.AliasMerges || cfg.ClusterMax != 50 || cfg.ClusterAlert != 50 || cfg.Country != "FR" || len(cfg.Paths) != 2 {
		t.Errorf("%+v", cfg)
	}
	for _, v := range [][2]string{{"email", "Test@shop.fr"}, {"user_id", "NoBody"}, {"user_id", "null"}} {
		if _, reason := cfg.Normalize(v[0], v[1], ""); reason != identity.Listed {
			t.Errorf("%v: %q", v, reason)
		}
	}
	b, err := d.JSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decode(b)
	if err != nil || !cmp.Equal(d, again) {
		t.Errorf("%v %s", err, cmp.Diff(d, again))
	}
}

// TestMistakes: each line a document, and the places and codes of what is wrong.
func TestMistakes(t *testing.T) {
	for doc, want := range map[string]string{
		`{"types":[{"type":"user_id","limit":{"count":0}}]}`:                                             "/types/0/limit/count field.invalid",
		`{"types":[{"type":"user_id","limit":{"count":1,"window":"soon"}}]}`:                             "/types/0/limit/window identity.bad_window",
		`{"types":[{"type":"x"},{"type":"x"}]}`:                                                          "/types/1/type identity.type_twice",
		`{"types":[{"type":"x","priority":4,"policy":"latest"}]}`:                                        "/types/0/policy identity.priority_policy",
		`{"types":[{"type":"x","guard":{"nothing":2}}]}`:                                                 "/types/0/guard/nothing identity.unknown_type",
		`{"types":[{"type":"x","guard":{"user_id":0}}]}`:                                                 "/types/0/guard/user_id field.invalid",
		`{"types":[{"type":"x y"}]}`:                                                                     "/types/0/type identity.type_name",
		`{"types":[{"priority":1}]}`:                                                                     "/types/0/type field.required",
		`{"types":[{"type":"x","policy":"newest"}]}`:                                                     "/types/0/policy field.invalid",
		`{"blocked":{"email":["/(/","ok",""]}}`:                                                          "/blocked/email/0 identity.bad_regex, /blocked/email/2 field.invalid",
		`{"paths":[{"path":"crm_id","type":"crm_id"},{"path":"traits.a","type":"b c"},{"type":"x"}]}`:    "/paths/0/path identity.bad_path, /paths/1/type identity.type_name, /paths/2/path field.required",
		`{"anonymous_events":"sometimes","default_country":"France","cluster_size":{"soft":9,"hard":5}}`: "/anonymous_events field.invalid, /cluster_size/soft field.invalid, /default_country field.invalid, /default_country field.invalid",
		`{"other":1}`: "/other field.unknown",
	} {
		_, err := Read([]byte(doc))
		var refused *form.Refused
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v", doc, err)
			continue
		}
		var got []string
		for _, f := range refused.Fields {
			got = append(got, f.Pointer+" "+f.Code)
			if f.Detail == "" {
				t.Errorf("%s: no remedy at %s", doc, f.Pointer)
			}
		}
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("%s:\n%s, want\n%s", doc, s, want)
		}
	}
}

func TestContestedValuesJoinNobody(t *testing.T) {
	d, err := Read([]byte(`{"types":[{"type":"email","policy":"none","priority":4}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if g := d.Config().Rule("email").Guard["user_id"]; g != 1 {
		t.Errorf("an address may be of %d users", g)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(contractDocument))
	f.Add([]byte(`{"blocked":{"*":["/a/"]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := Read(body)
		if err != nil {
			return
		}
		d.Config()
		b, err := d.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Decode(b); err != nil || !cmp.Equal(d, again, cmpopts.EquateEmpty()) {
			t.Fatalf("%v %s", err, cmp.Diff(d, again))
		}
	})
}
