package resource

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"kith/event"
	"kith/internal/errs"
	"kith/internal/resource/form"
)

// KindSource is the kind of the documents that describe sources.
const KindSource = "source"

// TypeHTTP is a source whose events come over the collector's HTTP endpoints.
const TypeHTTP = "http"

// Bounds of a source's document.
const (
	nameBytesMax     = 200
	writeKeyBytesMax = 128
	writeKeysMax     = 10
	listMax          = 100
	originBytesMax   = 255
	typeBytesMax     = 64
	secretBytesMax   = 255
)

// Source is where events come from.
type Source struct {
	Key     string
	Name    string // for people
	Type    string // TypeHTTP
	Enabled bool   // false: its events are refused like those of an unknown key

	// WriteKeys are the keys that send as this source, the current one first.
	// They stand in web pages and apps for everyone to read, so they are stored
	// and shown in clear; a write key can send events and do nothing else.
	WriteKeys []WriteKey

	// Secret is SHA-256 of what server-to-server endpoints ask for beside the
	// write key; zero asks for nothing. The secret itself is not kept.
	Secret [sha256.Size]byte

	// DefaultCountry (ISO 3166, such as "FR") is where a phone number without a
	// country is from; empty leaves it to the workspace's settings.
	DefaultCountry string

	// Identifies lists the types of identifiers that events of this source may
	// name; empty means all.
	Identifies []string

	// AllowOrigins lists the web origins whose pages may send, such as
	// "https://shop.example"; empty means all.
	AllowOrigins []string

	// ServerFieldsIgnored makes the source's word on fields that only a server
	// can know count for nothing: the person's address, and moments long ago.
	ServerFieldsIgnored bool

	Version   uint64
	CreatedAt int64 // UTC milliseconds
	UpdatedAt int64 // likewise
}

// WriteKey is one key of a source. Times are UTC milliseconds, 0 for none.
type WriteKey struct {
	Value      string
	CreatedAt  int64
	ExpiresAt  int64 // from then on it is not known any more
	LastUsedAt int64 // to within some seconds; not part of the stored document
}

// liveAt reports whether the key is known at the moment.
func (k *WriteKey) liveAt(now int64) bool { return k.ExpiresAt == 0 || now < k.ExpiresAt }

// CurrentKey returns the write key that new senders should use.
func (s *Source) CurrentKey() string {
	if len(s.WriteKeys) == 0 {
		return ""
	}
	return s.WriteKeys[0].Value
}

// spec is what a body says of a source. Fields that were not given are nil where
// that means something else than the zero value.
type spec struct {
	source   Source
	writeKey string  // empty: keep or make one
	secret   *string // nil: keep; empty: none from now on
	version  uint64  // 0: whatever is there
}

// readSource reads the body of a PUT of the source of that key.
func readSource(key string, body []byte) (spec, error) {
	var s spec
	err := form.Read(body, func(o *form.Object) {
		if given := o.Text("key", KeyBytesMax); given != "" && given != key {
			o.Refuse("key", form.CodeInvalid, "must be the key in the address, or absent")
		}
		s.read(o)
		o.Skip("write_keys", "secret_set", "created_at", "updated_at")
	})
	s.source.Key = key
	if s.source.Name == "" {
		s.source.Name = key
	}
	return s, err
}

func (s *spec) read(o *form.Object) {
	src := &s.source
	src.Name = o.Text("name", nameBytesMax)
	src.Enabled = o.Flag("enabled", true)
	if src.Type = o.Text("type", typeBytesMax); src.Type == "" {
		src.Type = TypeHTTP
	}
	if src.Type != TypeHTTP {
		o.Refuse("type", form.CodeInvalid, "must be http")
	}
	s.readKey(o)
	if src.DefaultCountry = o.Text("default_country", typeBytesMax); src.DefaultCountry != "" && !country(src.DefaultCountry) {
		o.Refuse("default_country", form.CodeInvalid, "must be a country of ISO 3166 in two capital letters, such as FR")
	}
	src.Identifies = o.Texts("identifies", listMax, typeBytesMax)
	checkList(o, "identifies", src.Identifies, identifierType, "must be names of identifier types, such as user_id, each once")
	src.AllowOrigins = o.Texts("allow_origins", listMax, originBytesMax)
	checkList(o, "allow_origins", src.AllowOrigins, origin, "must be origins such as https://shop.example, each once")
	src.ServerFieldsIgnored = readServerFields(o)
	s.version = uint64(o.Int("version", 0, 1, 1<<53))
}

