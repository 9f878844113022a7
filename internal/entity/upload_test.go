package entity_test

import (
	"fmt"
	"strings"
	"testing"

	"kith/internal/entity"
	"kith/internal/errs"
	"kith/internal/identity"
	"kith/internal/profile"
)

func known(typ string) bool { return typ == "email" || typ == "user_id" }

// uploaded reads an upload to its end: what each row comes to, one a line.
func uploaded(format, text string) string {
	u := entity.Upload{}
	rows, err := entity.ReadUpload(format, []byte(text), known, &u)
	if err == nil {
		err = u.Check(func(field string) string { return "/" + field })
	}
	if err != nil {
		return "refused " + errs.CodeOf(err)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s:", u.Mode)
	for {
		row, ok, err := rows.Next()
		if err != nil {
			return "broken " + errs.CodeOf(err)
		}
		if !ok {
			return out.String()
		}
		id, why := identity.Identifier{}, row.Rejected
		if why == nil {
			id, why = row.Writable(identity.DefaultConfig(), false)
		}
		if why != nil {
			fmt.Fprintf(&out, " %d=%s", row.Index, why.Code)
			continue
		}
		fmt.Fprintf(&out, " %s", entity.ListRow(id))
	}
}

func TestReadUpload(t *testing.T) {
	for _, c := range []struct{ format, text, want string }{
		{entity.FormatJSON, `{"members":[{"type":"email","value":"Ana@Shop.fr"},{"user_id":7},{"email":"no"},{"a":1,"b":2},7],"mode":"replace"}`,
			"replace: email:ana@shop.fr user_id:7 2=list.identifier 3=list.row 4=list.row"},
		{entity.FormatJSON, `{"members":[]}`, "add:"},
		{entity.FormatJSON, `{"members":[{"group_id":"acme"},{"no type":"x"}]}`, "add: 0=list.type 1=list.type"},
		{entity.FormatJSON, `{"member":[]}`, "refused field.required"},
		{entity.FormatJSON, `{"members":[],"mode":"set"}`, "refused field.invalid"},
		{entity.FormatJSON, `{"members":[],"mode":1}`, "refused field.type"},
		{entity.FormatJSON, `{"members":[],"more":1}`, "refused field.unknown"},
		{entity.FormatJSON, `{"members":[],"timestamp":"soon"}`, "refused field.invalid"},
		{entity.FormatLines, "{\"email\":\"a@b.c\"}\r\n\n{\"email\":\n{\"user_id\":\"u\"}", "add: email:a@b.c 1=list.row user_id:u"},
		{entity.FormatCSV, "email\nAna@Shop.fr\n\n,\nbo\n", "add: email:ana@shop.fr 1=list.row 2=list.identifier"},
		{entity.FormatCSV, "\xef\xbb\xbfname;user_id;email\r\nAna;;ana@shop.fr\r\nBo;bo;bo@shop.fr\r\n", "add: email:ana@shop.fr user_id:bo"},
		{entity.FormatCSV, "type\tvalue\nemail\t\"ana@shop.fr\"\nuser_id", "add: email:ana@shop.fr 1=list.identifier"},
		{entity.FormatCSV, "name,plan\nAna,pro\n", "refused list.columns"},
		{entity.FormatCSV, "", "refused list.unreadable"},
		{"text/plain", "x", "refused list.format"},
	} {
		if got := uploaded(c.format, c.text); got != c.want {
			t.Errorf("%s %q\n got %s\nwant %s", c.format, c.text, got, c.want)
		}
	}
}

// TestListRows: an identifier has one row, however it is written and however long
// it is; accounts are named by their nodes' type.
func TestListRows(t *testing.T) {
	cfg, d := identity.DefaultConfig(), (*entity.Config)(nil).Definition(entity.ListOf("vip"))
	row := func(typ, value string, remove bool) string {
		b := entity.ListBody("vip", "run", typ, value, remove)
		key, ok := d.RowOf(&b, cfg)
		if !ok {
			return "none"
		}
		return key
	}
	if a, b := row("email", " Ana@Shop.FR", false), row("email", "ana@shop.fr", true); a != b || a != "email:ana@shop.fr" {
		t.Errorf("%s and %s", a, b)
	}
	if a := row(entity.GroupType, "acme", false); a != profile.AccountType+":acme" {
		t.Errorf("an account is %s", a)
	}
	long := row("user_id", strings.Repeat("ab7c", 62), false)
	if !entity.ValidKey(long) || long == row("user_id", strings.Repeat("ab7d", 62), false) {
		t.Errorf("long values are %s", long)
	}
	for _, bad := range []string{row("email", "no address", false), row("e:mail", "x", false), row("user_id", "", false)} {
		if bad != "none" {
			t.Errorf("nobody is %s", bad)
		}
	}
	b := entity.ReplaceBody("vip", "")
	if key, ok := d.RowOf(&b, cfg); !ok || key != entity.Replaced {
		t.Errorf("what replaces a list is %q", key)
	}
}

func FuzzReadUpload(f *testing.F) {
	f.Add(uint8(0), `{"members":[{"type":"email","value":"Ana@Shop.fr"},{"user_id":7}],"mode":"replace"}`)
	f.Add(uint8(1), "{\"email\":\"a@b.c\"}\n{")
	f.Add(uint8(2), "type;value\nemail;\"a@b.c\n")
	f.Fuzz(func(_ *testing.T, format uint8, text string) {
		uploaded([]string{entity.FormatJSON, entity.FormatLines, entity.FormatCSV}[format%3], text)
	})
}
