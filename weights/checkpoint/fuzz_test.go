package checkpoint

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"autodeeplab/onnx/tensor"
)

// fuzzRead holds that no bytes make listing or loading panic, and that what is loaded is whole.
func fuzzRead(t *testing.T, data []byte) {
	f, err := Read(bytes.NewReader(data), int64(len(data)), "x.npy")
	if err != nil {
		if err.Error() == "" || f != nil {
			t.Fatalf("%v with the error %q", f, err)
		}
		return
	}
	hold(t, f.Tensors)
}

func hold(t *testing.T, tensors []Tensor) {
	t.Helper()
	for i := range tensors {
		n, err := tensor.NumElems(tensors[i].Shape)
		if err != nil || n > 1<<20 { // as a caller would bound it
			continue
		}
		if v, err := Load[float32](&tensors[i]); err == nil && len(v) != n {
			t.Fatalf("%v has %d elements", &tensors[i], len(v))
		}
	}
}

// seed adds files whole and cut off.
func seed(f *testing.F, patterns ...string) {
	seeds := 0
	for _, p := range patterns {
		names, err := filepath.Glob(p)
		if err != nil {
			f.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
			f.Add(data[:len(data)*3/4])
			seeds++
		}
	}
	if seeds == 0 {
		f.Fatalf("no seeds in %v", patterns)
	}
}

// FuzzNumPy is about .npz and .npy.
func FuzzNumPy(f *testing.F) {
	seed(f, imports+"*.npz", imports+"*.npy", "testdata/small.npz")
	f.Fuzz(fuzzRead)
}

// FuzzTorch is about both forms of .pth.
func FuzzTorch(f *testing.F) {
	seed(f, imports+"*.pth", "testdata/*.pth")
	f.Fuzz(fuzzRead)
}

// FuzzSafetensors is about .safetensors.
func FuzzSafetensors(f *testing.F) {
	seed(f, "testdata/*.safetensors")
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff{"))
	f.Fuzz(fuzzRead)
}

// FuzzPickle reaches the pickle behind the archive's checksums.
func FuzzPickle(f *testing.F) {
	for _, s := range []string{
		"}q\x00X\x06\x00\x00\x00alphasq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\x00\x00\x00storageq\x03ctorch\nFloatStorage\nq\x04" +
			"X\x01\x00\x00\x000q\x05X\x03\x00\x00\x00cpuq\x06K\xa0tq\x07QK\x00K\x14K\x08\x86q\x08K\x08K\x01\x86q\x09\x89ccollections\nOrderedDict\nq\x0a)Rq\x0btq\x0cRq\x0ds.",
		"]q\x00(h\x00h\x00h\x00e.", "\x80\x04\x95\x04\x00\x00\x00\x00\x00\x00\x00}\x94K\x01.", "(lp0\nI1\naL2L\na.", "\x8a\x00.",
	} {
		f.Add([]byte("\x80\x02" + s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		value, rest, err := unpickle(data, findTorch, make(storageTable).load)
		if err != nil {
			return
		}
		if len(rest) >= len(data) {
			t.Fatalf("nothing of %d bytes was read", len(data))
		}
		tensors, err := namedTensors(value, func(_ *torchStorage, start, n int64) ([]byte, error) {
			if start < 0 || n < 0 || n > 8*(64<<20+1<<16) {
				t.Fatalf("%d bytes from %d are asked for", n, start)
			}
			return make([]byte, n), nil
		})
		if err == nil {
			hold(t, tensors)
		}
	})
}

// FuzzTable is about TensorFlow's index, and gets behind its checksums: the bytes are a table, and a block of one.
func FuzzTable(f *testing.F) {
	seed(f, "testdata/*.index")
	index, err := os.ReadFile("testdata/model.ckpt-90000.index")
	if err != nil {
		f.Fatal(err)
	}
	// The first block of a table starts where the file does; it ends where tableOf makes a table of it that can be read.
	for n := 1; n < len(index); n++ {
		if readTable(tableOf(index[:n]), func(_, _ []byte) error { return nil }) == nil {
			f.Add(index[:n])
		}
	}
	f.Add(block(entry("", "", "\x08\x01"), entry("", "w", "\x08\x01\x12\x04\x12\x02\x08\x02\x28\x08")))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, table := range [][]byte{data, tableOf(data)} {
			b := &bundle{files: []shardFile{memory{bytes.NewReader(make([]byte, 256))}}}
			tensors, err := b.read(table)
			if err != nil {
				continue
			}
			hold(t, tensors)
		}
	})
}
