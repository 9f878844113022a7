// Package arch holds the laws of this repository as tests: which package may
// import which, what may touch the machine, how long things may get, and what a
// comment says. The tests parse the tree and need no build, and a failure says
// what to write where.
//
// The tables that they enforce stand in ARCHITECTURE.md, so that the document
// that people read and the rule that holds are one text.
package arch
