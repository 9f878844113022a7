package telemetry

import (
	"strconv"
	"strings"
)

// Reference returns the documentation of all metrics in Markdown.
func Reference() []byte {
	var b strings.Builder
	b.WriteString(`# Metrics

<!-- Written by internal/telemetry/gen from the table in internal/telemetry/table.go. -->

` + "`GET /metrics`" + ` answers in the text format of Prometheus. Times are in seconds, sizes in bytes. A
counter starts at zero with the process; where the table says *stored* it is read from the
state and goes on over restarts. Beside these there are the usual metrics of the Go runtime
(` + "`go_*`" + `) and of the process (` + "`process_*`" + `).

| metric | type | labels | meaning |
|---|---|---|---|
`)
	for _, row := range table() {
		b.WriteString("| `" + row.name + "` | " + row.typeInWords() + " | " + row.labelsInWords() + " | " + row.help + " |\n")
	}
	return []byte(b.String())
}

func (m *metric) typeInWords() string {
	switch m.kind {
	case total:
		return "counter, stored"
	case histogram:
		first, last := m.buckets[0], m.buckets[len(m.buckets)-1]
		return "histogram, " + format(first) + " to " + format(last)
	}
	return string(m.kind)
}

func (m *metric) labelsInWords() string {
	quoted := make([]string, len(m.labels))
	for i, l := range m.labels {
		quoted[i] = "`" + l + "`"
	}
	return strings.Join(quoted, ", ")
}

func format(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
