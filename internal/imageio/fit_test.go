package imageio

import (
	"image"
	"image/color"
	"math"
	"slices"
	"testing"

	"autodeeplab/onnx/tensor"
)

func TestNewFit(t *testing.T) {
	tests := []struct {
		name                               string
		w, h, inW, inH, maxSide            int
		inputW, inputH, contentW, contentH int
	}{
		{"larger, landscape", 1000, 500, 513, 513, 0, 513, 513, 513, 257},
		{"larger, portrait", 500, 1000, 513, 513, 0, 513, 513, 257, 513},
		{"smaller is padded, not enlarged", 500, 375, 513, 513, 0, 513, 513, 500, 375},
		{"same", 513, 513, 513, 513, 0, 513, 513, 513, 513},
		{"dynamic", 1000, 500, 0, 0, 0, 1000, 500, 1000, 500},
		{"dynamic with a limit", 1000, 500, 0, 0, 250, 250, 125, 250, 125},
		{"dynamic within its limit", 200, 100, 0, 0, 250, 200, 100, 200, 100},
		{"one side dynamic", 1000, 500, 0, 125, 0, 250, 125, 250, 125},
		{"a limit means nothing to a fixed input", 1000, 500, 513, 513, 100, 513, 513, 513, 257},
		{"very thin", 10000, 1, 100, 100, 0, 100, 100, 100, 1},
	}
	for _, tt := range tests {
		got := NewFit(tt.w, tt.h, tt.inW, tt.inH, tt.maxSide)
		want := Fit{PhotoW: tt.w, PhotoH: tt.h, InputW: tt.inputW, InputH: tt.inputH, ContentW: tt.contentW, ContentH: tt.contentH}
		if got != want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, want)
		}
	}
}

func TestTensorUnscaled(t *testing.T) {
	p := &Picture{RGBA: image.NewRGBA(image.Rect(0, 0, 2, 1))}
	p.RGBA.SetRGBA(0, 0, color.RGBA{1, 2, 3, 255})
	p.RGBA.SetRGBA(1, 0, color.RGBA{4, 5, 6, 255})
	got := p.Tensor(NewFit(2, 1, 3, 2, 0))
	const g = PadValue
	want := []float32{1, 4, g, g, g, g, 2, 5, g, g, g, g, 3, 6, g, g, g, g}
	if !slices.Equal(got.Shape, []int{1, 3, 2, 3}) || !slices.Equal(tensor.Data[float32](got), want) {
		t.Errorf("%s %v, want %v", got, got.Data, want)
	}
}

func TestTensorShrinksAsPillowDoes(t *testing.T) {
	p, err := ReadFile("testdata/rgb.png", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range expected(t).Resized {
		f := Fit{PhotoW: p.Width(), PhotoH: p.Height(), InputW: want.Width, InputH: want.Height, ContentW: want.Width, ContentH: want.Height}
		got := tensor.Data[float32](p.Tensor(f))
		values := float32s(t, want.Values)
		if len(got) != len(values) {
			t.Fatalf("%d×%d: %d values, want %d", want.Width, want.Height, len(got), len(values))
		}
		worst := 0.0
		for i, v := range values {
			worst = max(worst, math.Abs(float64(got[i]-v)))
		}
		if worst > 0.01 {
			t.Errorf("%d×%d: off by %g of 255, want at most 0.01", want.Width, want.Height, worst)
		}
	}
}
