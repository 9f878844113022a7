package encode

import (
	"bytes"
	"encoding/base64"
	"io"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/decimal256"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"kith/internal/analytics"
	"kith/internal/errs"
)

// batchRows is how many rows one record batch of a stream holds.
const batchRows = 8192

// stream writes the streaming format of Apache Arrow. Lists, structs, maps and
// JSON are texts of the extension type arrow.json; times are milliseconds in UTC;
// integers beyond 64 bits are decimals without a fraction. What of a time or date
// is infinite is null.
type stream struct {
	w       io.Writer
	out     *ipc.Writer
	builder *array.RecordBuilder
	rows    int
}

func (s *stream) begin(columns []analytics.Column) error {
	names := uniqueNames(columns)
	fields := make([]arrow.Field, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: names[i], Type: arrowType(c), Nullable: true}
		if c.Kind == analytics.JSON {
			fields[i].Metadata = arrow.MetadataFrom(map[string]string{"ARROW:extension:name": "arrow.json", "ARROW:extension:metadata": ""})
		}
	}
	schema := arrow.NewSchema(fields, nil)
	s.out = ipc.NewWriter(s.w, ipc.WithSchema(schema))
	s.builder = array.NewRecordBuilder(memory.DefaultAllocator, schema)
	return nil
}

func arrowType(c analytics.Column) arrow.DataType {
	switch c.Kind {
	case analytics.Bool:
		return arrow.FixedWidthTypes.Boolean
	case analytics.Integer:
		switch {
		case c.Bits > 64:
			return &arrow.Decimal256Type{Precision: 39}
		case c.Unsigned:
			return arrow.PrimitiveTypes.Uint64
		}
		return arrow.PrimitiveTypes.Int64
	case analytics.Decimal:
		return &arrow.Decimal128Type{Precision: int32(c.Width), Scale: int32(c.Scale)}
	case analytics.Float:
		return arrow.PrimitiveTypes.Float64
	case analytics.Time:
		return &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}
	case analytics.Date:
		return arrow.FixedWidthTypes.Date32
	case analytics.Bytes:
		return arrow.BinaryTypes.Binary
	}
	return arrow.BinaryTypes.String
}

func (s *stream) row(values [][]byte) error {
	for i, v := range values {
		if v == nil {
			s.builder.Field(i).AppendNull()
			continue
		}
		if !appendArrow(s.builder.Field(i), v) {
			return errs.New(errs.Internal, "sql.arrow", "column %d has a value that is none of its type", i+1)
		}
	}
	if s.rows++; s.rows%batchRows == 0 {
		return s.flush()
	}
	return nil
}

// appendArrow adds a value to a column and reports whether it is one of its type.
func appendArrow(b array.Builder, v []byte) bool {
	text := string(v)
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(text == "true")
	case *array.Int64Builder:
		n, err := strconv.ParseInt(text, 10, 64)
		b.Append(n)
		return err == nil
	case *array.Uint64Builder:
		n, err := strconv.ParseUint(text, 10, 64)
		b.Append(n)
		return err == nil
	case *array.Float64Builder:
		f, err := strconv.ParseFloat(text, 64)
		b.Append(f)
		return err == nil
	case *array.Decimal128Builder:
		n, ok := units(v)
		b.Append(decimal128.FromBigInt(n))
		return ok
	case *array.Decimal256Builder:
		n, ok := units(v)
		b.Append(decimal256.FromBigInt(n))
		return ok
	case *array.TimestampBuilder:
		return appendMoment(b, text, "2006-01-02T15:04:05.000Z", func(t time.Time) { b.Append(arrow.Timestamp(t.UnixMilli())) })
	case *array.Date32Builder:
		return appendMoment(b, text, time.DateOnly, func(t time.Time) { b.Append(arrow.Date32(math.Floor(float64(t.Unix()) / 86400))) })
	case *array.BinaryBuilder:
		raw, ok := decode(v)
		b.Append(raw)
		return ok
	case *array.StringBuilder:
		b.Append(text)
	}
	return true
}

// appendMoment adds a moment, or null for one that no calendar has.
func appendMoment(b array.Builder, text, layout string, add func(time.Time)) bool {
	t, err := time.Parse(layout, text)
	if err != nil {
		b.AppendNull()
		return true
	}
	add(t)
	return true
}

// units returns a decimal as a number of its smallest units.
func units(v []byte) (*big.Int, bool) {
	n, ok := new(big.Int).SetString(string(bytes.ReplaceAll(v, []byte("."), nil)), 10)
	if !ok {
		return new(big.Int), false
	}
	return n, true
}

func (s *stream) flush() error {
	batch := s.builder.NewRecordBatch()
	defer batch.Release()
	return s.out.Write(batch)
}

func (s *stream) end(analytics.Rows) error {
	defer s.builder.Release()
	if s.rows%batchRows != 0 || s.rows == 0 {
		if err := s.flush(); err != nil {
			return err
		}
	}
	return s.out.Close()
}

func decode(v []byte) ([]byte, bool) {
	raw, err := base64.StdEncoding.DecodeString(string(v))
	return raw, err == nil
}
