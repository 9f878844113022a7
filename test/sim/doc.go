// Package sim runs kith on a simulated machine: one goroutine, one seed, a disk
// that loses power, tears writes, fails and fills up, a clock that is turned by
// hand. A seed chooses a list of operations; the workload and the faults know
// nothing of one another, and the checkers know nothing of either: they have the
// answers that clients were given and what is on the disk.
//
//	go test ./test/sim                     500 seeds, and those of testdata/seeds.txt
//	go test ./test/sim -seeds=10000        more of them
//	go test ./test/sim -seed=17            one of them
//	go test ./test/sim -seed=17 -ops=200   a longer list of operations
//
// A failure prints its seed, the operations that are left after dropping those it
// does not need, and the command that runs just these.
//
// The embedded engines run as they are in the product: the local log, and Pebble
// with commits that are not synced, because the state comes back by reading the
// log again from its cursor. Pebble flushes and compacts in goroutines of its own,
// so how much of its files was synced at a power cut may differ between two runs
// of a seed; what survives of given bytes does not.
package sim
