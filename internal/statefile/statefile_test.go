package statefile_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"autodeeplab/internal/statefile"
)

var kind = statefile.Kind{Format: "test", Version: 3, Of: "a test"}

type state struct{ Step int }

func tensors() []statefile.Tensor {
	return []statefile.Tensor{{Name: "b", Shape: []int{2}, Data: []float32{1, 2}}, {Name: "a", Shape: []int{1, 1}, Data: []float32{3}}}
}

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := kind.Write(path, state{7}, tensors()); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	list := tensors()
	slices.Reverse(list)
	if err := kind.Write(path, state{7}, list); err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("another order of the tensors gives other bytes (%v)", err)
	}

	f, err := kind.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	var s state
	if err := f.State(&s); err != nil || s.Step != 7 {
		t.Errorf("state %v, %v", s, err)
	}
	for _, l := range list {
		clear(l.Data)
	}
	if err := f.Restore(list); err != nil || list[1].Data[1] != 2 || list[0].Data[0] != 3 {
		t.Errorf("restored %v, %v", list, err)
	}
	if got, ok := f.Tensor("b"); !ok || !slices.Equal(got.Data, []float32{1, 2}) || !slices.Equal(got.Shape, []int{2}) {
		t.Errorf("tensor b is %v, %v", got, ok)
	}
	if _, ok := f.Tensor("c"); ok || !slices.Equal(f.Names(), []string{"a", "b"}) {
		t.Errorf("names %v", f.Names())
	}
}

// TestRefuses holds that what does not fit changes nothing.
func TestRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := kind.Write(path, state{7}, tensors()); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := kind.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		want   string
		change func([]statefile.Tensor) []statefile.Tensor
	}{
		{"2 tensors, want 1", func(l []statefile.Tensor) []statefile.Tensor { return l[:1] }},
		{"c is missing", func(l []statefile.Tensor) []statefile.Tensor { l[0].Name = "c"; return l }},
		{"want F32 [2 1]", func(l []statefile.Tensor) []statefile.Tensor { l[0].Shape = []int{2, 1}; return l }},
	} {
		l := test.change(tensors())
		for _, x := range l {
			clear(x.Data)
		}
		if err := f.Restore(l); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v, want %q", err, test.want)
		}
		if l[0].Data[0] != 0 {
			t.Errorf("%s: something was changed", test.want)
		}
	}
	// No single bit may be another one.
	for at := range good {
		bad := bytes.Clone(good)
		bad[at] ^= 1
		if err := os.WriteFile(path, bad, 0o666); err != nil {
			t.Fatal(err)
		}
		f, err := kind.Read(path)
		if err == nil {
			if err = f.Verify(); err != nil && !errors.Is(err, statefile.ErrDamaged) {
				t.Errorf("byte %d: %v", at, err)
			}
		}
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("a flipped bit in byte %d: %v", at, err)
		}
	}
	other := statefile.Kind{Format: "other", Version: 3, Of: "another"}
	if err := os.WriteFile(path, good, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := other.Read(path); err == nil || !strings.Contains(err.Error(), "no checkpoint of another") {
		t.Errorf("error %v", err)
	}
}
