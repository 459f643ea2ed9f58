//go:build oracle

package runtime_test

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"autodeeplab/internal/testenv"
	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

var onlyOps = flag.String("ops", "", "run only ONNX's node tests that contain one of these comma-separated operators")

// notClaimed lists tests whose operators are all claimed but which need something else that is not, with the reason.
// Each of them must be refused when it is loaded: an entry that loads is an error of this table.
var notClaimed = map[string]string{
	"node/test_training_dropout":                 dropoutReason,
	"node/test_training_dropout_default":         dropoutReason,
	"node/test_training_dropout_default_mask":    dropoutReason,
	"node/test_training_dropout_mask":            dropoutReason,
	"node/test_training_dropout_zero_ratio":      dropoutReason,
	"node/test_training_dropout_zero_ratio_mask": dropoutReason,
}

// brokenData lists tests of ONNX 1.12 to 1.17 whose own data contradict the standard or their own model, with the reason. They
// are not run; later releases of ONNX withdrew or mended them.
var brokenData = map[string]string{
	"node/test_cast_FLOAT_to_BFLOAT16":                                                  "the expected output is cut off, where the operator rounds to the nearest",
	"node/test_castlike_FLOAT_to_BFLOAT16_expanded":                                     "the data have another shape than the model declares",
	"node/test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True": "ONNX 1.17's data; ONNX Runtime 1.30 and ONNX 1.23's own reference compute another result, which is ours",
	"node/test_castlike_BFLOAT16_to_FLOAT_expanded":                                     "the data have another shape than the model declares",
}

const dropoutReason = "Dropout in training mode, which draws random numbers: the runtime is for inference"

// onnxFolders are the sets of ONNX's backend tests that Debian ships; "real" only names models to download.
var onnxFolders = []string{"node", "simple", "pytorch-operator", "pytorch-converted"}

