package runtime

import (
	"context"
	"slices"
	"testing"

	"autodeeplab/onnx"
	"autodeeplab/onnx/pb"
	"autodeeplab/onnx/tensor"
)

// TestJoinInPlace joins values that others read before and after, one twice, in a nest of Concats; and where parts would
// be no stretches of the output, it must not.
func TestJoinInPlace(t *testing.T) {
	for _, c := range []struct {
		axis, batch int
		parts       []string // that lie in the outer Concat's output
	}{
		{1, 1, []string{"a", "b", "c"}}, {-3, 1, []string{"a", "b", "c"}}, {0, 2, []string{"a", "b", "c"}}, {1, 2, nil},
	} {
		dims := onnx.FixedDims(c.batch, 2, 3, 1)
		concat := func(out string, in ...string) *onnx.Node {
			return onnx.NewNode("Concat", "", in, []string{out}, onnx.AttrInt("axis", c.axis))
		}
		unary := func(op, in, out string) *onnx.Node { return onnx.NewNode(op, "", []string{in}, []string{out}) }
		open := func(name string) *onnx.ValueInfo {
			return onnx.NewValueInfo(name, tensor.Float32, []*onnx.Dim{onnx.NamedDim("a"), onnx.NamedDim("b"), onnx.NamedDim("c"), onnx.NamedDim("d")})
		}
		m := &onnx.Model{IrVersion: 8, OpsetImport: []*pb.OperatorSetIdProto{{Version: 17}}, Graph: &pb.GraphProto{
			Name:  "g",
			Input: []*onnx.ValueInfo{onnx.NewValueInfo("x", tensor.Float32, dims)},
			Node: []*onnx.Node{unary("Relu", "x", "a"), unary("Neg", "x", "b"), unary("Neg", "a", "early"), concat("c", "a", "b"),
				unary("Abs", "x", "d"), concat("e", "c", "d", "c"), unary("Neg", "b", "late"), unary("Relu", "e", "y"), unary("Neg", "e", "z")},
			Output: []*onnx.ValueInfo{open("y"), open("z"), open("early"), open("late")},
		}}
		e, err := Embedded.LoadModel(m, Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		x, err := tensor.New(tensor.Float32, []int{c.batch, 2, 3, 1})
		if err != nil {
			t.Fatal(err)
		}
		for i := range tensor.Data[float32](x) {
			tensor.Data[float32](x)[i] = float32(i - 5)
		}
		s := e.(*session)
		p, err := s.newPlan([]*tensor.Tensor{x})
		if err != nil {
			t.Fatal(err)
		}
		within := func(part, whole string) bool {
			i, j := s.numbers[part], s.numbers[whole]
			at := p.slots[i].offset - p.slots[j].offset
			return p.slots[i].home == inArena && at >= 0 && at+p.bytesOf(i) <= p.bytesOf(j)
		}
		for _, part := range []string{"a", "b", "c"} {
			whole := map[string]string{"a": "c", "b": "c", "c": "e"}[part]
			if want := slices.Contains(c.parts, part); want && !within(part, whole) {
				t.Errorf("axis %d, batch %d: %s does not lie in %s", c.axis, c.batch, part, whole)
			}
		}
		for range 2 { // the second run works in the first one's memory
			out, err := e.Run(context.Background(), map[string]*tensor.Tensor{"x": x})
			if err != nil {
				t.Fatal(err)
			}
			z := tensor.Data[float32](out["z"])
			n := 0
			expect := func(v float32) {
				if n < len(z) && z[n] != -v {
					t.Fatalf("axis %d, batch %d: z[%d] = %v, want %v", c.axis, c.batch, n, z[n], -v)
				}
				n++
			}
			// Along axis 0 the whole of each operand is one stretch, along axis 1 that of each picture.
			stretches := 1
			if c.axis == 1 {
				stretches = c.batch
			}
			src := tensor.Data[float32](x)
			per := len(src) / stretches
			for s := range stretches {
				part := src[s*per:][:per]
				both := func() {
					for _, v := range part {
						expect(max(v, 0))
					}
					for _, v := range part {
						expect(-v)
					}
				}
				both()
				for _, v := range part {
					expect(max(v, -v))
				}
				both()
			}
			if n != len(z) {
				t.Fatalf("z has %d elements, want %d", len(z), n)
			}
			for i, v := range src {
				if e, l := tensor.Data[float32](out["early"])[i], tensor.Data[float32](out["late"])[i]; e != -max(v, 0) || l != v {
					t.Fatalf("axis %d, batch %d: element %d of early and late is %v and %v", c.axis, c.batch, i, e, l)
				}
			}
		}
	}
}
