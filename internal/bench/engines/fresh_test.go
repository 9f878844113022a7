package engines

import "testing"

func TestWithPath(t *testing.T) {
	for url, want := range map[string]string{
		"kafka://a:1,b:2/shop":             "kafka://a:1,b:2/[shop]",
		"kafka://a:1":                      "kafka://a:1/[]",
		"postgres://u:p@a:1,b:2/db?x=1&y=": "postgres://u:p@a:1,b:2/[db]?x=1&y=",
		"postgres://u@a?host=/tmp/x":       "postgres://u@a/[]?host=/tmp/x",
	} {
		if got := withPath(url, func(p string) string { return "[" + p + "]" }); got != want {
			t.Errorf("%s becomes %s, want %s", url, got, want)
		}
	}
}
