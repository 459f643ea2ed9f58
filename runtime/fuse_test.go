package runtime_test

import (
	"context"
	"slices"
	"testing"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// TestFuseRelu compares a Relu that its convolution can take over with one that stands where it must stay: behind a
// convolution whose output is read twice, is a graph output, or has weights that are an input.
func TestFuseRelu(t *testing.T) {
	const out = 40 // channels, so many that the weights are decoded late
	w := make([]float32, out*3*3*3)
	for i := range w {
		w[i] = float32(i%7) - 3.5
	}
	dims := []*onnx.Dim{fixed(1), fixed(out), fixed(9), fixed(9)}
	conv := onnx.NewNode("Conv", "conv", []string{"x", "w"}, []string{"c"}, onnx.AttrInts("pads", 1, 1, 1, 1))
	relu := onnx.NewNode("Relu", "relu", []string{"c"}, []string{"y"})
	x := values(float("x", fixed(1), fixed(3), fixed(9), fixed(9)))
	weights := tensor.Of(w, out, 3, 3, 3)
	inits := []*onnx.TensorPB{onnx.Encode("w", weights)}
	given := append(values(), append(x, float("w", fixed(out), fixed(3), fixed(3), fixed(3)))...)

	plain := graph(17, x, values(float("c", dims...)), inits, conv)
	plainOut, _ := runAll(t, plain, weights)
	want := tensor.Data[float32](plainOut["c"])
	for name, m := range map[string]*onnx.Model{
		"fused":        graph(17, x, values(float("y", dims...)), inits, conv, relu),
		"graph output": graph(17, x, values(float("y", dims...), float("c", dims...)), inits, conv, relu),
		"read twice": graph(17, x, values(float("y", dims...), float("z", dims...)), inits, conv, relu,
			onnx.NewNode("Neg", "neg", []string{"c"}, []string{"z"})),
		"weights given": graph(17, given, values(float("y", dims...)), nil, conv, relu),
	} {
		out, ran := runAll(t, m, weights)
		if fused := !slices.Contains(ran, "Relu"); fused != (name == "fused") {
			t.Errorf("%s: ran %v", name, ran)
		}
		for i, v := range want {
			if got := tensor.Data[float32](out["y"])[i]; got != max(v, 0) {
				t.Errorf("%s: element %d is %v, want %v", name, i, got, max(v, 0))
				break
			}
			if c, ok := out["c"]; ok && tensor.Data[float32](c)[i] != v || out["z"] != nil && tensor.Data[float32](out["z"])[i] != -v {
				t.Errorf("%s: the convolution's own output is not its own at element %d", name, i)
				break
			}
		}
	}
}

func runAll(t *testing.T, m *onnx.Model, weights *tensor.Tensor) (out map[string]*tensor.Tensor, ran []string) {
	t.Helper()
	s, err := runtime.Embedded.LoadModel(m, runtime.Options{Threads: 1, Observe: func(n runtime.NodeRun) { ran = append(ran, n.Op) }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	in := map[string]*tensor.Tensor{"x": ramp(1, 3, 9, 9)}
	for _, v := range s.Inputs() {
		if v.Name == "w" {
			in["w"] = weights
		}
	}
	out, err = s.Run(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out, ran
}
