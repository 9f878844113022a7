// Package chaos runs three nodes of kith on three Kafka brokers, a PostgreSQL with a
// standby and a ClickHouse for old history, under load, and breaks one thing after
// another: nodes, brokers and ClickHouse are killed and paused, the database is
// restarted, paused and fails over, the network is cut, disks fill up. In the end
// every acknowledged event must count once, most history must have moved, and the
// state over both places must be what one goroutine makes of the log in memory.
package chaos
