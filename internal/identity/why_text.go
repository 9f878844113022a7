package identity

import (
	"fmt"
	"strings"
)

// Rule says in words at which turn a link is judged.
func (p *Proof) Rule() string {
	if p.Ruled {
		return "an operator's merge comes before everything that is seen"
	}
	turn := "the first seen first"
	switch p.Policy {
	case Latest:
		turn = "the last seen first"
	case None:
		turn = "and only if there is no rival"
	}
	return fmt.Sprintf("links of priority %d to %d, %s", p.Priority[1], p.Priority[0], turn)
}

// Detail says in words what held a link's ends apart; nothing of an accepted one.
func (p *Proof) Detail() string {
	reason, of := p.Verdict.Parts()
	switch reason {
	case OverLimit:
		return fmt.Sprintf("together they would have %d %s, and one person may have %d", p.Exceeded[0], of, p.Exceeded[1])
	case GuardedByRival:
		return fmt.Sprintf("one of them is shared: it was seen with %d %s or more, and counts for nobody beyond %d", p.Exceeded[0], of, p.Exceeded[1])
	case OverSize:
		return fmt.Sprintf("together they would have %d identifiers, and one person may have %d", p.Exceeded[0], p.Exceeded[1])
	case KeptApart:
		return "an operator has split them: " + strings.Join(p.Decisions, ", ")
	}
	return ""
}

// Reason names what weighs most of why two identifiers are not one person: the
// verdict of the strongest rejected link, or of a link to an identifier that both
// were seen with; else "unknown" or "no_evidence". detail says it in words.
func (x *Explanation) Reason() (reason, detail string) {
	if x.Leaders[0].IsZero() || x.Leaders[1].IsZero() {
		return "unknown", "no event has named one of the two"
	}
	if len(x.Rejected) > 0 {
		return string(x.Rejected[0].Verdict), x.Rejected[0].Detail()
	}
	for _, t := range x.Through {
		for i := range t.Links {
			if p := &t.Links[i]; p.Verdict != Accepted {
				return string(p.Verdict), "both were seen with the same identifier: " + p.Detail()
			}
		}
	}
	return "no_evidence", "nothing was seen that links the two"
}
