package resource

import (
	"time"

	"kith/internal/resource/form"
)

// ParseDuration reads a duration as it stands in every document; see
// form.ParseDuration.
func ParseDuration(s string) (time.Duration, bool) { return form.ParseDuration(s) }
