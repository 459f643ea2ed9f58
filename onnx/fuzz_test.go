package onnx

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// fixtures gives the contents of the files that the patterns match.
func fixtures(f *testing.F, patterns ...string) [][]byte {
	f.Helper()
	var out [][]byte
	for _, p := range patterns {
		names, err := filepath.Glob(p)
		if err != nil || len(names) == 0 {
			f.Fatal(p, err)
		}
		for _, n := range names {
			data, err := os.ReadFile(n)
			if err != nil {
				f.Fatal(err)
			}
			out = append(out, data)
		}
	}
	return out
}

// FuzzUnmarshal: whatever the bytes, reading them ends in an error or in a model that can be printed, decoded and
// written again. (onnx/check fuzzes what the checker does with such models.)
func FuzzUnmarshal(f *testing.F) {
	for _, data := range fixtures(f, "testdata/format/*.onnx", "testdata/parse/*.onnx") {
		f.Add(data)
	}
	f.Add(marshal(f, externalModel("location", "../w.bin", "offset", "-1")))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Unmarshal(data, LoadOptions{MaxProto: 1 << 16})
		if err != nil {
			return
		}
		_ = eachTensor(m, func(p *TensorPB) error {
			if v, err := Decode(p); err == nil && v.Bytes() > 16*len(data) {
				t.Errorf("%d bytes decode to a tensor %s", len(data), v)
			}
			return nil
		})
		for _, o := range []TextOptions{{}, {Full: true}} {
			if err := Format(new(bytes.Buffer), m, o); err != nil {
				t.Error(err)
			}
		}
		first, err := Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Unmarshal(first, LoadOptions{})
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if second := marshal(t, again); !bytes.Equal(first, second) {
			t.Error("written, read and written again, the model has other bytes")
		}
	})
}

// FuzzParse: no text makes Parse panic, and what it accepts is printed to a text that says the same and prints the same.
func FuzzParse(f *testing.F) {
	for _, text := range fixtures(f, "testdata/format/*.txt", "testdata/parse/*.txt") {
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := Parse(text)
		if err != nil {
			return
		}
		first := format(t, m, TextOptions{Full: true})
		again, err := Parse(first)
		if err != nil {
			t.Fatalf("the printed text cannot be read: %v\n%s", err, first)
		}
		if second := format(t, again, TextOptions{Full: true}); first != second {
			t.Errorf("printed:\n%s\nread and printed again:\n%s", first, second)
		}
		if _, err := Marshal(m); err != nil {
			t.Errorf("cannot be written: %v", err)
		}
	})
}
