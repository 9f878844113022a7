package lake

// CheckRow tells whether a row of the family of the lake can be read; the error is
// of kind Corrupt.
func CheckRow(key, value []byte) error {
	if len(key) < 2 {
		return errRound()
	}
	switch {
	case key[1] == 'r' && len(key) == 2:
		_, err := decodeRound(value)
		return err
	case key[1] == 'n' && len(key) == 18 && len(value) == 16,
		key[1] == 'p' && len(key) == 18 && len(value) > 0 && len(value)%16 == 0:
		return nil
	}
	return errRound()
}
