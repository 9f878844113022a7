package scenario_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kith/internal/scenario"
)

// TestMistakes: a mistake is told with its place and what to do about it.
func TestMistakes(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown command":         {"trakc userId=u1", `f.kith:1: unknown command "trakc"; did you mean track?`},
		"unknown and like none":   {"purchase userId=u1", `f.kith:1: unknown command "purchase"; test/scenario/README.md lists the commands`},
		"place":                   {"# a comment\n\nflush\npurchase", `f.kith:4: unknown command "purchase"; test/scenario/README.md lists the commands`},
		"output without command":  {"----\nprofile", `f.kith:1: ---- without a command; it stands directly below the command whose output it begins`},
		"output after a gap":      {"status\n\n----\nx", `f.kith:3: ---- without a command; it stands directly below the command whose output it begins`},
		"output in a block":       {"batch\ntrack userId=u1\n----\nend", `f.kith:3: ---- without a command; it stands directly below the command whose output it begins`},
		"end alone":               {"end", `f.kith:1: end without a block; take it away, or open a block above`},
		"end with text":           {"batch\nend batch", `f.kith:2: unexpected text after end; end stands alone on its line`},
		"batch open":              {"flush\nbatch\ntrack userId=u1\n", `f.kith:2: batch does not end; close it with a line that says end`},
		"repeat open":             {"repeat 3\ntrack userId=u1", `f.kith:1: repeat does not end; close it with a line that says end`},
		"query in a batch":        {"batch\nprofile user_id:u1\nend", `f.kith:2: profile cannot stand in a batch block; calls may stand there, and a batch in a shuffle; everything else stands below the end`},
		"batch in a batch":        {"batch\nbatch\nend\nend", `f.kith:3: batch cannot stand in a batch block; calls may stand there, and a batch in a shuffle; everything else stands below the end`},
		"advance in a shuffle":    {"shuffle\nrepeat 2\nadvance 1d\nend\nend", `f.kith:4: advance cannot stand in a shuffle block; calls may stand there, and a batch in a shuffle; everything else stands below the end`},
		"open value":              {`track userId=u1 properties={"a":1`, `f.kith:1: the value that begins with "{\"a\":1" does not end; close every quote, bracket and brace on the same line; a line goes on below when it ends in a backslash`},
		"bad JSON":                {`track userId=u1 properties={"a":01}`, `f.kith:1: "{\"a\":01}" is not valid JSON; write it as RFC 8259 says, or use send for a body that is broken on purpose`},
		"no space":                {`track userId="u1"event=E`, `f.kith:1: unexpected "event=E" after a value; put a space between arguments, or quote the whole value`},
		"no value":                {"track userId= event=E", `f.kith:1: userId= has no value; write "" for an empty text`},
		"no value at the end":     {"track userId=", `f.kith:1: userId= has no value; write "" for an empty text`},
		"twice":                   {"track userId=u1 userId=u2", `f.kith:1: userId is given twice; give each key once; a message with repeated keys is written with send`},
		"argument without key":    {"track u1", `f.kith:1: track has an argument without a key that it does not take; write: track MEMBER=VALUE…`},
		"unknown option":          {"events user_id:u1 max=3", `f.kith:1: events takes no max=; write: events TYPE:VALUE [show=MEMBER,…|show=json] [limit=N]`},
		"argument missing":        {"profile", `f.kith:1: profile has an argument missing; write: profile TYPE:VALUE`},
		"arguments too many":      {"profile user_id:u1 user_id:u2", `f.kith:1: profile has too many arguments without a key; write: profile TYPE:VALUE`},
		"no identifier":           {"profile u1", `f.kith:1: "u1" names no identifier; name the person as user_id:u1, email:ana@shop.fr or id:<id1>; quote the whole if it holds spaces`},
		"duration":                {"advance tomorrow", `f.kith:1: "tomorrow" is not a duration; write whole numbers with the units ms, s, m, h, d and w, such as 2d or 1h30m`},
		"duration with a sign":    {"advance -1d", `f.kith:1: "-1d" is not a duration; write whole numbers with the units ms, s, m, h, d and w, such as 2d or 1h30m`},
		"duration too long":       {"advance 999999999w", `f.kith:1: the duration "999999999w" is too long; 100 years are the most`},
		"moment":                  {"track userId=u1 event=E at=yesterday", `f.kith:1: "yesterday" is not a moment; write now, a distance from now such as -2d or +90m, or a time such as 2025-03-01T09:00:00Z`},
		"two moments":             {"track userId=u1 event=E at=-1d timestamp=-2d", `f.kith:1: the call has both at and timestamp; at= and timestamp= are the same member`},
		"source":                  {"track userId=u1 event=E source=a:b", `f.kith:1: "a:b" cannot be the name of a source; use letters, digits, - and _`},
		"rounds":                  {"repeat many\nend", `f.kith:1: "many" is not a number of rounds from 1 to 200000; write: repeat TIMES`},
		"rounds of nothing":       {"repeat 0\nend", `f.kith:1: "0" is not a number of rounds from 1 to 200000; write: repeat TIMES`},
		"too many lines":          {"repeat 1000\nrepeat 1000\ntrack userId=u1 event=E\nend\nend", `f.kith:3: the file has more than 200000 lines once its blocks are repeated; repeat less`},
		"too many empty rounds":   {"repeat 100000\nrepeat 100000\nend\nend", `f.kith:3: the file has more than 200000 lines once its blocks are repeated; repeat less`},
		"round outside":           {"track userId=u@(i)", `f.kith:1: @(i) stands outside of a repeat block; @(i) is the number of the round`},
		"odd digits":              {"track userId=@(0xabc)", `f.kith:1: @(0x…) holds an odd number of digits; write two digits for each byte`},
		"line too long":           {"track userId=@(x*9000000)", `f.kith:1: the line becomes too long; a line may grow to 8 MiB`},
		"line too long, numbered": {"track userId=@(#*1000000)", `f.kith:1: the line becomes too long; a line may grow to 8 MiB`},
		"file too long":           {"repeat 100\ntrack userId=@(x*1000000)\nend", `f.kith:2: the file becomes larger than 64 MiB; repeat less`},
		"not UTF-8":               {"flush\ntrack userId=\xff", `f.kith:2: the line is not UTF-8; write bytes that are no text as @(0x…)`},
		"word not UTF-8":          {"track userId=@(0xff)", `f.kith:1: "\xff" is not UTF-8; use send for a body that is broken on purpose`},
		"seed":                    {"shuffle seed=x\nend", `f.kith:1: seed must be a whole number from 0 to 9007199254740992; write: shuffle [seed=N] [copies=N]`},
		"copies":                  {"shuffle copies=0\nend", `f.kith:1: copies must be a whole number from 1 to 100; write: shuffle [seed=N] [copies=N]`},
		"hex":                     {"append-raw xy", `f.kith:1: "xy" is not hexadecimal; write two hexadecimal digits for each byte`},
		"send without a path":     {"send POST", `f.kith:1: send needs a method and a path; write: send METHOD PATH [source=NAME] [from=ADDRESS] [encoding=gzip] [header.NAME=TEXT…] [show=HEADER,…] [--] [BODY]`},
		"send with a bad method":  {"send PO(ST /", `f.kith:1: "PO(ST" is not a method; write it in capitals`},
		"send with a bad path":    {"send GET /%zz", `f.kith:1: "/%zz" is not a path; it begins with a slash and has no spaces`},
		"send with a bad option":  {"send GET /v1 to=web", `f.kith:1: send takes no to=web; write -- before a body that begins like an option; send METHOD PATH [source=NAME] [from=ADDRESS] [encoding=gzip] [header.NAME=TEXT…] [show=HEADER,…] [--] [BODY]`},
		"a line of a continued":   {"track userId=u1 \\\n  event=E \\\n  at=then", `f.kith:1: "then" is not a moment; write now, a distance from now such as -2d or +90m, or a time such as 2025-03-01T09:00:00Z`},
		"source option":           {"source web enabled=maybe", `f.kith:1: enabled must be true or false; write: source NAME [enabled=BOOL] [default_country=FR] [identifies=TYPE,…] [server_fields=taken|ignored] [allow_origins=URL,…] [secret=TEXT]`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := scenario.Parse("f.kith", []byte(c.text))
			var e *scenario.Error
			if !errors.As(err, &e) {
				t.Fatalf("the file was read, with error %v", err)
			}
			if diff := cmp.Diff(c.want, e.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestReadable: what may be written.
func TestReadable(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                   "",
		"comments":                  "# one\n\n   # two\n",
		"windows line ends":         "flush\r\nstatus\r\n----\r\nx\r\n",
		"no line end":               "status\n----\nx",
		"output at once":            "status\n----",
		"tabs":                      "\ttrack\tuserId=u1\tevent=E",
		"indented block":            "batch source=web\n  track userId=u1 event=E\n  end",
		"continued":                 "track userId=u1 \\\n  event=E",
		"continued into the end":    "track userId=u1 \\",
		"quotes":                    `track userId="a \" b" event="\\"`,
		"brackets in quotes":        `track userId=u1 event=E properties={"a":"}]","b":["{"]}`,
		"literals":                  `track userId=12 event=E ok=true nothing=null price=1.50`,
		"words":                     `track userId=a=b event=x@y.fr path=/a?b=c&d`,
		"repeated keys in a value":  `track userId=u1 properties={"a":1,"a":2}`,
		"rounds":                    "repeat 2\nrepeat 2\ntrack userId=u@(i) event=E\nend\nend",
		"repeat holds everything":   "repeat 2\nadvance 1d\nbatch\ntrack userId=u1 event=E\nend\nstatus\nend",
		"text like an expansion":    "track userId=u1 event=a@(b) properties={\"m\":\"me@(home)\"}",
		"body that is no JSON":      `send POST /v1/track {"a":`,
		"body that looks like args": `send POST /v1/track -- a=b`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := scenario.Parse("f.kith", []byte(text)); err != nil {
				t.Error(err)
			}
		})
	}
}

