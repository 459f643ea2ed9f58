package decode

import (
	"bytes"
	"os"
	"testing"

	"autodeeplab/weights/checkpoint"
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

// FuzzImport holds that no bytes make importing panic or return what is no relaxation: read as a file that says nothing
// of its layout, and again with all of it said. The readers of files have fuzz targets of their own in package checkpoint.
func FuzzImport(f *testing.F) {
	for _, name := range []string{"noam.npz", "probabilities.npz", "alphas.npy", "checkpoint.pth", "checkpoint_legacy.pth", "list.pth"} {
		data, err := os.ReadFile(importFiles(name)[0])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)*3/4])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := checkpoint.Read(bytes.NewReader(data), int64(len(data)), "alphas.npy")
		if err != nil || file.Format == checkpoint.Safetensors {
			return
		}
		for _, o := range []ImportOptions{{}, {AlphaOrder: OldestFirst, BetaConvention: Incoming, Operators: Operators(), Values: Logits}} {
			if r, err := assemble(arrays(file), o); err == nil {
				holdRelaxation(t, r)
			} else if err.Error() == "" {
				t.Fatal("an error without a text")
			}
		}
	})
}
