package exec

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// seq makes a tensor of 0, 1, 2, … of any type of number.
func seq(d tensor.DType, shape ...int) *tensor.Tensor {
	t, err := tensor.New(d, shape)
	if err != nil {
		panic(err)
	}
	v := make([]float64, t.NumElems())
	for i := range v {
		v[i] = float64(i)
	}
	storeFloats(t, v)
	return t
}

func node(t *testing.T, opType string, opset int, in []*tensor.Tensor, outs int, attrs ...*onnx.Attribute) *op.Call {
	t.Helper()
	names := make([]string, len(in))
	for i, x := range in {
		if x != nil {
			names[i] = "i"
		}
	}
	return resolve(t, onnx.NewNode(opType, "n", names, make([]string, outs), attrs...), opset, constants(in))
}

// TestRefusals lists what the shape rules let through and the runtime does not compute.
func TestRefusals(t *testing.T) {
	five, c := seq(tensor.Float32, 1, 1, 2, 2, 2, 2), seq(tensor.Float32, 1)
	vec := func(v ...int64) *tensor.Tensor { return tensor.Of(v, len(v)) }
	for _, test := range []struct {
		call *op.Call
		want string
	}{
		{node(t, "MaxPool", 12, []*tensor.Tensor{five}, 1, onnx.AttrInts("kernel_shape", 1, 1, 1, 1)), "1 to 3 axes"},
		{node(t, "AveragePool", 12, []*tensor.Tensor{five}, 1, onnx.AttrInts("kernel_shape", 1, 1, 1, 1)), "1 to 3 axes"},
		{node(t, "BatchNormalization", 7, []*tensor.Tensor{c, c, c, c, c}, 1, onnx.AttrInt("spatial", 0)), "spatial"},
		{node(t, "BatchNormalization", 9, []*tensor.Tensor{c, c, c, c, c}, 5), "before opset 14"},
		{node(t, "Resize", 13, []*tensor.Tensor{seq(tensor.Bool, 2), nil, nil, vec(3)}, 1, onnx.AttrString("mode", "linear")), "of type bool"},
	} {
		_, err := Bind(&Node{Name: "n", Outputs: slices.Repeat([]string{"y"}, len(test.call.Out)), Call: test.call})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want an error with %q", test.call.Schema.Name, err, test.want)
		}
	}
}

// TestHalves runs every operator that computes in float32 on 16-bit floats, against float32 on the same numbers.
func TestHalves(t *testing.T) {
	kernelShape := onnx.AttrInts("kernel_shape", 2, 2)
	linear := onnx.AttrString("mode", "linear")
	for _, d := range []tensor.DType{tensor.Float16, tensor.BFloat16} {
		for _, test := range []struct {
			op    string
			opset int
			extra []*tensor.Tensor
			outs  int
			attrs []*onnx.Attribute
		}{
			{"MaxPool", 22, nil, 2, []*onnx.Attribute{kernelShape}},
			{"AveragePool", 22, nil, 1, []*onnx.Attribute{kernelShape}},
			{"GlobalAveragePool", 22, nil, 1, nil},
			{"Softmax", 13, nil, 1, nil},
			{"ReduceMean", 13, nil, 1, []*onnx.Attribute{onnx.AttrInts("axes", 1, 2)}},
			{"ArgMax", 13, nil, 1, nil},
			{"TopK", 24, []*tensor.Tensor{tensor.Of([]int64{2}, 1)}, 2, nil},
			{"Resize", 13, []*tensor.Tensor{nil, tensor.Of([]float32{1, 1, 2, 1.5}, 4)}, 1, []*onnx.Attribute{linear}},
			{"Resize", 13, []*tensor.Tensor{nil, tensor.Of([]float32{1, 1, 2, 1.5}, 4)}, 1, nil},
			{"DepthToSpace", 13, nil, 1, []*onnx.Attribute{onnx.AttrInt("blocksize", 2)}},
		} {
			run := func(d tensor.DType) []*tensor.Tensor {
				in := append([]*tensor.Tensor{seq(d, 1, 4, 3, 2)}, test.extra...)
				call := node(t, test.op, test.opset, in, test.outs, test.attrs...)
				like := make([]*tensor.Tensor, test.outs)
				for i := range like {
					shape, _ := call.Out[i].Sizes()
					like[i] = seq(call.Out[i].DType, shape...)
				}
				return runNode(t, call, in, like, 2)
			}
			got, want := run(d), run(tensor.Float32)
			for i := range want {
				rounded := got[i].Clone()
				storeFloats(rounded, floats[float64](want[i]))
				if !sameBits(got[i], rounded) {
					t.Errorf("%s of %s: output %d is %v, want %v", test.op, d, i, numbers(got[i]), numbers(rounded))
				}
			}
		}
	}
}

