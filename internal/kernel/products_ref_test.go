package kernel

import (
	"encoding/json"
	"os"
	"testing"
)

// refCase is one case that testdata/products.py wrote.
type refCase struct {
	Op                         string
	Batch, In, Out, Groups     int
	Kernel, Strides, Dilations []int
	Size, Pad, OutSize         []int
	Zeros                      []any
	Want                       []float64
}

// ramp gives the operands of those cases.
func ramp[T float32 | float64 | uint8](n, seed int) []T {
	s := make([]T, n)
	for i := range s {
		v := float64((i*37 + 11*seed) % 64)
		if T(1)/2 != 0 {
			v = v/8 - 4
		}
		s[i] = T(v)
	}
	return s
}

// TestRefs holds the oracles themselves against ONNX Runtime and NumPy.
func TestRefs(t *testing.T) {
	text, err := os.ReadFile("testdata/products.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []refCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		p := ConvParams{In: c.In, Out: c.Out, Groups: c.Groups, Kernel: c.Kernel, Strides: c.Strides, Dilations: c.Dilations}
		s := ConvShape{Batch: c.Batch, In: c.Size, Out: c.OutSize, Pad: c.Pad}
		got := make([]float64, len(c.Want))
		switch n, w := c.Batch*c.In*product(c.Size), c.In*c.Out*product(c.Kernel)/max(c.Groups, 1); c.Op {
		case "Conv":
			ConvRef(got, ramp[float64](n, 1), ramp[float64](w, 2), ramp[float64](c.Out, 3), p, s)
		case "ConvTranspose":
			ConvTransposeRef(got, ramp[float64](n, 1), ramp[float64](w, 2), ramp[float64](c.Out, 3), p, s)
		case "ConvInteger":
			sums := make([]int32, len(c.Want))
			ConvIntegerRef(sums, ramp[uint8](n, 1), ramp[uint8](w, 2), ints(c.Zeros[0])[0], ints(c.Zeros[1]), p, s)
			for i, v := range sums {
				got[i] = float64(v)
			}
		case "Gemm":
			GemmRef(got, 4, 5, 7, Operand[float64]{ramp[float64](56, 1), []int{0, 28}, 7, 1}, Operand[float64]{ramp[float64](70, 2), []int{0, 35}, 5, 1})
		}
		for k, want := range c.Want {
			if got[k] != want {
				t.Fatalf("case %d, %s: element %d is %v, want %v", i, c.Op, k, got[k], want)
			}
		}
	}
}

// ints reads a number or a list of them.
func ints(v any) []int32 {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var out []int32
	for _, x := range list {
		out = append(out, int32(x.(float64)))
	}
	return out
}
