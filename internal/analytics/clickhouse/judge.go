package clickhouse

import (
	_ "embed"
	"regexp"
	"strings"

	"kith/internal/clickhouse"
	"kith/internal/errs"
	"kith/internal/lake"
	"kith/internal/resource/form"
)

// functions lists, one in a line, the functions that a query may use: those that
// compute with their arguments and with nothing else.
//
//go:embed functions.txt
var functions string

// judge knows what a query may have in it.
type judge struct {
	functions map[string]bool // in lower case
}

func newJudge() judge {
	j := judge{map[string]bool{}}
	for name := range strings.SplitSeq(functions, "\n") {
		if name != "" {
			j.functions[strings.ToLower(name)] = true
		}
	}
	return j
}

// nodes are the kinds of nodes of the server's trees that a query may have. Those
// that name something are looked at by name.
var nodes = map[string]bool{
	"SelectWithUnionQuery": true, "SelectIntersectExceptQuery": true, "ExpressionList": true, "SelectQuery": true,
	"TablesInSelectQuery": true, "TablesInSelectQueryElement": true, "TableExpression": true, "TableJoin": true, "ArrayJoin": true,
	"Subquery": true, "WithElement": true, "Asterisk": true, "QualifiedAsterisk": true, "OrderByElement": true,
	"InterpolateElement": true, "WindowDefinition": true, "WindowListElement": true, "Literal": true, "Identifier": true,
	"Function": true, "TableIdentifier": true, "Explain": true,
}

// node is a line of a tree: its depth, what it is and what it names.
type node struct {
	depth      int
	kind, name string
	parent     int // place of the node above; negative for none
	place      int // among the nodes under that
	children   int
}

var line = regexp.MustCompile(`^( *)([A-Za-z_]+)(?: (.*?))?(?: \(alias .*\))?(?: \(children [0-9]+\))?$`)

// tree judges what EXPLAIN AST says of a query. The error is of kind Invalid.
func (j *judge) tree(rows [][]string) error {
	list, err := readTree(rows)
	if err != nil {
		return err
	}
	for i := range list {
		if err := j.node(list, i); err != nil {
			return err
		}
	}
	return nil
}

// readTree reads the lines.
func readTree(rows [][]string) ([]node, error) {
	var list []node
	var above []int // the node of each depth above the next one
	for _, row := range rows {
		m := line.FindStringSubmatch(strings.Join(row, "\t"))
		if m == nil {
			return nil, refuse("it has something in it that is not known")
		}
		n := node{depth: len(m[1]), kind: m[2], name: m[3], parent: -1}
		if n.depth > len(above) {
			return nil, refuse("it has something in it that is not known")
		}
		above = above[:n.depth]
		if n.depth > 0 {
			n.parent = above[n.depth-1]
			n.place = list[n.parent].children
			list[n.parent].children++
		}
		above = append(above, len(list))
		list = append(list, n)
	}
	if len(list) == 0 || list[0].kind != "SelectWithUnionQuery" && list[0].kind != "SelectIntersectExceptQuery" {
		return nil, form.Refuse(errs.Invalid, "sql.one_select", "/query", "only SELECT is allowed")
	}
	return list, nil
}

func refuse(what string) error {
	return form.Refuse(errs.Invalid, "sql.refused", "/query", "the query is refused: "+what)
}

// node judges one node.
func (j *judge) node(list []node, i int) error {
	n := &list[i]
	switch {
	case !nodes[n.kind] || n.kind == "Explain":
		return refuse("it has a " + n.kind + " in it")
	case n.kind == "TableIdentifier":
		if !named(n.name) {
			return refuse("there is no table of that name; the tables are " + strings.Join(tableNames(), ", "))
		}
	case n.kind == "Function":
		if n.parent >= 0 && list[n.parent].kind == "TableExpression" {
			return refuse("functions cannot stand in the place of tables")
		}
		if !j.knows(n.name) {
			return refuse("the function " + plain(n.name) + " is not among those that may be used")
		}
	case n.kind == "Identifier" && n.place == 1 && ofIn(list, n.parent):
		// A name behind IN is that of a table.
		if !named(n.name) {
			return refuse("behind IN stands a list or a query")
		}
	}
	return nil
}

func tableNames() []string {
	var out []string
	for _, t := range lake.Tables() {
		out = append(out, t.Name)
	}
	return out
}

// named reports whether a query may name a table so: the tables that there are for
// queries, or its own queries of WITH, whose names the tree does not tell. A name
// without a database is looked for in kith's alone, which has nothing else but what
// begins with kith.
func named(name string) bool {
	return name != "" && !strings.ContainsAny(name, ".`\"") && !strings.HasPrefix(strings.ToLower(name), "kith_")
}

// ofIn reports whether a node is the arguments of IN.
func ofIn(list []node, at int) bool {
	if at < 0 || list[at].kind != "ExpressionList" || list[at].parent < 0 {
		return false
	}
	f := &list[list[at].parent]
	return f.kind == "Function" && strings.HasSuffix(strings.ToLower(strings.TrimSuffix(f.name, "IgnoreSet")), "in")
}

// combinators are what may stand behind the name of an aggregate.
var combinators = []string{"If", "Array", "Distinct", "OrNull", "OrDefault", "ForEach", "ArgMin", "ArgMax", "Map"}

// knows reports whether a function may be used.
func (j *judge) knows(name string) bool {
	for {
		if j.functions[strings.ToLower(name)] {
			return true
		}
		shorter := name
		for _, c := range combinators {
			shorter = strings.TrimSuffix(shorter, c)
		}
		if shorter == name || shorter == "" {
			return false
		}
		name = shorter
	}
}

// plain is a name that can be shown.
func plain(name string) string {
	if !clickhouse.Plain(name) {
		return "of that name"
	}
	return name
}
