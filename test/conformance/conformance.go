// Package conformance holds the tests in which real, unmodified SDKs deliver to
// the real kith binary, through a proxy that breaks requests and answers. It has
// no code of its own beside the tests.
package conformance
