package randomgraph

import (
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// fault adds one node that no engine may run.
type fault struct {
	name string
	make func(b *builder) *onnx.Node
}

func (b *builder) newFloat(shape ...int) string { return b.fresh(tensor.Float32, shape).name }

// faults are violations of the operators' documentation that show in the model or, for indices, in the run.
var faults = []fault{
	{"shapes that do not broadcast", func(b *builder) *onnx.Node {
		return onnx.NewNode("Add", "bad", []string{b.newFloat(2, 3), b.newFloat(2, 4)}, []string{"bad"})
	}},
	{"types that differ", func(b *builder) *onnx.Node {
		return onnx.NewNode("Add", "bad", []string{b.newFloat(2, 3), b.fresh(tensor.Int64, []int{2, 3}).name}, []string{"bad"})
	}},
	{"channels of a kernel", func(b *builder) *onnx.Node {
		return onnx.NewNode("Conv", "bad", []string{b.newFloat(1, 3, 5, 5), b.constant(tensor.Float32, 2, 4, 3, 3).name}, []string{"bad"})
	}},
	{"kernel larger than the image", func(b *builder) *onnx.Node {
		return onnx.NewNode("Conv", "bad", []string{b.newFloat(1, 3, 2, 2), b.constant(tensor.Float32, 2, 3, 5, 5).name}, []string{"bad"})
	}},
	{"axis out of range", func(b *builder) *onnx.Node {
		return onnx.NewNode("Softmax", "bad", []string{b.newFloat(2, 3)}, []string{"bad"}, onnx.AttrInt("axis", 5))
	}},
	{"reshape to another count", func(b *builder) *onnx.Node {
		return onnx.NewNode("Reshape", "bad", []string{b.newFloat(2, 3), b.ints(4, 2)}, []string{"bad"})
	}},
	{"two -1 in a shape", func(b *builder) *onnx.Node {
		return onnx.NewNode("Reshape", "bad", []string{b.newFloat(2, 3), b.ints(-1, -1)}, []string{"bad"})
	}},
	{"concat of other sizes", func(b *builder) *onnx.Node {
		return onnx.NewNode("Concat", "bad", []string{b.newFloat(2, 3), b.newFloat(3, 3)}, []string{"bad"}, onnx.AttrInt("axis", 1))
	}},
	{"an input that nothing makes", func(b *builder) *onnx.Node {
		return onnx.NewNode("Relu", "bad", []string{"nowhere"}, []string{"bad"})
	}},
	{"an output made twice", func(b *builder) *onnx.Node {
		x := b.newFloat(2, 2)
		b.graph.Node = append(b.graph.Node, onnx.NewNode("Relu", "bad0", []string{x}, []string{"bad"}))
		return onnx.NewNode("Neg", "bad", []string{x}, []string{"bad"})
	}},
	{"a circle", func(b *builder) *onnx.Node {
		b.graph.Node = append(b.graph.Node, onnx.NewNode("Neg", "bad0", []string{"bad"}, []string{"round"}))
		return onnx.NewNode("Relu", "bad", []string{"round"}, []string{"bad"})
	}},
	{"index out of range", func(b *builder) *onnx.Node {
		x := b.newFloat(4, 2)
		i := b.initializer(tensor.Of([]int64{0, 7}, 2), 7).name
		return onnx.NewNode("Gather", "bad", []string{x, i}, []string{"bad"})
	}},
	{"an operator that does not exist", func(b *builder) *onnx.Node {
		return onnx.NewNode("Frobnicate", "bad", []string{b.newFloat(2, 2)}, []string{"bad"})
	}},
	{"an attribute of another type", func(b *builder) *onnx.Node {
		return onnx.NewNode("Flatten", "bad", []string{b.newFloat(2, 2)}, []string{"bad"}, onnx.AttrFloat("axis", 1))
	}},
	{"an attribute that does not exist", func(b *builder) *onnx.Node {
		return onnx.NewNode("Relu", "bad", []string{b.newFloat(2, 2)}, []string{"bad"}, onnx.AttrInt("speed", 1))
	}},
	{"inner sizes of a product", func(b *builder) *onnx.Node {
		return onnx.NewNode("MatMul", "bad", []string{b.newFloat(2, 3), b.newFloat(4, 2)}, []string{"bad"})
	}},
	{"expand to a smaller size", func(b *builder) *onnx.Node {
		return onnx.NewNode("Expand", "bad", []string{b.newFloat(3, 3), b.ints(2, 3)}, []string{"bad"})
	}},
	{"too few inputs", func(b *builder) *onnx.Node {
		return onnx.NewNode("Conv", "bad", []string{b.newFloat(1, 3, 5, 5)}, []string{"bad"})
	}},
	{"too many inputs", func(b *builder) *onnx.Node {
		x := b.newFloat(2, 2)
		return onnx.NewNode("Relu", "bad", []string{x, x}, []string{"bad"})
	}},
	{"a permutation that is none", func(b *builder) *onnx.Node {
		return onnx.NewNode("Transpose", "bad", []string{b.newFloat(2, 3)}, []string{"bad"}, onnx.AttrInts("perm", 0, 0))
	}},
	{"a block that does not divide", func(b *builder) *onnx.Node {
		return onnx.NewNode("DepthToSpace", "bad", []string{b.newFloat(1, 6, 2, 2)}, []string{"bad"}, onnx.AttrInt("blocksize", 2))
	}},
	{"groups that do not divide", func(b *builder) *onnx.Node {
		return onnx.NewNode("Conv", "bad", []string{b.newFloat(1, 4, 5, 5), b.constant(tensor.Float32, 3, 2, 3, 3).name}, []string{"bad"}, onnx.AttrInt("group", 2))
	}},
	{"a string where floats are wanted", func(b *builder) *onnx.Node {
		s := b.initializer(tensor.Of([]string{"a", "b"}, 2), 0).name
		return onnx.NewNode("Relu", "bad", []string{s}, []string{"bad"})
	}},
	{"more of an axis than there is", func(b *builder) *onnx.Node {
		if b.opset < 10 {
			return onnx.NewNode("TopK", "bad", []string{b.newFloat(2, 3)}, []string{"bad", "index"}, onnx.AttrInt("k", 4))
		}
		return onnx.NewNode("TopK", "bad", []string{b.newFloat(2, 3), b.ints(4)}, []string{"bad", "index"})
	}},
}

// Faults lists the names of all faults.
func Faults() []string {
	names := make([]string, len(faults))
	for i, f := range faults {
		names[i] = f.name
	}
	return names
}

// breakIt adds a random fault, whose result is a graph output, and names it.
func (b *builder) breakIt() string {
	f := faults[b.rng.IntN(len(faults))]
	b.graph.Node = append(b.graph.Node, f.make(b))
	b.graph.Output = append(b.graph.Output, onnx.NewValueInfo("bad", tensor.Float32, nil))
	return f.name
}
