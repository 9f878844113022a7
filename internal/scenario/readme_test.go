package scenario_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"kith/internal/scenario"
	"kith/internal/scenario/engines"
)

// TestReadme: the description of the language names every command and every
// option, and its example says what kith says.
func TestReadme(t *testing.T) {
	data, err := os.ReadFile("../../test/scenario/README.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	option := regexp.MustCompile(`[a-z_.]+=`)
	for _, c := range scenario.Commands() {
		if !regexp.MustCompile("[`\n ]" + regexp.QuoteMeta(c.Name) + "[` ]").MatchString(text) {
			t.Errorf("the command %s is not described", c.Name)
		}
		for _, o := range option.FindAllString(c.Form, -1) {
			if !strings.Contains(text, o) && !strings.Contains(text, "`"+strings.TrimSuffix(o, "=")+"`") {
				t.Errorf("the option %s of %s is not described", o, c.Name)
			}
		}
		if c.About == "" || !strings.HasSuffix(c.About, ".") {
			t.Errorf("%s says of itself %q, which is no sentence", c.Name, c.About)
		}
	}
	_, example, _ := strings.Cut(text, "```\n")
	example, _, found := strings.Cut(example, "```\n")
	if !found {
		t.Fatal("there is no example")
	}
	res, err := scenario.Run(t.Context(), parse(t, example), engines.Memory(), scenario.Variant{})
	if err != nil {
		t.Fatal(err)
	}
	if res.Text != example {
		t.Errorf("the example says other things than kith:\n%s", res.Text)
	}
}
