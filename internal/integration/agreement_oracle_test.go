//go:build oracle

package integration

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"testing"

	"golang.org/x/image/draw"

	"autodeeplab/compile"
	"autodeeplab/decode"
	"autodeeplab/fixtures"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
	"autodeeplab/runtime/onnxruntime"
)

// sizes are the input sizes, height × width, of the agreement tests: the paper's crop, a small one, and one that is
// neither square nor of the form 2^k+1 at every level.
var sizes = [][2]int{{129, 129}, {513, 513}, {321, 577}}

const classes = 19

// sample is the fixture's picture, scaled to a size, as the network takes it.
func sample(t testing.TB, h, w int) *tensor.Tensor {
	t.Helper()
	src, err := jpeg.Decode(bytes.NewReader(fixtures.SampleJPEG))
	if err != nil {
		t.Fatal(err)
	}
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.BiLinear.Scale(dst, dst.Bounds(), src, src.Bounds(), draw.Src, nil)
	data := make([]float32, 3*h*w)
	for c := range 3 {
		for i := range h * w {
			data[c*h*w+i] = float32(dst.Pix[4*i+c])
		}
	}
	return tensor.Of(data, 1, 3, h, w)
}

// trainingForm compiles one of the published networks with batch statistics taken from the sample picture, so that
// activations are of the size that a trained network has.
func trainingForm(t testing.TB, filters, h, w int, stats map[string]*tensor.Tensor) *onnx.Model {
	t.Helper()
	m, err := compile.Compile(decode.Published(), compile.Options{
		Filters: filters, Classes: classes, Height: h, Width: w, Batch: 1, Form: compile.TrainingForm, Seed: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := compile.SetStatistics(m, stats); err != nil {
		t.Fatal(err)
	}
	return m
}

// statistics runs the statistics form of a network once, on the four quarters of the sample picture at different
// brightness: the image-pooling branch, whose map has a single pixel, takes its variance from how much pictures differ,
// and amplifies rounding errors where they hardly do.
func statistics(t testing.TB, filters, h, w int) map[string]*tensor.Tensor {
	t.Helper()
	m, err := compile.Compile(decode.Published(), compile.Options{
		Filters: filters, Classes: classes, Height: h, Width: w, Batch: 4, Form: compile.TrainingForm, Seed: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	sm, err := compile.StatisticsModel(m)
	if err != nil {
		t.Fatal(err)
	}
	whole := tensor.Data[float32](sample(t, 2*h, 2*w))
	batch := make([]float32, 0, 4*3*h*w)
	for quarter := range 4 {
		for c := range 3 {
			for y := range h {
				at := (c*2*h+quarter/2*h+y)*2*w + quarter%2*w
				for _, v := range whole[at : at+w] {
					batch = append(batch, v*float32(4-quarter)/4)
				}
			}
		}
	}
	out := run(t, runtime.Embedded, sm, tensor.Of(batch, 4, 3, h, w))
	delete(out, "logits")
	return out
}

func run(t testing.TB, e runtime.Engine, m *onnx.Model, image *tensor.Tensor) map[string]*tensor.Tensor {
	t.Helper()
	s, err := e.LoadModel(m, runtime.Options{Threads: 2})
	if err != nil {
		t.Fatalf("%s: %v", e.Name(), err)
	}
	defer s.Close()
	out, err := s.Run(context.Background(), map[string]*tensor.Tensor{"image": image})
	if err != nil {
		t.Fatalf("%s: %v", e.Name(), err)
	}
	return out
}

// agreement is how close two logits tensors are.
type agreement struct {
	maxDiff  float64 // the largest absolute difference, as a share of the range of the reference's logits
	labels   float64 // the share of pixels with the same arg-max
	distinct int     // labels that occur in the reference
}

func (a agreement) String() string {
	return fmt.Sprintf("max |Δ| %.2e of the range, labels equal on %.4f %%, %d labels", a.maxDiff, 100*a.labels, a.distinct)
}

func compare(t testing.TB, got, want *tensor.Tensor) agreement {
	t.Helper()
	if got.String() != want.String() {
		t.Fatalf("got %s, want %s", got, want)
	}
	g, w := tensor.Data[float32](got), tensor.Data[float32](want)
	lo, hi, diff := math.Inf(1), math.Inf(-1), 0.0
	for i := range w {
		lo, hi = min(lo, float64(w[i])), max(hi, float64(w[i]))
		d := math.Abs(float64(g[i]) - float64(w[i]))
		if math.IsNaN(d) || math.IsInf(d, 0) {
			t.Fatalf("element %d is %v, want %v", i, g[i], w[i])
		}
		diff = max(diff, d)
	}
	if !(hi > lo) {
		t.Fatalf("the reference's logits are constant: %v", lo)
	}
	plane := want.Shape[2] * want.Shape[3]
	equal := 0
	seen := make(map[int]bool)
	for p := range plane {
		a, b := argmax(g, p, plane), argmax(w, p, plane)
		if a == b {
			equal++
		}
		seen[b] = true
	}
	return agreement{diff / (hi - lo), float64(equal) / float64(plane), len(seen)}
}

func argmax(data []float32, p, plane int) int {
	best := 0
	for c := 1; c*plane+p < len(data); c++ {
		if data[c*plane+p] > data[best*plane+p] {
			best = c
		}
	}
	return best
}

// TestAgreesWithONNXRuntime holds the embedded engine against ONNX Runtime on the published networks, in both forms:
// at most 1e-3 of the logits' range apart, and the same label on 99.99 % of the pixels.
func TestAgreesWithONNXRuntime(t *testing.T) {
	ort, err := onnxruntime.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range compile.Sizes {
		stats := statistics(t, size.Filters, 129, 129)
		for _, hw := range sizes {
			h, w := hw[0], hw[1]
			training := trainingForm(t, size.Filters, h, w, stats)
			inference, err := compile.Inference(training)
			if err != nil {
				t.Fatal(err)
			}
			image := sample(t, h, w)
			for _, form := range []struct {
				name  string
				model *onnx.Model
			}{{"training", training}, {"inference", inference}} {
				t.Run(fmt.Sprintf("%s/%dx%d/%s", size.Name, h, w, form.name), func(t *testing.T) {
					want := run(t, ort, form.model, image)["logits"]
					got := run(t, runtime.Embedded, form.model, image)["logits"]
					a := compare(t, got, want)
					t.Log(a)
					if a.maxDiff > 1e-3 || a.labels < 0.9999 {
						t.Errorf("want max |Δ| ≤ 1e-3 of the range and 99.99 %% equal labels")
					}
					if a.distinct < 2 {
						t.Errorf("only one label in the whole picture: the comparison of labels says nothing")
					}
				})
			}
		}
	}
}
