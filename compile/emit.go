package compile

import (
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// conv describes a convolution; stride, rate and groups of 0 mean 1.
type conv struct {
	out, kernel, stride, rate, groups int
	bias                              bool
}

// node adds a node of one output, named like the node. like gives the output's size and channels.
func (l *lowering) node(op, name string, like feature, inputs []string, attrs ...*onnx.Attribute) feature {
	l.graph.Node = append(l.graph.Node, onnx.NewNode(op, name, inputs, []string{name}, attrs...))
	like.name = name
	return like
}

// constant adds an initializer that is no weight, once.
func (l *lowering) constant(name string, t *tensor.Tensor) string {
	if !l.made[name] {
		l.made[name] = true
		l.graph.Initializer = append(l.graph.Initializer, onnx.Encode(name, t))
	}
	return name
}

// weight adds an initializer that training changes.
func (l *lowering) weight(name string, init initializer, shape ...int) string {
	l.graph.Initializer = append(l.graph.Initializer, onnx.Encode(name, l.weights.tensor(name, init, shape)))
	return name
}

// relu adds a Relu, or gives the one that x has already.
func (l *lowering) relu(x feature) feature {
	if y, ok := l.relus[x.name]; ok {
		return y
	}
	y := l.node("Relu", x.name+"/Relu", x, []string{x.name})
	l.relus[x.name] = y
	return y
}

// conv adds a convolution with TensorFlow's SAME padding.
func (l *lowering) conv(at string, x feature, c conv) feature {
	c.stride, c.rate, c.groups = max(c.stride, 1), max(c.rate, 1), max(c.groups, 1)
	inputs := []string{x.name, l.weight(at+"/weight", l.init, c.out, x.channels/c.groups, c.kernel, c.kernel)}
	if c.bias {
		inputs = append(inputs, l.weight(at+"/bias", zeros, c.out))
	}
	attrs := []*onnx.Attribute{
		onnx.AttrInts("dilations", c.rate, c.rate), onnx.AttrInt("group", c.groups),
		onnx.AttrInts("kernel_shape", c.kernel, c.kernel), onnx.AttrInts("strides", c.stride, c.stride),
	}
	y := x
	if c.stride == 2 {
		y = halved(x)
	}
	y.channels = c.out
	return l.node("Conv", at+"/Conv", y, inputs, append(attrs, l.padding(x, c.kernel, c.stride, c.rate)...)...)
}

// padding is TensorFlow's SAME: the output has ceil(n/stride) rows, and an odd row of padding goes to the bottom. It
// depends on the size only where there is a stride, and only then, on a dynamic axis, is it left to the engine.
func (l *lowering) padding(x feature, kernel, stride, rate int) []*onnx.Attribute {
	if stride > 1 && (x.height == 0 || x.width == 0) {
		return []*onnx.Attribute{onnx.AttrString("auto_pad", "SAME_UPPER")}
	}
	span := (kernel-1)*rate + 1
	total := func(n int) int {
		if stride == 1 {
			return span - 1
		}
		return max(((n+stride-1)/stride-1)*stride+span-n, 0)
	}
	h, w := total(x.height), total(x.width)
	if h == 0 && w == 0 {
		return nil
	}
	return []*onnx.Attribute{onnx.AttrInts("pads", h/2, w/2, h-h/2, w-w/2)}
}

// convBN adds a convolution and its batch normalisation, or, folded, what pass fold-batchnorm makes of the two.
func (l *lowering) convBN(at string, x feature, c conv) feature {
	if l.folded {
		c.bias = true
		y := l.conv(at, x, c)
		y.name = at + "/bn"
		l.graph.Node[len(l.graph.Node)-1].Output[0] = y.name
		return y
	}
	y := l.conv(at, x, c)
	inputs := []string{
		y.name,
		l.weight(at+"/bn/scale", ones, y.channels), l.weight(at+"/bn/bias", zeros, y.channels),
		l.weight(at+"/bn/mean", zeros, y.channels), l.weight(at+"/bn/variance", ones, y.channels),
	}
	return l.node("BatchNormalization", at+"/bn", y, inputs, onnx.AttrFloat("epsilon", l.epsilon))
}

func (l *lowering) concat(at string, parts []feature) feature {
	y := parts[0]
	y.channels = 0
	var names []string
	for _, p := range parts {
		y.channels += p.channels
		names = append(names, p.name)
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return l.node("Concat", at, y, names, onnx.AttrInt("axis", 1))
}

// resize adds a bilinear resize with align_corners to the size of another feature, which need not exist in the graph; x
// itself if it has that size already.
func (l *lowering) resize(at string, x, to feature) feature {
	if x.sameSize(to) {
		return x
	}
	to.channels = x.channels
	sizes := l.sizes(at, to)
	attrs := []*onnx.Attribute{onnx.AttrString("coordinate_transformation_mode", "align_corners"), onnx.AttrString("mode", "linear")}
	roi, scales := "", ""
	if l.o.Opset < 13 { // where they are not optional yet, though nothing reads them here
		roi = l.constant("resize/roi", tensor.Of([]float32{}, 0))
		scales = l.constant("resize/scales", tensor.Of([]float32{}, 0))
	}
	return l.node("Resize", at, to, []string{x.name, roi, scales, sizes}, attrs...)
}

// broadcast spreads a 1×1 feature over the size of another.
func (l *lowering) broadcast(at string, x, to feature) feature {
	to.channels = x.channels
	return l.node("Expand", at, to, []string{x.name, l.sizes(at, to)})
}
