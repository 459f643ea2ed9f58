//go:build oracle && cgo

package compile_test

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"autodeeplab/compile"
	"autodeeplab/compile/pass"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
	"autodeeplab/runtime/onnxruntime"
)

// forms are the deployment forms, with and without what can be combined with them.
func forms() []compile.DeployOptions {
	const dynamic = compile.DynamicAxis
	paper := compile.PaperScales
	return []compile.DeployOptions{
		{},
		{Passes: compile.PassOptions{With: []string{"integer-resize"}}},
		{Output: compile.OutputLabels, Input: compile.InputUint8, Passes: compile.PassOptions{With: []string{"upsampled-conv", "channels-last-labels"}}},
		{Input: compile.InputUint8},
		{Output: compile.OutputProbabilities},
		{Output: compile.OutputLabels, LabelType: tensor.Uint8},
		{Output: compile.OutputLabels, Batch: dynamic, Height: dynamic, Width: dynamic, Passes: compile.PassOptions{With: []string{"channels-last-labels"}}},
		{Output: compile.OutputLabels, LabelType: tensor.Int32, OutputStride: 4},
		{Output: compile.OutputLabels, LabelType: tensor.Int64, Opset: 11},
		{Output: compile.OutputProbabilities, OutputStride: 4, Opset: 11},
		{OutputStride: 4, Input: compile.InputUint8, Batch: dynamic, Height: dynamic, Width: dynamic},
		{Output: compile.OutputLabels, Input: compile.InputUint8, Batch: dynamic, Height: dynamic, Width: dynamic},
		{Output: compile.OutputLabels, Input: compile.InputUint8, Height: 66, Width: 96, Opset: 13},
		{Output: compile.OutputProbabilities, Flip: true},
		{Output: compile.OutputProbabilities, Scales: paper, Flip: true},
		{Output: compile.OutputLabels, Scales: []float64{0.75, 1.25}, Flip: true, Input: compile.InputUint8, OutputStride: 4, Height: dynamic, Width: dynamic, Batch: dynamic},
	}
}

// TestFormsOracle lets ONNX's checker judge every form of S, M and L, and ONNX Runtime run it: the embedded runtime must
// give the same values, to 1e-5 of their range, and the same labels wherever one class leads by more.
func TestFormsOracle(t *testing.T) {
	ort, err := onnxruntime.New()
	if err != nil {
		t.Fatalf("%v (scripts/test fetches it)", err)
	}
	for _, size := range compile.Sizes {
		dir := t.TempDir()
		m := mustCompile(t, compile.Options{Filters: size.Filters, Classes: 19, Height: 65, Width: 97, Batch: 1, Seed: 1})
		referenceStatistics(t, m)
		var worst, unequal float64
		for i, o := range forms() {
			if size.Name != "S" && len(o.Scales) > 2 {
				continue // twelve copies of a large network, in which nothing is of that size but the weights
			}
			name := fmt.Sprintf("%s, %+v", size.Name, o)
			d := mustDeploy(t, m, o)
			if err := onnx.Save(filepath.Join(dir, fmt.Sprintf("%s-%02d.onnx", size.Name, i)), d, onnx.SaveOptions{}); err != nil {
				t.Fatal(err)
			}
			h, w := 65, 97
			if o.Height > 0 {
				h, w = int(o.Height), int(o.Width)
			}
			n := 1
			if o.Batch != 0 {
				n = 2
			}
			image, bytes := picture(n, h, w)
			if o.Input == compile.InputUint8 {
				image = bytes
			}
			a, b := runOn(t, runtime.Embedded, d, image), runOn(t, ort, d, image)
			if a.DType != b.DType || fmt.Sprint(a.Shape) != fmt.Sprint(b.Shape) {
				t.Errorf("%s: %s and %s", name, a, b)
				continue
			}
			if a.DType == tensor.Float32 {
				x, y := tensor.Data[float32](a), tensor.Data[float32](b)
				low, high, most := math.Inf(1), math.Inf(-1), 0.0
				for i := range x {
					low, high = min(low, float64(x[i])), max(high, float64(x[i]))
					most = max(most, math.Abs(float64(x[i])-float64(y[i])))
				}
				worst = max(worst, most/(high-low))
				if !(most/(high-low) < 1e-5) {
					t.Errorf("%s: %.1e of the range %.3g apart", name, most/(high-low), high-low)
				}
				continue
			}
			x, y := must(a.Ints()), must(b.Ints())
			differ, distinct := 0, make(map[int]bool)
			for i := range x {
				distinct[x[i]] = true
				if x[i] != y[i] {
					differ++
				}
			}
			unequal = max(unequal, float64(differ)/float64(len(x)))
			// Where two classes are equal up to rounding, either is right.
			if float64(differ) > 1e-4*float64(len(x)) || len(distinct) < 2 {
				t.Errorf("%s: %d of %d labels differ, %d distinct", name, differ, len(x), len(distinct))
			}
		}
		t.Logf("%s: %d forms, values at most %.1e of their range apart, at most %.4f %% of the labels", size.Name, len(forms()), worst, 100*unequal)
		out, err := exec.Command(python(), "-c", checkAll, dir).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		t.Logf("%s", out)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPassesKeepValuesOracle is TestPassesKeepValues in ONNX Runtime, which fuses nodes as it sees fit, so that even a
// pass that only moves data may change how a sum is rounded.
func TestPassesKeepValuesOracle(t *testing.T) {
	ort, err := onnxruntime.New()
	if err != nil {
		t.Fatalf("%v (scripts/test fetches it)", err)
	}
	most := make(map[string]float64)
	for _, p := range pass.All {
		most[p.Name] = 1e-5
	}
	keepValues(t, ort, most)
}