func (s *spec) readKey(o *form.Object) {
	given := o.Has("write_key")
	s.writeKey = o.Text("write_key", writeKeyBytesMax)
	if given && !ValidWriteKey(s.writeKey) {
		o.Refuse("write_key", form.CodeInvalid, "must be 1 to 128 visible ASCII characters without a colon")
	}
	if o.Has("secret") {
		secret := o.Text("secret", secretBytesMax)
		s.secret = &secret
		return
	}
	o.Skip("secret")
}

func readServerFields(o *form.Object) (ignored bool) {
	switch o.Text("server_fields", typeBytesMax) {
	case "", "taken":
		return false
	case "ignored":
		return true
	}
	o.Refuse("server_fields", form.CodeInvalid, "must be taken or ignored")
	return false
}

// ValidWriteKey reports whether s may be a write key: 1 to 128 visible ASCII
// characters without a colon, at which HTTP's Basic scheme would cut it.
func ValidWriteKey(s string) bool {
	return visible(s, writeKeyBytesMax) && !strings.Contains(s, ":")
}

func checkList(o *form.Object, name string, all []string, valid func(string) bool, detail string) {
	for i, s := range all {
		if !valid(s) || slices.Contains(all[:i], s) {
			o.Refuse(name, form.CodeInvalid, detail)
			return
		}
	}
}

func country(s string) bool {
	return len(s) == 2 && s == strings.ToUpper(s) && phonenumbers.GetCountryCodeForRegion(s) != 0
}

func identifierType(s string) bool {
	for i := 0; i < len(s); i++ {
		if (s[i] < 'a' || s[i] > 'z') && (i == 0 || s[i] != '_' && (s[i] < '0' || s[i] > '9')) {
			return false
		}
	}
	return s != ""
}

// origin reports whether s is an origin exactly as browsers send it.
func origin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme != "" && u.Host != "" && s == strings.ToLower(s) && s == u.Scheme+"://"+u.Host
}

// storedSource is a source's document as it lies in the state.
type storedSource struct {
	Name           string           `json:"name"`
	Type           string           `json:"type"`
	Enabled        bool             `json:"enabled"`
	WriteKeys      []storedWriteKey `json:"write_keys"`
	Secret         string           `json:"secret_sha256,omitempty"` // hexadecimal
	DefaultCountry string           `json:"default_country,omitempty"`
	Identifies     []string         `json:"identifies,omitempty"`
	AllowOrigins   []string         `json:"allow_origins,omitempty"`
	ServerFields   string           `json:"server_fields,omitempty"` // "ignored" or absent
	CreatedAt      int64            `json:"created_at"`
	UpdatedAt      int64            `json:"updated_at"`
}

type storedWriteKey struct {
	Value     string `json:"value"`
	CreatedAt int64  `json:"created_at"`
	ExpiresAt int64  `json:"expires_at,omitempty"`
}

// document returns the source as it is stored.
func (s *Source) document() (Document, error) {
	d := storedSource{
		Name: s.Name, Type: s.Type, Enabled: s.Enabled, DefaultCountry: s.DefaultCountry,
		Identifies: s.Identifies, AllowOrigins: s.AllowOrigins, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt,
		WriteKeys: []storedWriteKey{},
	}
	for _, k := range s.WriteKeys {
		d.WriteKeys = append(d.WriteKeys, storedWriteKey{k.Value, k.CreatedAt, k.ExpiresAt})
	}
	if s.Secret != [sha256.Size]byte{} {
		d.Secret = hex.EncodeToString(s.Secret[:])
	}
	if s.ServerFieldsIgnored {
		d.ServerFields = "ignored"
	}
	data, err := json.Marshal(d)
	return Document{KindSource, s.Key, s.Version, data}, errs.Wrap(err, errs.Internal, "source.encode", "a source could not be encoded")
}

