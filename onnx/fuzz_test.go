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

// FuzzFile: whatever the bytes, reading them, as a binary model or as text, ends in an error or in a model that can be
// printed, decoded and written again, to the same bytes. (runtime's FuzzModel fuzzes what is done with such models.)
func FuzzFile(f *testing.F) {
	for _, data := range fixtures(f, "testdata/format/*.onnx", "testdata/parse/*.onnx", "testdata/format/*.txt", "testdata/parse/*.txt") {
		f.Add(data)
	}
	f.Add(marshal(f, externalModel("location", "../w.bin", "offset", "-1")))
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := Unmarshal(data, LoadOptions{MaxProto: 1 << 16}); err == nil {
			holdBinary(t, m, len(data))
		} else if err.Error() == "" || m != nil {
			t.Fatalf("%v with the error %q", m, err)
		}
		if len(data) > 1<<14 {
			return
		}
		if m, err := Parse(string(data)); err == nil {
			holdText(t, m)
		}
	})
}

// holdBinary holds what is true of every model that was read from so many bytes.
func holdBinary(t *testing.T, m *Model, size int) {
	_ = eachTensor(m, func(p *TensorPB) error {
		if v, err := Decode(p); err == nil && v.Bytes() > 16*size {
			t.Errorf("%d bytes decode to a tensor %s", size, v)
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
}

// holdText holds that what Parse accepts is printed to a text that says the same and prints the same.
func holdText(t *testing.T, m *Model) {
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
}
