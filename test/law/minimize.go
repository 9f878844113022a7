package law

// Minimize drops from items what a failure does not need: it returns a subset, in
// order, of which fails still reports true and from which no single item can be
// left out (delta debugging). It calls fails at most tries times, so with few
// tries the subset may be larger than need be. fails must report true for items
// as given.
func Minimize[T any](items []T, tries int, fails func([]T) bool) []T {
	parts := 2
	for len(items) > 1 && tries > 0 {
		size := (len(items) + parts - 1) / parts
		smaller := []T(nil)
		for lo := 0; lo < len(items) && tries > 0; lo += size {
			rest := append(append([]T(nil), items[:lo]...), items[min(lo+size, len(items)):]...)
			tries--
			if fails(rest) {
				smaller = rest
				break
			}
		}
		switch {
		case smaller != nil:
			items, parts = smaller, max(parts-1, 2)
		case size == 1:
			return items
		default:
			parts = min(2*parts, len(items))
		}
	}
	return items
}
