package scenario

import (
	"context"
	"slices"
	"strings"
)

// command is one word of the language.
type command struct {
	name  string
	usage string // of the arguments
	about string // what it does, one sentence
	shape shape
	block bool // lines up to "end" belong to it

	// options are the keys that key=value arguments may have; nil takes any.
	options []string
	// least and most are how many arguments without a key there may be.
	least, most int
	// check looks at the arguments when the file is read; nil is content.
	check func(*step) error
	// run returns the output, every line ended, or an error that ends the file.
	run func(context.Context, *session, *step) (string, error)
}

// shape tells how a command stands in a file.
type shape uint8

const (
	plainShape  shape = iota
	callShape         // a message; may stand in blocks and counts for messageIds
	rawShape          // the rest of the line is not split into arguments
	batchShape        // a block that may stand in blocks
	recordShape       // what goes into the log past the collector; may stand in a shuffle
	macroShape        // a block that the parser resolves
)

// table makes the language, in the order of its documentation.
func table() []*command {
	return []*command{
		identifyCall(), trackCall(), pageCall(), screenCall(), groupCall(), aliasCall(),
		consentCommand(), rowCommand(), uploadCommand(), mergeCommand(), splitCommand(), retractCommand(), revokeCommand(), batchCommand(), shuffleCommand(), repeatCommand(), sendCommand(),
		advanceCommand(), flushCommand(), maintainCommand(), crashCommand(), replayCommand(),
		appendRawCommand(), poisonCommand(), cureCommand(), retryCommand(),
		sourceCommand(), identityCommand(), settingsCommand(), policiesCommand(), limitsCommand(), purposeCommand(), entityCommand(), segmentCommand(), computedCommand(),
		profileCommand(), traitsCommand(), identifiersCommand(), eventsCommand(), whoCommand(), searchCommand(), linksCommand(), whyCommand(), accountCommand(),
		consentsCommand(), decideCommand(), rowsCommand(), membersCommand(), transitionsCommand(), answersCommand(), explainCommand(),
		statusCommand(), quarantineCommand(), hashCommand(),
	}
}

// endWord closes a block.
const endWord = "end"

// commandNamed finds a command.
func commandNamed(table []*command, name string) (*command, error) {
	if i := slices.IndexFunc(table, func(c *command) bool { return c.name == name }); i >= 0 {
		return table[i], nil
	}
	remedy := "test/scenario/README.md lists the commands"
	if near := nearest(name, table); near != "" {
		remedy = "did you mean " + near + "?"
	}
	if name == separator {
		return nil, wrong("it stands directly below the command whose output it begins", "%s without a command", separator)
	}
	return nil, wrong(remedy, "unknown command %.20q", name)
}

// nearest is the command whose name is at most two changes away, or "".
func nearest(name string, table []*command) string {
	best, least := "", 3
	if len(name) > 40 {
		return ""
	}
	for _, c := range table {
		if d := distance(name, c.name); d < least && d < len(name) {
			best, least = c.name, d
		}
	}
	return best
}

// distance is the number of single-character changes between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := diagonal
			if a[i-1] != b[j-1] {
				change++
			}
			diagonal = row[j]
			row[j] = min(change, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}

// checkArgs holds a step's arguments against its command.
func (c *command) checkArgs(s *step) error {
	for _, a := range s.args {
		if a.key != "" && c.options != nil && !slices.Contains(c.options, a.key) {
			return wrong("write: "+c.form(), "%s takes no %s=", c.name, a.key)
		}
	}
	if n := len(s.positional()); n < c.least || n > c.most {
		return wrong("write: "+c.form(), "%s has %s", c.name, counted(n))
	}
	if c.check == nil {
		return nil
	}
	return c.check(s)
}

// counted says how many arguments without a key there are.
func counted(n int) string {
	switch n {
	case 0:
		return "an argument missing"
	case 1:
		return "an argument without a key that it does not take"
	}
	return "too many arguments without a key"
}

// form is how the command is written.
func (c *command) form() string { return strings.TrimSpace(c.name + " " + c.usage) }

// noOptions is for commands without key=value arguments.
var noOptions = []string{}

// manyArgs is for commands that take any number of arguments without a key.
const manyArgs = 1 << 20

// Doc describes one command of the language.
type Doc struct {
	Name  string
	Form  string // how it is written
	About string // what it does, one sentence
}

// Commands describes the language.
func Commands() []Doc {
	var out []Doc
	for _, c := range table() {
		out = append(out, Doc{Name: c.name, Form: c.form(), About: c.about})
	}
	return out
}
