//go:build !unix

package pgtest

// launch starts no server where there are no Unix users; a running one can be
// used.
func launch() (running, error) { return running{}, errMissing }
