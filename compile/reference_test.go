package compile_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"autodeeplab/compile"
	"autodeeplab/decode"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// referenceStatistics fills every batch normalisation of a training form as testdata/reference.py does.
func referenceStatistics(t *testing.T, m *onnx.Model) {
	t.Helper()
	stats := make(map[string]*tensor.Tensor)
	for _, p := range m.Graph.Initializer {
		place, kind, ok := strings.Cut(p.Name, "/bn/")
		if !ok {
			continue
		}
		v := make([]float32, p.Dims[0])
		for i := range v {
			switch kind {
			case "scale":
				v[i] = float32(0.8 + 0.1*float64(i%4))
			case "bias":
				v[i] = float32(0.05 * float64(i*3%7-3))
			case "mean":
				v[i] = float32(0.02 * float64(i*7%5-2))
			case "variance":
				v[i] = float32(0.15 + 0.02*float64(i%5))
			default:
				t.Fatalf("unexpected initializer %s at %s", p.Name, place)
			}
		}
		stats[p.Name] = tensor.Of(v, len(v))
	}
	if err := compile.SetStatistics(m, stats); err != nil {
		t.Fatal(err)
	}
}

// TestReference compares logits with a forward pass computed outside this project (testdata/reference.py, NumPy in
// float64), for each form and for fixed and dynamic sizes.
func TestReference(t *testing.T) {
	data, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var ref struct {
		Seed    uint64
		Classes int
		Cases   []struct {
			Height, Width, Filters, Every int
			Min, Max                      float64
			Logits                        []float64
		}
	}
	if err := json.Unmarshal(data, &ref); err != nil {
		t.Fatal(err)
	}
	if len(ref.Cases) != 2 {
		t.Fatalf("%d cases", len(ref.Cases))
	}
	for _, c := range ref.Cases {
		image := make([]float32, 3*c.Height*c.Width)
		for i := range image {
			image[i] = float32(i * 37 % 256)
		}
		for _, dynamic := range []bool{false, true} {
			o := compile.Options{Filters: c.Filters, Classes: ref.Classes, Height: c.Height, Width: c.Width, Batch: 1, Seed: ref.Seed}
			if dynamic {
				o.Height, o.Width, o.Batch = 0, 0, 0
			}
			training, err := compile.Compile(decode.Published(), o)
			if err != nil {
				t.Fatal(err)
			}
			referenceStatistics(t, training)
			inference, err := compile.Inference(training)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range []*onnx.Model{training, inference} {
				s, err := runtime.Embedded.LoadModel(m, runtime.Options{})
				if err != nil {
					t.Fatal(err)
				}
				out, err := s.Run(context.Background(), map[string]*tensor.Tensor{"image": tensor.Of(image, 1, 3, c.Height, c.Width)})
				s.Close()
				if err != nil {
					t.Fatal(err)
				}
				got := tensor.Data[float32](out["logits"])
				worst := 0.0
				for k, want := range c.Logits {
					worst = max(worst, math.Abs(float64(got[k*c.Every])-want))
				}
				worst /= c.Max - c.Min
				form := onnx.Metadata(m)[compile.KeyForm]
				t.Logf("%d×%d, %s, dynamic %v: max |Δ| %.1e of the logits' range %.3g", c.Height, c.Width, form, dynamic, worst, c.Max-c.Min)
				if !(worst < 1e-5) || len(c.Logits) < 100 {
					t.Errorf("%d×%d, %s form, dynamic %v: %.1e of the range apart over %d logits", c.Height, c.Width, form, dynamic, worst, len(c.Logits))
				}
			}
		}
	}
}