// FuzzParse: no text breaks the parser, and every mistake has a place in the text.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("../../test/scenario/*.kith")
	if err != nil || len(files) == 0 {
		f.Fatalf("no scenarios to begin with: %v", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < 4000 {
			f.Add(string(data))
		}
	}
	f.Add("repeat 3\ntrack userId=@(x*3)@(0xff)@(i) event=\"a\\\"b\" \\\n at=-1d1h\nend\n----\nx\n\nsend GET /a b=c")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "*") && len(text) > 200 {
			t.Skip("large expansions only make it slow")
		}
		_, err := scenario.Parse("f.kith", []byte(text))
		if err == nil {
			return
		}
		var e *scenario.Error
		if !errors.As(err, &e) {
			t.Fatalf("%T: %v", err, err)
		}
		if e.Line < 1 || e.Line > strings.Count(text, "\n")+1 || e.What == "" {
			t.Fatalf("line %d of a text of %d lines: %q", e.Line, strings.Count(text, "\n")+1, e.What)
		}
	})
}

// TestCalls counts what blocks send.
func TestCalls(t *testing.T) {
	f := parse(t, `track userId=u1 event=E
batch
  page userId=u1
  repeat 3
    track userId=u1 event=E
  end
end
repeat 2
  shuffle
    identify userId=u1
  end
  advance 1d
end
profile user_id:u1`)
	if n := f.Calls(); n != 7 {
		t.Errorf("%d calls, want 7", n)
	}
}
