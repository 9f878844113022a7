package app

import (
	"encoding/json"

	"github.com/goccy/go-yaml"

	"kith/internal/errs"
)

// DocumentJSON brings a document in YAML, of which JSON is a part, into JSON.
func DocumentJSON(data []byte) (json.RawMessage, error) {
	var doc map[string]any
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, errs.New(errs.Invalid, "config.document", "the document is no YAML: %s", yaml.FormatError(err, false, true))
	}
	out, err := json.Marshal(doc)
	return out, errs.Wrap(err, errs.Invalid, "config.document", "the document cannot be written as JSON")
}
