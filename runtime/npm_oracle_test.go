//go:build oracle

package runtime_test

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"autodeeplab/internal/testenv"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
	"autodeeplab/runtime/onnxruntime"
)

// foreign are models of other people, out of npm packages (scripts/npm-models.sh), with the size of the picture x that each
// is given. refused is what the engine says of those that use operators it does not claim.
var foreign = []struct {
	file          string
	height, width int
	refused       string
}{
	{"ch_PP-OCRv4_det_infer.onnx", 96, 160, ""},
	{"ch_PP-OCRv4_rec_infer.onnx", 48, 200, ""},
	{"ch_ppocr_mobile_v2.0_cls_infer.onnx", 48, 192, ""},
	{"silero_vad_legacy.onnx", 0, 0, "unknown operator If"},
	{"silero_vad_v5.onnx", 0, 0, "unknown operator If"},
	{"silero_vad_v6.onnx", 0, 0, "unknown operator If"},
}

// TestForeignModels runs them on both engines.
func TestForeignModels(t *testing.T) {
	ort, err := onnxruntime.New()
	if err != nil {
		t.Fatal(err)
	}
	dir := testenv.NPMModels(t)
	for _, f := range foreign {
		t.Run(f.file, func(t *testing.T) {
			path := filepath.Join(dir, f.file)
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
			in := map[string]*tensor.Tensor{"x": noise(rand.New(rand.NewPCG(1, 2)), 1, 3, f.height, f.width)}
			got, err := ours.Run(context.Background(), in)
			if err != nil {
				t.Fatal(err)
			}
			want, err := theirs.Run(context.Background(), in)
			if err != nil {
				t.Fatal(err)
			}
			for name, w := range want {
				if got[name] == nil {
					t.Fatalf("output %s is missing", name)
				}
				largest := 0.0 // all are probabilities
				for _, v := range tensor.Data[float32](w) {
					largest = max(largest, math.Abs(float64(v)))
				}
				if err := equal(got[name], w, 0, 1e-4*largest+1e-6); err != nil {
					t.Errorf("output %s, at most %v: %v", name, largest, err)
				}
			}
		})
	}
}