// decodeSource reads a stored source. A field that is not known comes from a
// newer version and is an error of kind Corrupt: writing the document again
// would lose it.
func decodeSource(doc Document) (Source, error) {
	var d storedSource
	dec := json.NewDecoder(bytes.NewReader(doc.JSON))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return Source{}, errs.Wrap(err, errs.Corrupt, "source.format", "a stored source cannot be read by this version")
	}
	s := Source{
		Key: doc.Key, Name: d.Name, Type: d.Type, Enabled: d.Enabled, DefaultCountry: d.DefaultCountry,
		Identifies: d.Identifies, AllowOrigins: d.AllowOrigins, ServerFieldsIgnored: d.ServerFields == "ignored",
		Version: doc.Version, CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt,
	}
	for _, k := range d.WriteKeys {
		s.WriteKeys = append(s.WriteKeys, WriteKey{Value: k.Value, CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt})
	}
	secret, err := hex.DecodeString(d.Secret)
	if err != nil || len(secret) != 0 && len(secret) != len(s.Secret) {
		return Source{}, errs.New(errs.Corrupt, "source.format", "a stored source cannot be read by this version")
	}
	copy(s.Secret[:], secret)
	return s, nil
}

// View is a source as the API shows it.
type View struct {
	Key            string         `json:"key"`
	Name           string         `json:"name"`
	Type           string         `json:"type"`
	Enabled        bool           `json:"enabled"`
	WriteKey       string         `json:"write_key"`
	WriteKeys      []WriteKeyView `json:"write_keys"`
	SecretSet      bool           `json:"secret_set"`
	DefaultCountry *string        `json:"default_country"`
	Identifies     []string       `json:"identifies"`
	AllowOrigins   []string       `json:"allow_origins"`
	ServerFields   string         `json:"server_fields"`
	Version        uint64         `json:"version"`
	CreatedAt      string         `json:"created_at"`
	UpdatedAt      string         `json:"updated_at"`
}

// WriteKeyView is a write key as the API shows it.
type WriteKeyView struct {
	Value      string  `json:"value"`
	CreatedAt  string  `json:"created_at"`
	ExpiresAt  *string `json:"expires_at"`
	LastUsedAt *string `json:"last_used_at"`
}

// View returns the source as the API shows it. A body that repeats it changes
// nothing.
func (s *Source) View() View {
	v := View{
		Key: s.Key, Name: s.Name, Type: s.Type, Enabled: s.Enabled, WriteKey: s.CurrentKey(), WriteKeys: []WriteKeyView{},
		SecretSet: s.Secret != [sha256.Size]byte{}, Identifies: orEmpty(s.Identifies), AllowOrigins: orEmpty(s.AllowOrigins),
		ServerFields: "taken", Version: s.Version,
		CreatedAt: event.FormatTime(s.CreatedAt), UpdatedAt: event.FormatTime(s.UpdatedAt),
	}
	for _, k := range s.WriteKeys {
		v.WriteKeys = append(v.WriteKeys, WriteKeyView{k.Value, event.FormatTime(k.CreatedAt), timeView(k.ExpiresAt), timeView(k.LastUsedAt)})
	}
	if s.DefaultCountry != "" {
		v.DefaultCountry = &s.DefaultCountry
	}
	if s.ServerFieldsIgnored {
		v.ServerFields = "ignored"
	}
	return v
}

func orEmpty(all []string) []string {
	if all == nil {
		return []string{}
	}
	return all
}

func timeView(ms int64) *string {
	if ms == 0 {
		return nil
	}
	s := event.FormatTime(ms)
	return &s
}
