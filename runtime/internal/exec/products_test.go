package exec

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// productCases reads a file that testdata/products.py wrote.
func productCases(t *testing.T, file string) []fileCase {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []fileCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// TestProductCases holds convolutions and matrix products against ONNX Runtime and ONNX's reference evaluator.
func TestProductCases(t *testing.T) {
	for _, file := range []string{"conv", "convtranspose", "matmul", "qconv"} {
		for _, c := range productCases(t, file) {
			t.Run(c.Op+"/"+c.Name, c.run)
		}
	}
}

// TestWeightsThatAreNoConstants runs the same cases with every input unknown when the node is bound, by shape too: what
// is packed once for constants must come to the same, bit by bit, when it is packed in each run.
func TestWeightsThatAreNoConstants(t *testing.T) {
	for _, file := range []string{"conv", "convtranspose", "matmul", "qconv"} {
		for _, c := range productCases(t, file) {
			t.Run(c.Op+"/"+c.Name, func(t *testing.T) {
				var in, like []*tensor.Tensor
				for _, f := range c.In {
					in = append(in, f.tensor(t))
				}
				for _, f := range c.Out {
					like = append(like, f.tensor(t))
				}
				n := c.node(t)
				want := runNode(t, resolve(t, n, c.Opset, constants(in)), in, like, 1)
				infos := constants(in)
				for _, info := range infos {
					if info != nil {
						info.Value, info.Dims = nil, nil
					}
				}
				got := runNode(t, resolve(t, n, c.Opset, infos), in, like, 2)
				if !sameBits(got[0], want[0]) {
					t.Errorf("%v, but %v with constants", numbers(got[0]), numbers(want[0]))
				}
			})
		}
	}
}

func TestProductsRefuse(t *testing.T) {
	i32 := tensor.Of(make([]int32, 4), 2, 2)
	tests := []struct {
		name string
		node *onnx.Node
		in   []*tensor.Tensor
		want string
	}{
		{"fractions of integers", onnx.NewNode("Gemm", "", []string{"a", "b"}, []string{"y"}, onnx.AttrFloat("alpha", 0.5)), []*tensor.Tensor{i32, i32}, `"alpha" 0.5 and "beta" 1 are not supported for int32`},
		{"an alpha beyond float32's whole numbers", onnx.NewNode("Gemm", "", []string{"a", "b"}, []string{"y"}, onnx.AttrFloat("beta", 1e10)), []*tensor.Tensor{i32, i32}, "not supported for int32"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Bind(&Node{Call: resolve(t, tt.node, 17, constants(tt.in))})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// A second run of the same shapes takes its scratch memory from the context.
func TestConvScratchComesFromTheContext(t *testing.T) {
	x, w := tensor.Of(make([]float32, 16*32*32), 1, 16, 32, 32), tensor.Of(make([]float32, 16*16*9), 16, 16, 3, 3)
	y := tensor.Of(make([]float32, 16*32*32), 1, 16, 32, 32)
	n := onnx.NewNode("Conv", "", []string{"x", "w"}, []string{"y"}, onnx.AttrInts("pads", 1, 1, 1, 1))
	k, err := Bind(&Node{Call: resolve(t, n, 17, []*op.Info{{DType: tensor.Float32}, constants([]*tensor.Tensor{w})[0]})})
	if err != nil {
		t.Fatal(err)
	}
	c := &Context{Ctx: context.Background(), Pool: kernel.NewPool(1)}
	defer c.Pool.Close()
	run := func() {
		if err := k.Run(c, []*tensor.Tensor{x, w}, []*tensor.Tensor{y}); err != nil {
			t.Fatal(err)
		}
		c.Reset()
	}
	run() // the slab grows to what this asked for
	need := len(c.slab)
	run()
	if len(c.slab) != need || need < 16*9*32 {
		t.Errorf("the slab has %d elements after one run and %d after two", need, len(c.slab))
	}
}
