package telemetry

// kind is what a metric's number means.
type kind string

const (
	counter   kind = "counter"   // only grows; starts at 0 with the process
	total     kind = "total"     // only grows; read from the stored state when asked for
	gauge     kind = "gauge"     // set or read when asked for
	histogram kind = "histogram" // how often values fell under each bound
)

// metric is one row of the table from which metrics are made and the reference
// is written.
type metric struct {
	name    string
	kind    kind
	help    string
	labels  []string
	buckets []float64
}

// The names of the metrics. Units stand at the end; times are in seconds.
const (
	httpRequests     = "kith_http_requests_total"
	httpSeconds      = "kith_http_request_seconds"
	failures         = "kith_failures_total"
	collectAccepted  = "kith_collect_accepted_total"
	collectRejected  = "kith_collect_rejected_total"
	collectRefused   = "kith_collect_refused_requests_total"
	collectRetried   = "kith_collect_retried_requests_total"
	collectBodyBytes = "kith_collect_body_bytes_total"
	collectStored    = "kith_collect_stored_bytes_total"
	collectSeconds   = "kith_collect_request_seconds"
	collectBytesHeld = "kith_collect_in_flight_bytes"
	collectHeld      = "kith_collect_in_flight_requests"
	logCommits       = "kith_log_commit_seconds"
	logCommitRecords = "kith_log_commit_records"
	logBytes         = "kith_log_bytes"
	logDiskFull      = "kith_log_disk_full"
	logDamaged       = "kith_log_damaged_total"
	recordsAccepted  = "kith_accepted_records_total"
	recordsProcessed = "kith_processed_records_total"
	recordsRepeated  = "kith_repeated_records_total"
	recordsHeld      = "kith_quarantined_records"
	recordsLag       = "kith_lag_records"
	pipelineSeconds  = "kith_pipeline_batch_seconds"
	pipelineRecords  = "kith_pipeline_batch_records"
	pipelineBytes    = "kith_pipeline_bytes_total"
	pipelineStages   = "kith_pipeline_stage_seconds"
	pipelineRetried  = "kith_pipeline_retried_batches_total"
	pipelineAlone    = "kith_pipeline_alone_batches_total"
	pipelineHeld     = "kith_pipeline_held_records_total"
	pipelineDropped  = "kith_pipeline_dropped_identifiers_total"
	consentsSaid     = "kith_consent_statements_total"
	rowsWritten      = "kith_entity_writes_total"
	stateBytes       = "kith_state_bytes"
	lakeSeconds      = "kith_lake_round_seconds"
	lakeFacts        = "kith_lake_facts_total"
	lakeMerged       = "kith_lake_merged_bytes_total"
	lakeFailed       = "kith_lake_failures_total"
	lakeLag          = "kith_lake_lag_milliseconds"
	archived         = "kith_archive_records_total"
	archiveBytes     = "kith_archive_bytes_total"
	archiveTrimmed   = "kith_archive_trimmed_records_total"
	archiveFailed    = "kith_archive_failures_total"
	archiveRecords   = "kith_archive_lag_records"
	archiveLag       = "kith_archive_lag_milliseconds"
	historyMoved     = "kith_history_moved_rows_total"
	historyFailed    = "kith_history_failures_total"
	historyAge       = "kith_history_pass_age_milliseconds"
	historyCalls     = "kith_history_calls_total"
	historySeconds   = "kith_history_call_seconds"
	sqlQueries       = "kith_sql_queries_total"
	sqlSeconds       = "kith_sql_seconds"
	sqlRows          = "kith_sql_rows_total"
	sqlRunning       = "kith_sql_running"
	sqlWaiting       = "kith_sql_waiting"
)

