package runtime_test

import (
	"context"
	"testing"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// TestFuseRelu compares a Relu that its convolution can take over with one that stands where it must stay: behind a
// convolution whose output is read twice, is a graph output, or has weights that are an input.
func TestFuseRelu(t *testing.T) {
	w := make([]float32, 8*3*3*3)
	for i := range w {
		w[i] = float32(i%7) - 3.5
	}
	dims := []*onnx.Dim{fixed(1), fixed(8), fixed(9), fixed(9)}
	conv := onnx.NewNode("Conv", "conv", []string{"x", "w"}, []string{"c"}, onnx.AttrInts("pads", 1, 1, 1, 1))
	relu := onnx.NewNode("Relu", "relu", []string{"c"}, []string{"y"})
	x := values(float("x", fixed(1), fixed(3), fixed(9), fixed(9)))
	weights := tensor.Of(w, 8, 3, 3, 3)
	inits := []*onnx.TensorPB{onnx.Encode("w", weights)}
	given := append(values(), append(x, float("w", fixed(8), fixed(3), fixed(3), fixed(3)))...)

	plain := graph(17, x, values(float("c", dims...)), inits, conv)
	want := tensor.Data[float32](runAll(t, plain, weights)["c"])
	for name, m := range map[string]*onnx.Model{
		"fused":        graph(17, x, values(float("y", dims...)), inits, conv, relu),
		"graph output": graph(17, x, values(float("y", dims...), float("c", dims...)), inits, conv, relu),
		"read twice": graph(17, x, values(float("y", dims...), float("z", dims...)), inits, conv, relu,
			onnx.NewNode("Neg", "neg", []string{"c"}, []string{"z"})),
		"weights given": graph(17, given, values(float("y", dims...)), nil, conv, relu),
	} {
		out := runAll(t, m, weights)
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

func runAll(t *testing.T, m *onnx.Model, weights *tensor.Tensor) map[string]*tensor.Tensor {
	t.Helper()
	s := load(t, m, 1)
	in := map[string]*tensor.Tensor{"x": ramp(1, 3, 9, 9)}
	for _, v := range s.Inputs() {
		if v.Name == "w" {
			in["w"] = weights
		}
	}
	out, err := s.Run(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
