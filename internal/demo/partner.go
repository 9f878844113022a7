package demo

import (
	"fmt"
	"strconv"
	"strings"
)

// PartnerColumns are the columns of the loyalty partner's file.
func PartnerColumns() []string {
	return []string{"Card", "E-Mail", "First name", "Last name", "Tier", "Points", "Joined"}
}

// PartnerRow is the person's row in the loyalty partner's file. Who has no card
// has none.
func (w *World) PartnerRow(i int) (row []string, ok bool) {
	p := w.Person(i)
	if p.Loyalty == "" {
		return nil, false
	}
	c := begin(w.seed, streamPartner, uint64(i))
	points := c.below(4000)
	joined := w.end - int64(c.span(5, 330))*day + w.shift
	return []string{p.Loyalty, p.Address, p.Given, p.Family, tier(points), strconv.Itoa(points), instant(joined)}, true
}

func tier(points int) string {
	for _, t := range [...]struct {
		from int
		name string
	}{{3000, "gold"}, {1500, "silver"}} {
		if points >= t.from {
			return t.name
		}
	}
	return "bronze"
}

// PartnerMessage makes the call of a row of the file. run names the load, so that
// it can be taken back whole.
func PartnerMessage(row []string, run string) (Message, error) {
	if len(row) != len(PartnerColumns()) {
		return Message{}, fmt.Errorf("a row of the partner's file has %d columns", len(row))
	}
	points, err := strconv.Atoi(row[5])
	if err != nil {
		return Message{}, fmt.Errorf("the points of card %s are no number", row[0])
	}
	body := object("type", "identify", "messageId", "loyalty-"+row[0], "timestamp", row[6], "anonymousId", "card-"+row[0],
		"context", object("run", run, "externalIds", list([]raw{object("id", row[0], "type", "loyalty_id")})),
		"traits", object("email", strings.ToLower(row[1]), "firstName", row[2], "lastName", row[3], "loyalty_tier", row[4], "loyalty_points", points))
	return Message{Source: Partner, Body: []byte(body)}, nil
}
