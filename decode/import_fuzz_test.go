package decode

import (
	"bytes"
	"os"
	"testing"
)

// FuzzRelaxation holds that no bytes make the reader of relaxations panic, that what it accepts is valid and decodes, and
// that it comes back from its own bytes.
func FuzzRelaxation(f *testing.F) {
	for _, r := range []*Relaxation{OneHot(Published()), NewRelaxation(1, 1, 1), {
		Blocks: 2, Layers: 3, Levels: 2, Alpha: make([]float32, 40), Beta: make([]float32, 18), Info: map[string]string{"seed": "1"},
	}} {
		data, err := MarshalRelaxation(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)-4])
	}
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff{"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := UnmarshalRelaxation(data)
		if err != nil {
			if r != nil || err.Error() == "" {
				t.Fatalf("%v with the error %q", r, err)
			}
			return
		}
		holdRelaxation(t, r)
	})
}

// holdRelaxation holds what is true of every relaxation that a reader accepts.
func holdRelaxation(t *testing.T, r *Relaxation) {
	t.Helper()
	first, err := MarshalRelaxation(r)
	if err != nil {
		t.Fatalf("accepted, but %v", err)
	}
	again, err := UnmarshalRelaxation(first)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := MarshalRelaxation(again); err != nil || !bytes.Equal(first, second) {
		t.Fatalf("other bytes the second time, %v", err)
	}
	d, err := r.Decode(DecodeOptions{Top: 3})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Architecture.Validate(); err != nil {
		t.Fatal(err)
	}
}

// fuzzImport reads hostile bytes as a file that says nothing of its layout, and again with all of it said.
func fuzzImport(t *testing.T, data []byte) {
	arrays, own, err := sniff(bytes.NewReader(data), int64(len(data)), "alphas.npy")
	if err != nil || own {
		return
	}
	for _, o := range []ImportOptions{{}, {AlphaOrder: OldestFirst, BetaConvention: Incoming, Operators: Operators(), Values: Logits}} {
		if r, err := assemble(arrays, o); err == nil {
			holdRelaxation(t, r)
		} else if err.Error() == "" {
			t.Fatal("an error without a text")
		}
	}
	for _, a := range arrays {
		if d, err := a.load(); err == nil {
			if n, err := elements(d.shape); err != nil || n != len(d.data) {
				t.Fatalf("%q has %d elements and the shape %d", a.name, len(d.data), d.shape)
			}
		}
	}
}

func seedImport(f *testing.F, names ...string) {
	for _, name := range names {
		data, err := os.ReadFile(importFiles(name)[0])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)*3/4])
	}
}

// FuzzNPZ holds that no bytes that look like NumPy's make importing panic or return arrays that are not whole.
func FuzzNPZ(f *testing.F) {
	seedImport(f, "noam.npz", "noam_compressed.npz", "probabilities.npz", "menghao_forward.npz", "alphas.npy", "betas.npy")
	f.Fuzz(fuzzImport)
}

// FuzzPTH is FuzzNPZ for PyTorch's files.
func FuzzPTH(f *testing.F) {
	seedImport(f, "checkpoint.pth", "checkpoint_legacy.pth", "parallel.pth", "list.pth", "whole_model.pth", "four_tensors.pth")
	f.Fuzz(fuzzImport)
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
		arrays, err := tensorArrays(value, func(_ *torchStorage, start, n int64) ([]byte, error) {
			if start < 0 || n < 0 || n > 8*64*int64(maxArrayElements) {
				t.Fatalf("%d bytes from %d are asked for", n, start)
			}
			return make([]byte, n), nil
		})
		if err != nil {
			return
		}
		for _, a := range arrays {
			if d, err := a.load(); err == nil {
				if n, err := elements(d.shape); err != nil || n != len(d.data) {
					t.Fatalf("%q has %d elements and the shape %d", a.name, len(d.data), d.shape)
				}
			}
		}
	})
}
