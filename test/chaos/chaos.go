// Package chaos runs three nodes of kith on three Kafka brokers and a PostgreSQL
// with a standby, under load, and breaks one thing after another: nodes and brokers
// are killed and paused, the database is restarted, paused and fails over, the
// network is cut, disks fill up. In the end every acknowledged event must count
// once, and the state must be what one goroutine makes of the log in memory.
package chaos
