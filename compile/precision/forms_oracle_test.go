//go:build oracle && cgo

package precision_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"autodeeplab/compile"
	"autodeeplab/compile/precision"
	"autodeeplab/decode"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
	"autodeeplab/runtime/onnxruntime"
)

// statistics gives every batch normalisation of a training form numbers under which activations stay alive, as
// compile/testdata/reference.py does.
func statistics(t testing.TB, m *onnx.Model) {
	t.Helper()
	stats := make(map[string]*tensor.Tensor)
	for _, p := range m.Graph.Initializer {
		_, kind, ok := strings.Cut(p.Name, "/bn/")
		if !ok {
			continue
		}
		v := make([]float32, p.Dims[0])
		for i := range v {
			v[i] = map[string]float32{
				"scale": float32(0.8 + 0.1*float64(i%4)), "bias": float32(0.05 * float64(i*3%7-3)),
				"mean": float32(0.02 * float64(i*7%5-2)), "variance": float32(0.15 + 0.02*float64(i%5)),
			}[kind]
		}
		stats[p.Name] = tensor.Of(v, len(v))
	}
	if err := compile.SetStatistics(m, stats); err != nil {
		t.Fatal(err)
	}
}

// scene gives a picture of soft shapes as float NCHW, and as bytes NHWC.
func scene(seed, h, w int) (float, bytes *tensor.Tensor) {
	f, b := make([]float32, 3*h*w), make([]uint8, h*w*3)
	for y := range h {
		for x := range w {
			for c := range 3 {
				v := uint8((seed*31 + c*53 + y*7 + x*11 + (x*y)%97) % 256)
				f[(c*h+y)*w+x], b[(y*w+x)*3+c] = float32(v), v
			}
		}
	}
	return tensor.Of(f, 1, 3, h, w), tensor.Of(b, 1, h, w, 3)
}

// labelsOf gives classes of scores or labels.
func labelsOf(t testing.TB, x *tensor.Tensor) []int {
	t.Helper()
	if x.DType != tensor.Float32 {
		l, err := x.Ints()
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	s, area := tensor.Data[float32](x), x.Shape[2]*x.Shape[3]
	labels := make([]int, area)
	for p := range area {
		for c := range x.Shape[1] {
			if v := s[c*area+p]; v != v {
				t.Fatal("NaN")
			} else if v > s[labels[p]*area+p] {
				labels[p] = c
			}
		}
	}
	return labels
}

func equalShare(a, b []int) float64 {
	same := 0
	for i := range a {
		if a[i] == b[i] {
			same++
		}
	}
	return float64(same) / float64(len(a))
}

var allForms = flag.Bool("all-forms", false, "TestPrecisionOracle takes M and L, too, through every form (minutes)")

// TestPrecisionOracle compiles S, M and L to float16 and int8 in several forms: ONNX's checker accepts them, float16 gives the
// labels of float32 in ONNX Runtime and in the embedded runtime, and both engines agree on int8.
func TestPrecisionOracle(t *testing.T) {
	ort, err := onnxruntime.New()
	if err != nil {
		t.Fatalf("%v (scripts/test fetches it)", err)
	}
	dir := t.TempDir()
	for _, size := range compile.Sizes {
		t.Run(size.Name, func(t *testing.T) { precisions(t, ort, size, dir) })
	}
	out, err := exec.Command(python(), "-c", checkAll, dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// precisions is TestPrecisionOracle for one size; the models stay in dir.
func precisions(t *testing.T, ort runtime.Engine, size compile.Size, dir string) {
	const h, w = 65, 97
	training, err := compile.Compile(decode.Published(), compile.Options{Filters: size.Filters, Classes: 19, Height: h, Width: w, Batch: 1, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	statistics(t, training)
	forms := []compile.DeployOptions{
		{},
		{Input: compile.InputUint8, Output: compile.OutputLabels},
		{Output: compile.OutputLabels, Opset: 13, Height: compile.DynamicAxis, Width: compile.DynamicAxis, Batch: compile.DynamicAxis},
		{Output: compile.OutputProbabilities, OutputStride: 4, Passes: compile.PassOptions{With: []string{"upsampled-conv"}}},
		{Output: compile.OutputLabels, Flip: true, Passes: compile.PassOptions{With: []string{"channels-last-labels"}}},
	}
	if size.Name != "S" && !*allForms {
		forms = forms[:2]
	}
	for i, form := range forms {
		float, err := compile.Deploy(training, form)
		if err != nil {
			t.Fatal(err)
		}
		var views pictures
		for k := range 3 {
			f, b := scene(k+1, h, w)
			if form.Input == compile.InputUint8 {
				f = b
			}
			views = append(views, f)
		}
		all := func(e runtime.Engine, m *onnx.Model) (labels []int) {
			for _, x := range views {
				labels = append(labels, labelsOf(t, output(t, e, m, x))...)
			}
			return labels
		}
		want := all(ort, float)
		for _, o := range []precision.Options{{Kind: precision.Float16, Pictures: views}, {Kind: precision.Float16}, {Kind: precision.Int8, Pictures: views}} {
			if o.Kind == precision.Float16 && o.Pictures == nil && i > 1 {
				continue
			}
			m, r := convert(t, float, o)
			if err := onnx.Save(filepath.Join(dir, fmt.Sprintf("%s-%d-%s.onnx", size.Name, i, o.Kind)), m, onnx.SaveOptions{}); err != nil {
				t.Fatal(err)
			}
			a, b := all(ort, m), all(runtime.Embedded, m)
			t.Logf("form %d, %s of %d pictures, %d of %d nodes: %.3f %% equal to float in ONNX Runtime, %.3f %% in the embedded runtime, %.3f %% in both",
				i, o.Kind, r.Pictures, r.Nodes, r.All, 100*equalShare(want, a), 100*equalShare(want, b), 100*equalShare(a, b))
			// Random weights tell classes apart by little, so that a trained network agrees in more.
			least, float := 0.97, 0.95
			if o.Kind == precision.Float16 {
				least, float = 0.999, 0.999
			}
			if equalShare(a, b) < least || equalShare(want, a) < float || equalShare(want, b) < float {
				t.Errorf("form %d, %s: want %g of the labels equal in both engines, and %g equal to float's", i, o.Kind, least, float)
			}
		}
	}
}

const checkAll = `
import glob, sys, onnx
found = 0
for path in sorted(glob.glob(sys.argv[1] + "/*.onnx")):
    onnx.checker.check_model(onnx.load(path), full_check=True)
    found += 1
print(onnx.__version__, "accepts", found, "models")
`

func python() string {
	if p := os.Getenv("AUTODEEPLAB_PYTHON"); p != "" {
		return p
	}
	return "/usr/bin/python3"
}
