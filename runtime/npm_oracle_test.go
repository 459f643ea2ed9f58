//go:build oracle

package runtime_test

import (
	"context"
	"math"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
	"autodeeplab/runtime/onnxruntime"
)

// foreign are models of other people, out of npm packages (scripts/npm-models.sh), with inputs that they are made for.
// refused is what the engine says of those that use operators it does not claim.
var foreign = []struct {
	file    string
	inputs  map[string]func(r *rand.Rand) *tensor.Tensor
	refused string
}{
	{"ch_PP-OCRv4_det_infer.onnx", picture(96, 160), ""},
	{"ch_PP-OCRv4_rec_infer.onnx", picture(48, 200), ""},
	{"ch_ppocr_mobile_v2.0_cls_infer.onnx", picture(48, 192), ""},
	{"silero_vad_legacy.onnx", nil, "unknown operator If"},
	{"silero_vad_v5.onnx", nil, "unknown operator If"},
	{"silero_vad_v6.onnx", nil, "unknown operator If"},
}

// picture is the input of an OCR model.
func picture(h, w int) map[string]func(r *rand.Rand) *tensor.Tensor {
	return map[string]func(r *rand.Rand) *tensor.Tensor{"x": func(r *rand.Rand) *tensor.Tensor { return noise(r, 1, 3, h, w) }}
}

// TestForeignModels runs them on both engines.
func TestForeignModels(t *testing.T) {
	ort, err := onnxruntime.New()
	if err != nil {
		t.Fatal(err)
	}
	script, err := exec.Command("../scripts/npm-models.sh").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range foreign {
		t.Run(f.file, func(t *testing.T) {
			path := filepath.Join(strings.TrimSpace(string(script)), f.file)
			ours, err := runtime.Embedded.Load(path, runtime.Options{Threads: 2})
			if f.refused != "" {
				if err == nil || !strings.Contains(err.Error(), f.refused) {
					t.Errorf("got %v, want an error that says %q", err, f.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer ours.Close()
			theirs, err := ort.Load(path, runtime.Options{Threads: 2})
			if err != nil {
				t.Fatal(err)
			}
			defer theirs.Close()
			in, r := make(map[string]*tensor.Tensor), rand.New(rand.NewPCG(1, 2))
			for name, make := range f.inputs {
				in[name] = make(r)
			}
			got, err := ours.Run(context.Background(), in)
			if err != nil {
				t.Fatal(err)
			}
			want, err := theirs.Run(context.Background(), in)
			if err != nil {
				t.Fatal(err)
			}
			for name, w := range want {
				g := got[name]
				if g == nil || g.String() != w.String() {
					t.Fatalf("output %s is %v, want %v", name, g, w)
				}
				p, q := tensor.Data[float32](g), tensor.Data[float32](w)
				largest, diff := 0.0, 0.0
				for i := range q {
					largest = max(largest, math.Abs(float64(q[i])))
					diff = max(diff, math.Abs(float64(p[i])-float64(q[i])))
				}
				t.Logf("%s %v: at most %.2e apart, largest %.3g", name, w, diff, largest)
				if !(diff <= 1e-4*largest+1e-6) { // all are probabilities
					t.Errorf("output %s: at most %.2e apart, want 1e-4 of the largest, %v", name, diff, largest)
				}
			}
		})
	}
}
