package pass

import (
	"errors"
	"math"
	"strings"
	"testing"

	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/tensor"
)

const header = `<ir_version: 8, opset_import: ["" : 17]>` + "\n"

// apply parses a graph, runs one pass and prints the result in the same form.
func apply(t *testing.T, name, text string) (string, *onnx.Model) {
	t.Helper()
	m, err := onnx.Parse(header + text)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range Inference {
		if p.Name != name {
			continue
		}
		if err := p.Run(NewGraph(m.Graph), onnx.Opset(m)); err != nil {
			t.Fatal(err)
		}
		if f := check.Model(m, check.Options{}); len(f) > 0 {
			t.Errorf("after the pass: %v", f)
		}
		return normal(t, m), m
	}
	t.Fatalf("no pass %s", name)
	return "", nil
}

func normal(t *testing.T, m *onnx.Model) string {
	t.Helper()
	var b strings.Builder
	if err := onnx.Format(&b, m, onnx.TextOptions{Full: true}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestPasses holds what each pass makes of a tiny graph. A graph that a pass must leave alone has no after.
func TestPasses(t *testing.T) {
	for _, test := range []struct{ name, pass, before, after string }{
		{"identity", "remove-identity",
			`g (float[2] x) => (float[2] y) { a = Identity (x)  b = Identity (a)  y = Relu (b) }`,
			`g (float[2] x) => (float[2] y) { y = Relu (x) }`},
		{"identity of an output", "remove-identity",
			`g (float[2] x) => (float[2] y) { y = Identity (x) }`, ``},
		{"dead", "remove-dead",
			`g (float[2] x) => (float[2] y) <float[2] w = {1, 2}, float[2] v = {3, 4}> { a = Add (x, w)  b = Neg (a)  y = Add (x, v) }`,
			`g (float[2] x) => (float[2] y) <float[2] v = {3, 4}> { y = Add (x, v) }`},
		{"nothing dead", "remove-dead",
			`g (float[2] x) => (float[2] y) { a = Neg (x)  y = Relu (a) }`, ``},
		// a = s/√(var+ε) = 6/√(3.75+0.25) = 3 and 4/√4 = 2; d = t − mean·a = 1 − 5·3 = −14 and 0 − (−1)·2 = 2.
		{"batch normalisation", "fold-batchnorm",
			`g (float[1,1,1,1] x) => (float[1,2,1,1] y)
			 <float[2,1,1,1] w = {10, 20}, float[2] s = {6, 4}, float[2] t = {1, 0}, float[2] m = {5, -1}, float[2] v = {3.75, 3.75}>
			 { [c] a = Conv (x, w)  [b] y = BatchNormalization <epsilon = 0.25> (a, s, t, m, v) }`,
			`g (float[1,1,1,1] x) => (float[1,2,1,1] y)
			 <float[2,1,1,1] w = {30, 40}, float[2] s = {6, 4}, float[2] t = {1, 0}, float[2] m = {5, -1}, float[2] v = {3.75, 3.75},
			  float[2] "w/bias" = {-14, 2}>
			 { [c] y = Conv (x, w, "w/bias") }`},
		{"batch normalisation of a convolution read twice", "fold-batchnorm",
			`g (float[1,1,1,1] x) => (float[1,1,1,1] y)
			 <float[1,1,1,1] w = {10}, float[1] s = {6}, float[1] t = {1}, float[1] m = {5}, float[1] v = {3.75}>
			 { [c] a = Conv (x, w)  [b] n = BatchNormalization <epsilon = 0.25> (a, s, t, m, v)  y = Add (a, n) }`, ``},
		{"batch normalisation in training mode", "fold-batchnorm",
			`g (float[1,1,1,1] x) => (float[1,1,1,1] y, float[1] rm, float[1] rv)
			 <float[1,1,1,1] w = {10}, float[1] s = {6}, float[1] t = {1}, float[1] m = {5}, float[1] v = {3.75}>
			 { [c] a = Conv (x, w)  [b] y, rm, rv = BatchNormalization <training_mode = 1> (a, s, t, m, v) }`, ``},
		{"batch normalisation of an output", "fold-batchnorm",
			`g (float[1,1,1,1] x) => (float[1,1,1,1] y, float[1,1,1,1] a)
			 <float[1,1,1,1] w = {10}, float[1] s = {6}, float[1] t = {1}, float[1] m = {5}, float[1] v = {3.75}>
			 { [c] a = Conv (x, w)  [b] y = BatchNormalization (a, s, t, m, v) }`, ``},
		{"two convolutions of one weight", "fold-batchnorm",
			`g (float[1,1,1,1] x) => (float[1,1,1,1] y, float[1,1,1,1] z)
			 <float[1,1,1,1] w = {10}, float[1] s = {6}, float[1] t = {1}, float[1] m = {5}, float[1] v = {3.75}>
			 { [c] a = Conv (x, w)  [b] y = BatchNormalization (a, s, t, m, v)  [d] z = Conv (x, w) }`, ``},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.after == "" {
				test.after = test.before
			}
			want, err := onnx.Parse(header + test.after)
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := apply(t, test.pass, test.before); got != normal(t, want) {
				t.Errorf("got\n%s\nwant\n%s", got, normal(t, want))
			}
		})
	}
}

// TestCopyIsIndependent folds in a copy and leaves the original's nodes and tensors as they were.
func TestCopyIsIndependent(t *testing.T) {
	m, err := onnx.Parse(header + `g (float[1,1,1,1] x) => (float[1,1,1,1] y)
		<float[1,1,1,1] w = {10}, float[1] s = {6}, float[1] t = {1}, float[1] m = {5}, float[1] v = {3.75}>
		{ [c] a = Conv (x, w)  [b] y = BatchNormalization (a, s, t, m, v) }`)
	if err != nil {
		t.Fatal(err)
	}
	before := normal(t, m)
	var names []string
	err = Run(Copy(m), Inference, func(name string, m *onnx.Model) error {
		names = append(names, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if normal(t, m) != before {
		t.Error("the original has changed")
	}
	if len(names) != len(Inference) {
		t.Errorf("the hook saw %v", names)
	}
	stop := errors.New("stop")
	if err := Run(Copy(m), Inference, func(string, *onnx.Model) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of the hook: %v", err)
	}
}

func TestBrokenWeights(t *testing.T) {
	m, err := onnx.Parse(header + `g (float[1,1,1,1] x) => (float[1,1,1,1] y)
		<float[1,1,1,1] w = {10}, float[1] s = {6}, float[1] t = {1}, float[1] m = {5}, float[1] v = {3.75}>
		{ [c] a = Conv (x, w)  [b] y = BatchNormalization (a, s, t, m, v) }`)
	if err != nil {
		t.Fatal(err)
	}
	m.Graph.Initializer[0] = &onnx.TensorPB{Name: "w", DataType: int32(tensor.Float32), Dims: []int64{math.MaxInt64}}
	if err := Run(m, Inference, nil); !errors.Is(err, onnx.ErrTensor) || !strings.Contains(err.Error(), "pass fold-batchnorm") {
		t.Errorf("got %v", err)
	}
}

func TestVerify(t *testing.T) {
	if err := Verify(Inference); err != nil {
		t.Error(err)
	}
	for _, table := range [][]Pass{
		{{Name: "a"}, {Name: "a"}},
		{{Name: "b", After: []Order{{"a", "because"}}}, {Name: "a"}},
	} {
		if err := Verify(table); err == nil {
			t.Errorf("%v is accepted", table)
		}
	}
}