// TestONNXNode runs every backend test of ONNX whose operators the embedded runtime claims, at the tolerances of ONNX's
// own runner (rtol 1e-3, atol 1e-7).
func TestONNXNode(t *testing.T) {
	root := testenv.ONNXTestData(t)
	ran, refused, unclaimed := 0, 0, 0
	for _, set := range onnxFolders {
		dirs, err := filepath.Glob(filepath.Join(root, set, "*"))
		if err != nil || len(dirs) == 0 {
			t.Fatalf("%s: %v, %d tests", set, err, len(dirs))
		}
		slices.Sort(dirs)
		for _, dir := range dirs {
			name := set + "/" + filepath.Base(dir)
			m := readModel(t, filepath.Join(dir, "model.onnx"))
			if why := unclaimedOp(m); why != "" {
				unclaimed++
				continue
			}
			if _, broken := brokenData[name]; broken {
				continue
			}
			if *onlyOps != "" && !containsOp(m, strings.Split(*onlyOps, ",")) {
				continue
			}
			t.Run(name, func(t *testing.T) {
				s, err := runtime.Embedded.LoadModel(m, runtime.Options{Threads: 2})
				if reason, ok := notClaimed[name]; ok {
					if err == nil {
						t.Fatalf("loads, though it is listed as not claimed (%s)", reason)
					}
					refused++
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				ran++
				sets, _ := filepath.Glob(filepath.Join(dir, "test_data_set_*"))
				if len(sets) == 0 {
					t.Fatal("no data")
				}
				for _, data := range sets {
					runDataSet(t, s, data)
				}
			})
		}
	}
	t.Logf("%d of ONNX's tests ran; %d refused as listed; %d contain operators that are not claimed", ran, refused, unclaimed)
}

func readModel(t *testing.T, path string) *onnx.Model {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := new(onnx.Model)
	if err := proto.Unmarshal(data, m); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return m
}

func containsOp(m *onnx.Model, ops []string) bool {
	return slices.ContainsFunc(m.GetGraph().GetNode(), func(n *onnx.Node) bool { return slices.Contains(ops, n.GetOpType()) })
}

// unclaimedOp says why a model is outside the claim: an operator, or a value that is no dense tensor.
func unclaimedOp(m *onnx.Model) string {
	opset := onnx.Opset(m)
	if opset < op.OldestOpset {
		return fmt.Sprintf("opset %d", opset)
	}
	for _, n := range m.GetGraph().GetNode() {
		if _, err := op.Lookup(n.GetDomain(), n.GetOpType(), opset); err != nil {
			return err.Error()
		}
		if !runtime.Claims(n.GetOpType()) {
			return n.GetOpType()
		}
	}
	for _, v := range slices.Concat(m.GetGraph().GetInput(), m.GetGraph().GetOutput()) {
		tt := v.GetType().GetTensorType()
		if tt == nil {
			return "a value that is no dense tensor"
		}
		if d := tensor.DType(tt.GetElemType()); d > tensor.BFloat16 {
			return fmt.Sprintf("element type %s", d) // the 8-bit floats and 4-bit integers of opset 19 and later
		}
	}
	return ""
}

func runDataSet(t *testing.T, s runtime.Session, dir string) {
	t.Helper()
	inputs := make(map[string]*tensor.Tensor)
	for i, v := range s.Inputs() {
		inputs[v.Name] = readTensor(t, filepath.Join(dir, fmt.Sprintf("input_%d.pb", i)), v.DType)
	}
	got, err := s.Run(context.Background(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range s.Outputs() {
		want := readTensor(t, filepath.Join(dir, fmt.Sprintf("output_%d.pb", i)), v.DType)
		if err := equal(got[v.Name], want, 1e-3, 1e-7); err != nil {
			t.Errorf("output %q: %v", v.Name, err)
		}
	}
}

// readTensor reads a test's input or output. NumPy has no bfloat16, so ONNX's tests store those bits as uint16.
func readTensor(t *testing.T, path string, want tensor.DType) *tensor.Tensor {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p := new(onnx.TensorPB)
	if err := proto.Unmarshal(data, p); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	v, err := onnx.Decode(p)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if bits := tensor.Data[uint16](v); bits != nil && want == tensor.BFloat16 {
		v = tensor.Of(make([]tensor.BF16, len(bits)), v.Shape...)
		for i, b := range bits {
			tensor.Data[tensor.BF16](v)[i] = tensor.BF16(b)
		}
	}
	return v
}

// equal compares types, shapes and contents as numpy.testing.assert_allclose does: |got−want| ≤ atol + rtol·|want|,
// NaN equal to NaN, infinities equal by sign.
func equal(got, want *tensor.Tensor, rtol, atol float64) error {
	if got.DType != want.DType || !slices.Equal(got.Shape, want.Shape) {
		return fmt.Errorf("got %s, want %s", got, want)
	}
	g, w := floats(got), floats(want)
	if g == nil {
		if a, b := fmt.Sprint(got.Data), fmt.Sprint(want.Data); a != b {
			return fmt.Errorf("got %.200s, want %.200s", a, b)
		}
		return nil
	}
	for i := range w {
		switch {
		case math.IsNaN(w[i]) && math.IsNaN(g[i]), g[i] == w[i]:
		case math.Abs(g[i]-w[i]) <= atol+rtol*math.Abs(w[i]) && !math.IsInf(w[i], 0):
		default:
			return fmt.Errorf("element %d of %s is %v, want %v", i, got, g[i], w[i])
		}
	}
	return nil
}

// floats widens a floating-point tensor; integers, booleans and strings give nil and are compared exactly.
func floats(t *tensor.Tensor) []float64 {
	var out []float64
	switch d := t.Data.(type) {
	case []float32:
		for _, v := range d {
			out = append(out, float64(v))
		}
	case []float64:
		out = d
	case []tensor.F16:
		for _, v := range d {
			out = append(out, float64(v.Float32()))
		}
	case []tensor.BF16:
		for _, v := range d {
			out = append(out, float64(v.Float32()))
		}
	default:
		return nil
	}
	if out == nil {
		out = []float64{}
	}
	return out
}
