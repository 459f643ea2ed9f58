package decode

import (
	"bytes"
	"os"
	"testing"

	"autodeeplab/fixtures"
	"autodeeplab/weights/checkpoint"
)

// FuzzFile takes any bytes for each kind of file that this package reads: an architecture, a relaxation, and arrays of
// other programs. No reader panics; whatever one accepts is valid, decodes, and comes back from its canonical form.
func FuzzFile(f *testing.F) {
	f.Add([]byte(fixtures.AutoDeepLabJSON))
	for _, a := range []*Architecture{small(), {Cell: small().Cell[:1], Path: []int{0}}} {
		data, err := Marshal(a)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	for _, s := range []string{
		"", "null", "[[", `{"format":"autodeeplab.architecture","version":1,"name":"\ud800","cell":[[{"input":-0,"op":"skip_connect"},{"op":"none","input":1}]],"path":[1]}`,
		`{"format":"autodeeplab.architecture","version":1e0}`, `{"cell":[],"cell":[]}`, "\xff", "{\"a\":\u00a0}",
		"\x02\x00\x00\x00\x00\x00\x00\x00{}", "\xff\xff\xff\xff\xff\xff\xff\xff{",
	} {
		f.Add([]byte(s))
	}
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
	for _, name := range []string{"noam.npz", "probabilities.npz", "alphas.npy", "checkpoint.pth", "checkpoint_legacy.pth", "list.pth"} {
		data, err := os.ReadFile(importFiles(name)[0])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)*3/4])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := Unmarshal(data)
		switch {
		case err == nil:
			holdArchitecture(t, a)
		case a != nil || err.Error() == "":
			t.Fatalf("%v with the error %q", a, err)
		}
		r, err := UnmarshalRelaxation(data)
		switch {
		case err == nil:
			holdRelaxation(t, r)
		case r != nil || err.Error() == "":
			t.Fatalf("%v with the error %q", r, err)
		}
		holdImport(t, data)
	})
}

// holdArchitecture holds what is true of every architecture that the reader accepts.
func holdArchitecture(t *testing.T, a *Architecture) {
	t.Helper()
	if err := a.Validate(); err != nil {
		t.Fatalf("accepted, but %v", err)
	}
	first, err := Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Unmarshal(first)
	if err != nil || !b.Equal(a) {
		t.Fatalf("came back as %v, %v", b, err)
	}
	if again, err := Marshal(b); err != nil || !bytes.Equal(again, first) {
		t.Fatalf("%s then\n%s, %v", first, again, err)
	}
	_ = a.String()
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

// holdImport holds that importing gives an error or a relaxation: from a file that says nothing of its layout, and again
// with all of it said. The readers of files have a fuzz target of their own in package checkpoint.
func holdImport(t *testing.T, data []byte) {
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
}
