package backup

import (
	"bytes"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"kith/internal/errs"
)

// FuzzManifest reads any bytes as a manifest.
func FuzzManifest(f *testing.F) {
	files := vfs.NewMem()
	saved := mustSave(f, files, "b", Keys{Plain: true}, workspace(f, 18, 20))
	good := encode(saved.Manifest)
	f.Add(good)
	f.Add(bytes.ReplaceAll(good, []byte(`"format":1`), []byte(`"format":2`)))
	f.Add(bytes.ReplaceAll(good, []byte(`[`), []byte(`[-`)))
	f.Add([]byte("{}\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := DecodeManifest(data)
		if err != nil {
			if !errs.Is(err, errs.Corrupt) && !errs.Is(err, errs.Invalid) {
				t.Errorf("%v", err)
			}
			return
		}
		if !bytes.Equal(encode(m), data) {
			t.Errorf("%q is read as %+v", data, m)
		}
	})
}

// FuzzArchive takes any bytes in as an archive, and restores what passes.
func FuzzArchive(f *testing.F) {
	stream := workspace(f, 19, 8).archive(f)
	f.Add(stream)
	f.Add(stream[:len(stream)-1])
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		files := vfs.NewMem()
		if _, err := Save(ctx, files, "b", Keys{Plain: true}, bytes.NewReader(data)); err != nil {
			return
		}
		if _, _, err := restore(files, "b", Keys{Plain: true}, Options{}); err != nil && !errs.Is(err, errs.Corrupt) {
			t.Errorf("%v", err)
		}
	})
}

// FuzzFrames restores frames whose checksums are right and whose contents may be
// anything.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("\x02ab\x01c\x02ac\x00"), []byte("\x00\x00\x01x\x02yz"), int64(2), int64(2))
	f.Add([]byte("\x02ab\x01c\x02aa\x00"), []byte("\x01\x00\x01x"), int64(1), int64(2))
	f.Add([]byte{}, []byte{}, int64(0), int64(0))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), []byte("\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), int64(1), int64(1))
	f.Fuzz(func(t *testing.T, rows, log []byte, records, count int64) {
		var data bytes.Buffer
		out, err := newFrameWriter(&data)
		if err != nil {
			t.Fatal(err)
		}
		head := Header{Format: formatVersion, CreatedAt: "2025-06-15T15:06:40.007Z", Positions: []int64{records}}
		for _, fr := range []struct {
			kind byte
			raw  []byte
		}{{kindHeader, encode(head)}, {kindRows, rows}, {kindLog, log}, {kindEnd, encode(ending{Records: records, Rows: count})}} {
			if err := out.write(fr.kind, fr.raw); err != nil {
				t.Fatal(err)
			}
		}
		files := vfs.NewMem()
		if _, err := Save(ctx, files, "b", Keys{Plain: true}, &data); err != nil {
			return
		}
		got, restored, err := restore(files, "b", Keys{Plain: true}, Options{})
		switch {
		case err == nil:
			if int64(len(got.records(t)[0])) != records || int64(len(got.rows(t))) != count || restored.Records != records {
				t.Errorf("%+v of %d records and %d rows", restored, records, count)
			}
		case !errs.Is(err, errs.Corrupt):
			t.Errorf("%v", err)
		}
	})
}
