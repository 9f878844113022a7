package cold

// TimeOf returns when that happened which a row of the history tells of, in UTC
// milliseconds. ok is false for a row that never moves.
func TimeOf(key []byte) (at int64, ok bool) {
	_, at, _, ok = placed(key)
	return at, ok
}
