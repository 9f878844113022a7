package condition

import "kith/internal/analytics"

// Uses is what every statement of this package makes use of.
func Uses() *analytics.Own {
	return &analytics.Own{Tables: []string{"events", "profiles", "traits_history"}, Columns: []string{"profile_id"}}
}