// TestUnnamedOutputs leaves out the first output where the operator has several.
func TestUnnamedOutputs(t *testing.T) {
	x, one := seq(tensor.Float32, 1, 2, 3, 3), tensor.Of([]float32{1, 1}, 2)
	k3 := tensor.Of([]int64{1}, 1)
	row := tensor.Of([]float32{1, 2, 3}, 3)
	for _, test := range []struct {
		op    string
		opset int
		in    []*tensor.Tensor
		outs  int
		attrs []*onnx.Attribute
	}{
		{"MaxPool", 12, []*tensor.Tensor{x}, 2, []*onnx.Attribute{onnx.AttrInts("kernel_shape", 2, 2)}},
		{"TopK", 11, []*tensor.Tensor{x, k3}, 2, nil},
		{"LayerNormalization", 17, []*tensor.Tensor{x, row}, 3, nil},
		{"BatchNormalization", 15, []*tensor.Tensor{x, one, one, one, one}, 3, []*onnx.Attribute{onnx.AttrInt("training_mode", 1)}},
	} {
		call := node(t, test.op, test.opset, test.in, test.outs, test.attrs...)
		k, err := Bind(&Node{Name: "n", Call: call})
		if err != nil {
			t.Fatal(err)
		}
		all := make([]*tensor.Tensor, test.outs)
		for skip := -1; skip < test.outs; skip++ {
			out := make([]*tensor.Tensor, test.outs)
			for i := range out {
				if shape, _ := call.Out[i].Sizes(); i != skip {
					out[i] = seq(call.Out[i].DType, shape...)
				}
			}
			if err := k.Run(&Context{Ctx: context.Background(), Pool: kernel.NewPool(1)}, test.in, out); err != nil {
				t.Fatal(err)
			}
			for i := range out {
				if skip < 0 {
					all[i] = out[i]
				} else if i != skip && !sameBits(out[i], all[i]) {
					t.Errorf("%s: output %d changes where output %d is left out", test.op, i, skip)
				}
			}
		}
	}
}

// TestResizeSizesChange runs one kernel on several sizes in turn, as a session with dynamic axes does.
func TestResizeSizesChange(t *testing.T) {
	shape := func(n int) (x *tensor.Tensor, in []*tensor.Tensor) {
		x = seq(tensor.Float32, 1, 1, n, n)
		return x, []*tensor.Tensor{x, nil, nil, tensor.Of([]int64{1, 1, int64(2*n - 1), int64(2*n - 1)}, 4)}
	}
	attrs := []*onnx.Attribute{onnx.AttrString("mode", "linear"), onnx.AttrString("coordinate_transformation_mode", "align_corners")}
	_, in := shape(2)
	k, err := Bind(&Node{Name: "n", Call: node(t, "Resize", 13, in, 1, attrs...)})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{2, 3, 2, 5} {
		x, in := shape(n)
		out := seq(tensor.Float32, 1, 1, 2*n-1, 2*n-1)
		if err := k.Run(&Context{Ctx: context.Background(), Pool: kernel.NewPool(1)}, in, []*tensor.Tensor{out}); err != nil {
			t.Fatal(err)
		}
		// Every second row and column are the source's.
		for i, v := range tensor.Data[float32](x) {
			if got := tensor.Data[float32](out)[i/n*2*(2*n-1)+i%n*2]; got != v {
				t.Fatalf("%d×%d: element %d is %v, want %v", n, n, i, got, v)
			}
		}
	}
}

// TestSaturate rounds to even and clips, as NumPy's round and ONNX's saturate_cast do.
func TestSaturate(t *testing.T) {
	v := []float64{0.5, 1.5, -0.5, 300, -300, math.Inf(1), math.NaN(), 1e300}
	for _, test := range []struct {
		d    tensor.DType
		want []float64
	}{
		{tensor.Int8, []float64{0, 2, 0, 127, -128, 127, 0, 127}},
		{tensor.Uint8, []float64{0, 2, 0, 255, 0, 255, 0, 255}},
		{tensor.Int64, []float64{0, 2, 0, 300, -300, math.MaxInt64, 0, math.MaxInt64}},
		{tensor.Uint64, []float64{0, 2, 0, 300, 0, math.MaxUint64, 0, math.MaxUint64}},
	} {
		x := seq(test.d, len(v))
		storeFloats(x, v)
		for i, got := range numbers(x) {
			if got != test.want[i] {
				t.Errorf("%v as %s is %v, want %v", v[i], test.d, got, test.want[i])
			}
		}
	}
}

// TestHugeEmptyResize has axes that would need tables of gigabytes, but no element.
func TestHugeEmptyResize(t *testing.T) {
	in := []*tensor.Tensor{seq(tensor.Float32, 0, 1), nil, nil, tensor.Of([]int64{0, 1 << 32}, 2)}
	for _, mode := range []string{"nearest", "linear"} {
		call := node(t, "Resize", 13, in, 1, onnx.AttrString("mode", mode))
		k, err := Bind(&Node{Name: "n", Call: call})
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Run(&Context{Ctx: context.Background(), Pool: kernel.NewPool(1)}, in, []*tensor.Tensor{seq(tensor.Float32, 0, 1<<32)}); err != nil {
			t.Error(err)
		}
	}
}
