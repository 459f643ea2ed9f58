package imageio

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"autodeeplab/onnx/tensor"
)

func TestLabelsAgreeWithNumPy(t *testing.T) {
	for i, c := range expected(t).Labels {
		f := Fit{PhotoW: c.Photo[0], PhotoH: c.Photo[1], InputW: c.Input[0], InputH: c.Input[1], ContentW: c.Content[0], ContentH: c.Content[1]}
		out := tensor.Of(float32s(t, c.Logits), 1, 6, c.Output[1], c.Output[0])
		var first *Mask
		for _, threads := range []int{1, 2, 5} {
			m, err := f.Labels(out, threads)
			if err != nil {
				t.Fatalf("case %d: %v", i, err)
			}
			if m.Width != f.PhotoW || m.Height != f.PhotoH || !slices.Equal(m.Labels, c.Labels) {
				t.Errorf("case %d, %d threads: %d×%d %v,\nwant %v", i, threads, m.Width, m.Height, m.Labels, c.Labels)
			}
			if first == nil {
				first = m
			} else if !slices.Equal(first.Labels, m.Labels) {
				t.Errorf("case %d: %d threads give other labels than one", i, threads)
			}
		}
		wide := make([]float64, out.NumElems())
		for k, v := range tensor.Data[float32](out) {
			wide[k] = float64(v)
		}
		if m, err := f.Labels(tensor.Of(wide, out.Shape...), 1); err != nil || !slices.Equal(m.Labels, c.Labels) {
			t.Errorf("case %d as float64: %v, %v", i, m, err)
		}
	}
}

func TestLabelsOfPictureSizedHalfFloats(t *testing.T) {
	logits := []tensor.F16{tensor.ToF16(1), tensor.ToF16(-1), tensor.ToF16(0.5), tensor.ToF16(0.5)}
	m, err := NewFit(2, 1, 0, 0, 0).Labels(tensor.Of(logits, 1, 2, 1, 2), 1)
	if err != nil || !slices.Equal(m.Labels, []uint8{0, 1}) {
		t.Errorf("%v, %v, want [0 1]", m, err)
	}
}

func TestLabelsFromLabels(t *testing.T) {
	f := Fit{PhotoW: 4, PhotoH: 2, InputW: 3, InputH: 2, ContentW: 2, ContentH: 1} // the last column and row are padding
	want := []uint8{7, 7, 255, 255, 7, 7, 255, 255}
	for _, out := range []*tensor.Tensor{
		tensor.Of([]int64{7, 255, 1, 1, 1, 1}, 1, 2, 3),
		tensor.Of([]int32{7, 255, 1, 1, 1, 1}, 2, 3),
		tensor.Of([]uint8{7, 255, 1, 1, 1, 1}, 1, 1, 2, 3),
	} {
		m, err := f.Labels(out, 2)
		if err != nil || !slices.Equal(m.Labels, want) {
			t.Errorf("%s: %v, %v, want %v", out, m, err, want)
		}
		if n := m.Counts(); n[7] != 4 || n[255] != 4 || n[1] != 0 {
			t.Errorf("%s: counts %v", out, n)
		}
	}
}

// TestAlignedLabels spreads 4 labels over 16 pixels: pixel i lies at i/5 if the corners are aligned, and in i/4 else.
func TestAlignedLabels(t *testing.T) {
	f := NewFit(16, 1, 0, 0, 0)
	out := tensor.Of([]uint8{0, 1, 2, 3}, 1, 1, 4)
	for aligned, want := range map[bool][]uint8{
		false: {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3},
		true:  {0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3},
	} {
		f.Aligned = aligned
		if m, err := f.Labels(out, 1); err != nil || !slices.Equal(m.Labels, want) {
			t.Errorf("aligned %t: %v, %v, want %v", aligned, m, err, want)
		}
	}
}

func TestTiesGoToTheLowestClass(t *testing.T) {
	m, err := NewFit(3, 1, 0, 0, 0).Labels(tensor.Of(make([]float32, 9), 1, 3, 1, 3), 1)
	if err != nil || !slices.Equal(m.Labels, []uint8{0, 0, 0}) {
		t.Errorf("%v, %v", m, err)
	}
}

func TestLabelErrors(t *testing.T) {
	f := NewFit(2, 1, 0, 0, 0)
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, tt := range map[string]struct {
		out  *tensor.Tensor
		text string
	}{
		"one channel":      {tensor.Of([]float32{1, 2}, 1, 1, 1, 2), "C from 2 to 256"},
		"two pictures":     {tensor.Of(make([]float32, 8), 2, 2, 1, 2), "float[2,2,1,2]"},
		"a vector":         {tensor.Of([]float32{1, 2}, 2), "float[2]"},
		"NaN":              {tensor.Of([]float32{1, 2, 3, nan}, 1, 2, 1, 2), "NaN (class 1, row 0, column 1)"},
		"infinity":         {tensor.Of([]float32{inf, 2, 3, 4}, 1, 2, 1, 2), "+Inf (class 0, row 0, column 0)"},
		"no logits":        {tensor.Of([]float32{}, 1, 2, 0, 2), "float[1,2,0,2]"},
		"booleans":         {tensor.Of([]bool{true, false, true, false}, 1, 2, 1, 2), "bool"},
		"a large label":    {tensor.Of([]int64{1, 300}, 1, 1, 2), "label 300"},
		"a negative label": {tensor.Of([]int32{-1, 3}, 1, 1, 2), "label -1"},
		"two label maps":   {tensor.Of([]int32{1, 2, 3, 4}, 2, 1, 2), "int32[2,1,2]"},
	} {
		m, err := f.Labels(tt.out, 1)
		if m != nil || !errors.Is(err, ErrOutput) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v, %v, want %q", name, m, err, tt.text)
		}
	}
	minus := float32(math.Inf(-1))
	if m, err := f.Labels(tensor.Of([]float32{minus, 2, 3, minus}, 1, 2, 1, 2), 1); err != nil || !slices.Equal(m.Labels, []uint8{1, 0}) {
		t.Errorf("a class masked with -Inf: %v, %v", m, err)
	}
}
