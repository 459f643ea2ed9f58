package checkpoint

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"autodeeplab/onnx/tensor"
)

// What FuzzRead takes its bytes for.
const (
	fuzzFile   = iota // a file of any format
	fuzzPickle        // the pickle behind the checksums of an archive
	fuzzTable         // TensorFlow's index, as it is and behind its checksums
	fuzzKinds
)

// FuzzRead holds that no bytes make listing or loading a checkpoint panic, and that what is loaded is whole.
func FuzzRead(f *testing.F) {
	seed(f, fuzzFile, imports+"*.npz", imports+"*.npy", "testdata/small.npz", imports+"*.pth", "testdata/*.pth", "testdata/*.safetensors")
	for _, s := range []string{"\x02\x00\x00\x00\x00\x00\x00\x00{}", "\xff\xff\xff\xff\xff\xff\xff\xff{"} {
		f.Add(byte(fuzzFile), []byte(s))
	}
	for _, s := range pickleSeeds {
		f.Add(byte(fuzzPickle), []byte("\x80\x02"+s))
	}
	seed(f, fuzzTable, "testdata/*.index")
	index, err := os.ReadFile("testdata/model.ckpt-90000.index")
	if err != nil {
		f.Fatal(err)
	}
	// The first block of a table starts where the file does; it ends where tableOf makes a table of it that can be read.
	for n := 1; n < len(index); n++ {
		if readTable(tableOf(index[:n]), func(_, _ []byte) error { return nil }) == nil {
			f.Add(byte(fuzzTable), index[:n])
		}
	}
	f.Add(byte(fuzzTable), block(entry("", "", "\x08\x01"), entry("", "w", "\x08\x01\x12\x04\x12\x02\x08\x02\x28\x08")))
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		switch kind % fuzzKinds {
		case fuzzFile:
			readFile(t, data)
		case fuzzPickle:
			readPickle(t, data)
		case fuzzTable:
			for _, table := range [][]byte{data, tableOf(data)} {
				b := &bundle{files: []shardFile{memory{bytes.NewReader(make([]byte, 256))}}}
				if tensors, err := b.read(table); err == nil {
					hold(t, tensors)
				}
			}
		}
	})
}

// seed adds files whole and cut off.
func seed(f *testing.F, kind byte, patterns ...string) {
	for _, p := range patterns {
		names, err := filepath.Glob(p)
		if err != nil || len(names) == 0 {
			f.Fatalf("no seeds in %v, %v", p, err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(kind, data)
			f.Add(kind, data[:len(data)*3/4])
		}
	}
}

// pickleSeeds are pickles without their first opcode: a tensor as PyTorch writes one, a list that holds itself, and
// old opcodes.
var pickleSeeds = []string{
	"}q\x00X\x06\x00\x00\x00alphasq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\x00\x00\x00storageq\x03ctorch\nFloatStorage\nq\x04" +
		"X\x01\x00\x00\x000q\x05X\x03\x00\x00\x00cpuq\x06K\xa0tq\x07QK\x00K\x14K\x08\x86q\x08K\x08K\x01\x86q\x09\x89ccollections\nOrderedDict\nq\x0a)Rq\x0btq\x0cRq\x0ds.",
	"]q\x00(h\x00h\x00h\x00e.", "\x80\x04\x95\x04\x00\x00\x00\x00\x00\x00\x00}\x94K\x01.", "(lp0\nI1\naL2L\na.", "\x8a\x00.",
}

func readFile(t *testing.T, data []byte) {
	f, err := Read(bytes.NewReader(data), int64(len(data)), "x.npy")
	if err != nil {
		if err.Error() == "" || f != nil {
			t.Fatalf("%v with the error %q", f, err)
		}
		return
	}
	hold(t, f.Tensors)
}

func readPickle(t *testing.T, data []byte) {
	value, rest, err := unpickle(data, newPickleBudget(0), findTorch, make(storageTable).load)
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
