package compile

import (
	"fmt"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// sizes gives the value that holds a feature's shape, for the node at. Where the shape is known it is a constant.
// Otherwise it is computed from the image's, by arithmetic that the whole network shares and that keeps no feature map
// alive.
func (l *lowering) sizes(at string, f feature) string {
	batch, channels := int64(l.o.Batch), int64(f.channels)
	height, width := int64(f.height), int64(f.width)
	static := height != 0 && width != 0
	if batch != 0 && static {
		return l.vector(at+"/sizes", batch, channels, height, width)
	}
	head := fmt.Sprintf("channels%d", channels)
	var parts []string
	if batch == 0 {
		parts = []string{l.part("size/batch", 0, 1), l.vector("size/"+head, channels)}
	} else {
		head = fmt.Sprintf("batch%d_%s", batch, head)
		parts = []string{l.vector("size/"+head, batch, channels)}
	}
	tail := f.scale.String()
	if static {
		tail = fmt.Sprintf("%dx%d", height, width)
		parts = append(parts, l.vector("size/"+tail, height, width))
	} else {
		parts = append(parts, l.space(f.scale))
	}
	name := "size/" + head + "_" + tail
	if !l.made[name] {
		l.made[name] = true
		l.graph.Node = append(l.graph.Node, onnx.NewNode("Concat", name, parts, []string{name}, onnx.AttrInt("axis", 0)))
	}
	return name
}

// String names a scale in the names of values: image, halved3, halved4_doubled1.
func (s scale) String() string {
	name := "image"
	if s.halved > 0 {
		name = fmt.Sprintf("halved%d", s.halved)
	}
	if s.doubled > 0 {
		name += fmt.Sprintf("_doubled%d", s.doubled)
	}
	return name
}

// space is the value that holds [height, width] of the image at a scale.
func (l *lowering) space(s scale) string {
	name := "size/" + s.String()
	switch {
	case s.doubled > 0:
		s.doubled--
		twice := l.arithmetic("Mul", name+"/Mul", l.space(s), 2)
		return l.arithmetic("Sub", name, twice, 1)
	case s.halved > 0:
		s.halved--
		padded := l.arithmetic("Add", name+"/Add", l.space(s), 1)
		return l.arithmetic("Div", name, padded, 2)
	}
	return l.part(name, 2, 4)
}

// part is a slice of the image's shape.
func (l *lowering) part(name string, from, to int64) string {
	shape := l.value("Shape", "size/shape", "image")
	return l.value("Slice", name, shape, l.number(from), l.number(to))
}

func (l *lowering) arithmetic(op, name, x string, by int64) string {
	return l.value(op, name, x, l.number(by))
}

func (l *lowering) number(n int64) string { return l.vector(fmt.Sprintf("size/%d", n), n) }

func (l *lowering) vector(name string, values ...int64) string {
	return l.constant(name, tensor.Of(values, len(values)))
}

// value adds a node of size arithmetic, once.
func (l *lowering) value(op, name string, inputs ...string) string {
	if !l.made[name] {
		l.made[name] = true
		l.graph.Node = append(l.graph.Node, onnx.NewNode(op, name, inputs, []string{name}))
	}
	return name
}
