package checkpoint

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"autodeeplab/onnx/tensor"
)

// TestReaders compares every fixture with what testdata/make.py put into it, to the last bit.
func TestReaders(t *testing.T) {
	text, err := os.ReadFile("testdata/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var files map[string][]struct {
		Name, Type string
		Shape      []int
		Values     []float64
	}
	if err := json.Unmarshal(text, &files); err != nil {
		t.Fatal(err)
	}
	formats := map[Format]int{}
	for path, want := range files {
		f, err := Open(filepath.Join("testdata", path))
		if err != nil {
			t.Error(err)
			continue
		}
		formats[f.Format]++
		tensors := f.Tensors
		tensors = slices.DeleteFunc(tensors, func(t Tensor) bool { return t.Type == "DT_STRING" })
		if len(tensors) != len(want) {
			t.Errorf("%s: %d tensors, want %d: %v", path, len(tensors), len(want), tensors)
			continue
		}
		for i, w := range want {
			got := &tensors[i]
			if got.Name != w.Name || got.Type != w.Type || !slices.Equal(got.Shape, w.Shape) {
				t.Errorf("%s: %s, want %q %s%v", path, got, w.Name, w.Type, w.Shape)
			}
			values, err := Load[float64](got)
			if got.DType == tensor.Int64 {
				if err == nil || !strings.Contains(err.Error(), "elements of type") {
					t.Errorf("%s: %s: %v", path, got, err)
				}
				continue
			}
			if err != nil || !slices.Equal(values, w.Values) {
				t.Errorf("%s: %s: %v, other values than expected", path, got, err)
			}
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if formats[TensorFlow] != 1 || formats[PyTorch] != 2 || formats[NumPy] != 1 || formats[Safetensors] != 1 {
		t.Errorf("files by format: %v", formats)
	}
}

// copyTensorFlow copies the TensorFlow fixture.
func copyTensorFlow(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	names, err := filepath.Glob("testdata/model.ckpt-*")
	if err != nil || len(names) != 3 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(name)), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestTensorFlowPaths opens a TensorFlow checkpoint by every name that it has.
func TestTensorFlowPaths(t *testing.T) {
	dir := copyTensorFlow(t)
	prefix := filepath.Join(dir, "model.ckpt-90000")
	for _, path := range []string{prefix, prefix + ".index", prefix + ".data-00001-of-00002", dir} {
		f, err := Open(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if len(f.Tensors) != 7 {
			t.Errorf("%s: %d tensors", path, len(f.Tensors))
		}
		f.Close()
	}
	// A second checkpoint makes the folder's name ambiguous, until TensorFlow's own file says which is the latest.
	index, err := os.ReadFile(prefix + ".index")
	if err != nil {
		t.Fatal(err)
	}
	put := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("model.ckpt-10.index", index)
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "holds 2 checkpoints, model.ckpt-10 the first") {
		t.Error(err)
	}
	put("checkpoint", []byte("model_checkpoint_path: \"/somewhere/else/model.ckpt-90000\"\nall_model_checkpoint_paths: \"model.ckpt-10\"\n"))
	f, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := os.Remove(prefix + ".data-00001-of-00002"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(prefix); err == nil || !strings.Contains(err.Error(), "data-00001-of-00002: no such file") {
		t.Error(err)
	}
}

// TestTensorFlowDamage flips a bit in each file, and cuts each off, wherever that may be: what is loaded nevertheless is
// what was written.
func TestTensorFlowDamage(t *testing.T) {
	load := func(path string) (values [][]float32, problem error) {
		f, err := Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		for i := range f.Tensors {
			if f.Tensors[i].DType.IsFloat() {
				v, err := Load[float32](&f.Tensors[i])
				if err != nil {
					return nil, err
				}
				values = append(values, v)
			}
		}
		return values, nil
	}
	dir := copyTensorFlow(t)
	prefix := filepath.Join(dir, "model.ckpt-90000")
	want, err := load(prefix)
	if err != nil || len(want) != 5 {
		t.Fatal(len(want), err)
	}
	for _, ending := range []string{".index", ".data-00000-of-00002", ".data-00001-of-00002"} {
		good, err := os.ReadFile(prefix + ending)
		if err != nil {
			t.Fatal(err)
		}
		failed := 0
		step := max(1, len(good)/150)
		tries := 0
		for at := 0; at < len(good); at += step {
			bad := slices.Clone(good)
			bad[at] ^= 0x10
			for _, data := range [][]byte{bad, good[:at]} {
				tries++
				if err := os.WriteFile(prefix+ending, data, 0o600); err != nil {
					t.Fatal(err)
				}
				got, err := load(prefix)
				if err != nil {
					failed++
					continue
				}
				for i := range want {
					if i >= len(got) || !slices.Equal(got[i], want[i]) {
						t.Fatalf("%s, byte %d: other values", ending, at)
					}
				}
			}
		}
		if failed < tries*9/10 {
			t.Errorf("%s: %d of %d damages noticed", ending, failed, tries)
		}
		if err := os.WriteFile(prefix+ending, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOpenBad is about files that are not what they seem; package decode has more of them.
func TestOpenBad(t *testing.T) {
	index, err := os.ReadFile("testdata/model.ckpt-90000.index")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"x.ckpt", index, "a TensorFlow table outside a checkpoint of version 2"},
		{"x.index", []byte("nothing of the kind"), "not a table"},
		{"x.index", tableOf(block(entry("", "a", "1"))), "no BundleHeaderProto"},
		{"x.index", tableOf(block()), "an empty table"},
		{"x.index", tableOf(block(entry("", "", "\x08\x00"))), "0 shards"},
		{"x.index", tableOf(block(entry("", "", "\x08\x01\x10\x01"))), "little-endian"},
		{"x.index", tableOf(block(entry("", "", "\x08\x01\x1a\x02\x10\x09"))), "version 9"},
		{"x.index", tableOf(block(entry("", "", "\x08\x01"), entry("", "w", "\x12\x04\x12\x02\x08"))), `"w": a damaged message`},
		{"x.index", tableOf(block(entry("", "", "\x08\x01"))), "x.data-00000-of-00001: no such file"},
		{"x.safetensors", []byte("\x40\x00\x00\x00\x00\x00\x00\x00{}"), "in a file of 10"},
		{"x.safetensors", []byte("\x02\x00\x00\x00\x00\x00\x00\x00{["), "not safetensors: a damaged header"},
	} {
		path := filepath.Join(t.TempDir(), c.name)
		if err := os.WriteFile(path, c.data, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if err == nil || !strings.HasPrefix(err.Error(), filepath.Dir(path)) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, %v, want %s", c.name, f, err, c.want)
		}
	}
	for path, want := range map[string]string{"nothing": "no such file", "testdata/nothing.index": "no such file"} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}

// TestOrderedSigned holds the encoding of slices at the ends of its lengths. The values were written by TensorFlow's
// rule by hand (core/lib/strings/ordered_code.cc): 7 bits a byte, the sign and a run of ones on top.
func TestOrderedSigned(t *testing.T) {
	for v, want := range map[int64]string{
		0: "\x80", 63: "\xbf", -1: "\x7f", -64: "\x40", 64: "\xc0\x40", -65: "\x3f\xbf", 8191: "\xdf\xff", 8192: "\xe0\x20\x00",
		1 << 20: "\xf0\x10\x00\x00", 1<<62 - 1: "\xff\xbf\xff\xff\xff\xff\xff\xff\xff", 1 << 62: "\xff\xc0\x40\x00\x00\x00\x00\x00\x00\x00",
	} {
		if got := string(appendOrderedSigned(nil, v)); got != want {
			t.Errorf("%d: %q, want %q", v, got, want)
		}
	}
	if got := string(appendOrderedString(nil, "a\x00\xff")); got != "a\x00\xff\xff\x00\x00\x01" {
		t.Errorf("%q", got)
	}
	if got := string(appendOrderedNumber(nil, 0x1234)); got != "\x02\x12\x34" {
		t.Errorf("%q", got)
	}
}