// table lists every metric of kith, in the order of the reference.
func table() []metric {
	fast := []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	sizes := []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000}
	return []metric{
		{name: httpRequests, kind: counter, labels: []string{"route", "status"}, help: "Requests by route (operationId of the OpenAPI document, none for unknown paths) and status of the answer. 429 and 503 are load that was shed."},
		{name: httpSeconds, kind: histogram, labels: []string{"route"}, buckets: fast, help: "Time from a request's head to the end of its answer."},
		{name: failures, kind: counter, labels: []string{"kind"}, help: "Requests that ended with a defect of kith: kind panic or error. Each is in the log under its request id."},

		{name: collectAccepted, kind: counter, labels: []string{"source"}, help: "Messages stored, by source; repeats too, since they are recognised later."},
		{name: collectRejected, kind: counter, labels: []string{"code"}, help: "Messages refused one by one, by reason."},
		{name: collectRefused, kind: counter, labels: []string{"status", "code"}, help: "Requests of the collector refused as a whole, by status and reason."},
		{name: collectRetried, kind: counter, help: "Requests of which the client says that it has sent them before."},
		{name: collectBodyBytes, kind: counter, help: "Bytes of bodies received by the collector."},
		{name: collectStored, kind: counter, help: "Bytes of the records made of accepted messages."},
		{name: collectSeconds, kind: histogram, buckets: fast, help: "Time from a collector request's head to its answer, which comes when its messages are durable."},
		{name: collectBytesHeld, kind: gauge, help: "Bytes of bodies and records that the collector holds in memory."},
		{name: collectHeld, kind: gauge, help: "Requests that the collector is working on."},

		{name: logCommits, kind: histogram, buckets: fast, help: "Time of a group commit of the embedded event log, the sync included."},
		{name: logCommitRecords, kind: histogram, buckets: sizes, help: "Records made durable by one sync."},
		{name: logBytes, kind: gauge, help: "Bytes of the embedded event log on disk."},
		{name: logDiskFull, kind: gauge, help: "1 while appends are refused because the disk is below its reserve, else 0."},
		{name: logDamaged, kind: counter, help: "Places found in the event log that do not say what was written."},

		{name: recordsAccepted, kind: total, help: "Records answered 200, repeats and quarantined ones too."},
		{name: recordsProcessed, kind: total, help: "The same once folded into the state."},
		{name: recordsRepeated, kind: total, help: "Copies of messages that were already there."},
		{name: recordsHeld, kind: gauge, help: "Records kept apart because they cannot be folded."},
		{name: recordsLag, kind: gauge, help: "Records accepted and not yet folded."},

		{name: pipelineSeconds, kind: histogram, buckets: fast, help: "Time to fold one batch of records, its commit included."},
		{name: pipelineRecords, kind: histogram, buckets: sizes, help: "Records of one batch."},
		{name: pipelineBytes, kind: counter, help: "Bytes of records folded."},
		{name: pipelineStages, kind: histogram, labels: []string{"stage"}, buckets: fast, help: "Time that one stage takes of a batch."},
		{name: pipelineRetried, kind: counter, labels: []string{"code"}, help: "Batches tried again, by reason."},
		{name: pipelineAlone, kind: counter, help: "Batches that held the locks of all people, so that no other batch of the workspace was folded beside them."},
		{name: pipelineHeld, kind: counter, labels: []string{"code"}, help: "Records that were set apart, by reason."},
		{name: pipelineDropped, kind: counter, labels: []string{"type", "reason"}, help: "Values that identified nobody, by type of identifier and reason."},
		{name: consentsSaid, kind: counter, labels: []string{"via", "state"}, help: "Statements of purposes that were folded, copies too, by the way they came and what they say."},
		{name: rowsWritten, kind: counter, help: "Writes and deletions of rows of entities that were folded, copies too."},
		{name: lakeSeconds, kind: histogram, buckets: fast, help: "Time to write one round of facts to the open tables."},
		{name: lakeFacts, kind: counter, help: "Facts that show in the open tables."},
		{name: lakeMerged, kind: counter, labels: []string{"table"}, help: "Bytes of the files that merging has written, by table."},
		{name: lakeFailed, kind: counter, labels: []string{"code"}, help: "Failures of the writer of the open tables, by reason; each is tried again."},
		{name: lakeLag, kind: gauge, help: "Age of the oldest fact that does not show in the open tables."},
		{name: stateBytes, kind: gauge, help: "Bytes of the embedded state on disk."},

		{name: archived, kind: counter, help: "Records of the topic that were put into the archive beside the lake."},
		{name: archiveBytes, kind: counter, help: "Bytes of the archive's files that were written; a small last file is written again with what comes."},
		{name: archiveTrimmed, kind: counter, help: "Records that were deleted from the topic, because the archive has them and keep of --log is over."},
		{name: archiveFailed, kind: counter, labels: []string{"code"}, help: "Failures of archiving, by reason; each is tried again. archive.missing and archive.damaged need an operator."},
		{name: archiveRecords, kind: gauge, help: "Records of the partitions that this process folds that the topic alone has."},
		{name: archiveLag, kind: gauge, help: "How long this process has known the oldest of them. Ten minutes is usual; nothing leaves the topic before it is archived."},

		{name: historyMoved, kind: counter, help: "Rows of old history and blocks of old facts that were moved out of the state to where --history says."},
		{name: historyFailed, kind: counter, labels: []string{"code"}, help: "Steps of moving old history that failed, by reason; each is tried again, and what was to move stays in the state."},
		{name: historyAge, kind: gauge, help: "In the process that moves old history, how long ago it last went through all of it, or began to, if it has not yet; other processes leave it out. It begins again a day after it has ended, earlier where after is under ten days."},
		{name: historyCalls, kind: counter, labels: []string{"call", "outcome"}, help: "Calls of where old history lies: read (somebody asks for old events), insert (rows move there) and keep (counting and cleaning up), by how they ended: ok, canceled (nobody waited any more), or the code of their error."},
		{name: historySeconds, kind: histogram, labels: []string{"call"}, buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}, help: "Time of such a call."},

		{name: sqlQueries, kind: counter, labels: []string{"outcome"}, help: "SQL queries that ended: ok, cut (a limit cut the answer short), canceled, or the code of their error."},
		{name: sqlSeconds, kind: histogram, buckets: []float64{.025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 30, 60}, help: "Time of an SQL query from its request to the end of its answer, the wait for its turn included."},
		{name: sqlRows, kind: counter, help: "Rows that SQL queries answered."},
		{name: sqlRunning, kind: gauge, help: "SQL queries that run, each in a process of its own."},
		{name: sqlWaiting, kind: gauge, help: "SQL queries that wait for their turn."},
	}
}
