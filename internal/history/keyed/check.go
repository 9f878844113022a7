package keyed

// CheckRow tells whether a row of the index can be read; the error is of kind
// Corrupt.
func CheckRow(key, value []byte) error {
	_, err := decode(key, value)
	return err
}
