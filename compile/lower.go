package compile

import (
	"fmt"

	"autodeeplab/decode"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// BatchNormalization epsilons (the release: core/nas_network.py for the backbone, model.py for the rest).
const (
	backboneEpsilon = 1e-3
	headEpsilon     = 1e-5
)

// feature is a value of the graph that holds a feature map.
type feature struct {
	name     string
	channels int
	// stride relative to the input, as the level says; two features of the same stride may still differ in size by one
	// row where the input is not of the form n·2^k+1.
	stride int
	// height and width; 0 where dynamic.
	height, width int
	// scale says how both follow from the image's.
	scale scale
}

// sameSize reports whether two features have the same height and width for every input size that the model takes.
func (f feature) sameSize(g feature) bool {
	return f.scale == g.scale || f.height != 0 && f.width != 0 && f.height == g.height && f.width == g.width
}

// scale is how a size follows from the image's, axis by axis: n → ceil(n/2) as often as halved says, then n → (n−1)·2+1
// as often as doubled says. No other order need be kept, because halving undoes the doubling before it exactly. Equal
// scales are equal sizes, of odd and even images alike.
type scale struct{ halved, doubled int }

// lowering builds the training form.
type lowering struct {
	graph   *onnx.Graph
	o       Options
	weights *weights
	relus   map[string]feature // by input: one Relu for a tensor that several operators read
	made    map[string]bool    // values of size arithmetic, and initializers that are no weights
	epsilon float32
	init    initializer
	folded  bool // batch normalisation is in the convolutions already
}

// lower builds the network of §4 of the specification from the stem to the logits; folded without batch normalisation,
// as the inference form has it, but with every Identity.
func lower(a *decode.Architecture, o Options, w *weights, folded bool) *onnx.Graph {
	l := &lowering{
		graph: &onnx.Graph{Name: "autodeeplab"}, o: o, weights: w, folded: folded,
		relus: make(map[string]feature), made: make(map[string]bool),
	}
	image := feature{name: "image", channels: 3, stride: 1, height: o.Height, width: o.Width}
	l.graph.Input = []*onnx.ValueInfo{onnx.NewValueInfo("image", tensor.Float32, l.axes(3))}
	l.graph.Output = []*onnx.ValueInfo{onnx.NewValueInfo("logits", tensor.Float32, l.axes(o.Classes))}
	x := l.preprocess(image)
	l.epsilon, l.init = backboneEpsilon, scaledUniform
	last, low := l.backbone(a, x)
	l.epsilon, l.init = headEpsilon, glorotUniform
	l.head(l.aspp(last), low, image)
	return l.graph
}

// axes are the dimensions of the graph's input and output.
func (l *lowering) axes(channels int) []*onnx.Dim {
	axis := func(n int, name string) *onnx.Dim {
		if n == 0 {
			return onnx.NamedDim(name)
		}
		return onnx.FixedDim(n)
	}
	return []*onnx.Dim{axis(l.o.Batch, "batch"), onnx.FixedDim(channels), axis(l.o.Height, "height"), axis(l.o.Width, "width")}
}

// preprocess brings 0…255 to −1…1. It stands inside the graph so that no caller can forget it, and before the first
// convolution's padding, so that zeros there mean grey, as in training.
func (l *lowering) preprocess(x feature) feature {
	scale := l.constant("preprocess/scale", tensor.Scalar(float32(2.0/255)))
	one := l.constant("preprocess/offset", tensor.Scalar(float32(1)))
	y := l.node("Mul", "preprocess/Mul", x, []string{x.name, scale})
	return l.node("Sub", "preprocess/Sub", y, []string{y.name, one})
}

// backbone is the stem and the cells. low is the feature that the decoder takes at stride 4.
func (l *lowering) backbone(a *decode.Architecture, x feature) (last, low feature) {
	x = l.convBN("stem/conv0", x, conv{out: 64, kernel: 3, stride: 2})
	x = l.relu(x)
	before := l.convBN("stem/conv1", x, conv{out: 64, kernel: 3})
	x = l.convBN("stem/conv2", l.relu(before), conv{out: 128, kernel: 3, stride: 2})
	low = x
	level := 0
	for i, k := range a.Path {
		y := l.cell(fmt.Sprintf("cell%d", i), a, x, before, k, k-level)
		before, x, level = x, y, k
		if i == a.LowLevelLayer() {
			low = x
		}
	}
	return l.relu(x), low
}

// cell is one layer at a level, reached by a move of −1 (up: the input is doubled first), 0 or +1 (down: the operators
// that read a cell input take stride 2).
func (l *lowering) cell(at string, a *decode.Architecture, prev, prev2 feature, level, move int) feature {
	filters := l.o.Filters << level
	if move < 0 {
		prev = l.resize(at+"/resize0", prev, doubled(prev))
	}
	prev2 = l.resize(at+"/resize1", prev2, prev)
	states := []feature{l.convBN(at+"/input0", l.relu(prev), conv{out: filters, kernel: 1}), prev2}
	if prev2.channels != filters {
		states[1] = l.convBN(at+"/input1", l.relu(prev2), conv{out: filters, kernel: 1})
	}
	var blocks []feature
	for i, block := range a.Cell {
		var sides [2]feature
		for j, branch := range block {
			stride := 1
			if move > 0 && branch.Input < 2 {
				stride = 2
			}
			sides[j] = l.operator(fmt.Sprintf("%s/block%d/branch%d/%s", at, i, j, branch.Op), branch.Op, states[branch.Input], stride)
		}
		sum := l.node("Add", fmt.Sprintf("%s/block%d/add", at, i), sides[0], []string{sides[0].name, sides[1].name})
		blocks = append(blocks, sum)
		states = append(states, sum)
	}
	return l.concat(at+"/concat", blocks)
}

// doubled is a feature map one level up: n → (n−1)·2+1, which align_corners maps onto n exactly. It names no value.
func doubled(f feature) feature {
	twice := func(n int) int {
		if n == 0 {
			return 0
		}
		return (n-1)*2 + 1
	}
	f.name = ""
	f.stride /= 2
	f.height, f.width = twice(f.height), twice(f.width)
	f.scale.doubled++
	return f
}

// halved is a feature map one level down: n → ceil(n/2). Like doubled it names no value.
func halved(f feature) feature {
	f.name = ""
	f.stride *= 2
	f.height, f.width = (f.height+1)/2, (f.width+1)/2
	if f.scale.doubled > 0 {
		f.scale.doubled--
	} else {
		f.scale.halved++
	}
	return f
}

// operator is one candidate operator of a cell (specification §2).
func (l *lowering) operator(at string, o decode.Operator, x feature, stride int) feature {
	switch o {
	case decode.SepConv3x3:
		return l.separable(at, x, 3, stride)
	case decode.SepConv5x5:
		return l.separable(at, x, 5, stride)
	case decode.AtrConv3x3:
		return l.atrous(at, x, 3, stride)
	case decode.AtrConv5x5:
		return l.atrous(at, x, 5, stride)
	case decode.MaxPool3x3:
		return l.pool("MaxPool", at, x, stride)
	case decode.AvgPool3x3:
		return l.pool("AveragePool", at, x, stride, onnx.AttrInt("count_include_pad", 0))
	case decode.SkipConnect:
		if stride == 1 {
			return l.node("Identity", at, x, []string{x.name})
		}
		return l.convBN(at, l.relu(x), conv{out: x.channels, kernel: 1, stride: stride})
	}
	panic(fmt.Sprintf("compile: operator %v in a validated architecture", o))
}

// separable is ReLU → depthwise → pointwise → BN, twice; the first depthwise carries the stride.
func (l *lowering) separable(at string, x feature, kernel, stride int) feature {
	for i := range 2 {
		x = l.conv(fmt.Sprintf("%s/depthwise%d", at, i), l.relu(x), conv{out: x.channels, kernel: kernel, stride: stride, groups: x.channels})
		x = l.convBN(fmt.Sprintf("%s/pointwise%d", at, i), x, conv{out: x.channels, kernel: 1})
		stride = 1
	}
	return x
}

// atrous is ReLU → dense convolution of rate 2 → BN. With a stride the input is resized to half instead, and the rate
// is 1.
func (l *lowering) atrous(at string, x feature, kernel, stride int) feature {
	x = l.relu(x)
	rate := 2
	if stride == 2 {
		x = l.resize(at+"/resize", x, halved(x))
		rate = 1
	}
	return l.convBN(at, x, conv{out: x.channels, kernel: kernel, rate: rate})
}

func (l *lowering) pool(op, at string, x feature, stride int, attrs ...*onnx.Attribute) feature {
	y := x
	if stride == 2 {
		y = halved(x)
	}
	attrs = append(attrs, onnx.AttrInts("kernel_shape", 3, 3), onnx.AttrInts("strides", stride, stride))
	return l.node(op, at, y, []string{x.name}, append(attrs, l.padding(x, 3, stride, 1)...)...)
}

// aspp is atrous spatial pyramid pooling: five branches of 256 filters (specification §4.5).
func (l *lowering) aspp(x feature) feature {
	const filters = 256
	rates := []int{6, 12, 18}
	if x.stride == 8 {
		rates = []int{12, 24, 36}
	}
	pooled := l.node("GlobalAveragePool", "aspp/pool/GlobalAveragePool", feature{channels: x.channels, height: 1, width: 1}, []string{x.name})
	pooled = l.relu(l.convBN("aspp/pool", pooled, conv{out: filters, kernel: 1}))
	branches := []feature{
		l.broadcast("aspp/pool/broadcast", pooled, x),
		l.relu(l.convBN("aspp/conv1x1", x, conv{out: filters, kernel: 1})),
	}
	for i, r := range rates {
		branches = append(branches, l.relu(l.convBN(fmt.Sprintf("aspp/atrous%d", i), x, conv{out: filters, kernel: 3, rate: r})))
	}
	return l.relu(l.convBN("aspp/project", l.concat("aspp/concat", branches), conv{out: filters, kernel: 1}))
}

// head is the decoder at stride 4 and the logits at the input's size (specification §4.6).
func (l *lowering) head(x, low, image feature) {
	low = l.relu(l.convBN("decoder/low_level", low, conv{out: 48, kernel: 1}))
	x = l.concat("decoder/concat", []feature{l.resize("decoder/resize", x, low), low})
	x = l.relu(l.convBN("decoder/conv0", x, conv{out: 256, kernel: 3}))
	x = l.relu(l.convBN("decoder/conv1", x, conv{out: 256, kernel: 3}))
	l.init = truncatedNormal
	x = l.conv("logits/conv", x, conv{out: l.o.Classes, kernel: 1, bias: true})
	l.resize("logits/resize", x, image)
	// The input is never at stride 4, so that the last node is this resize; only its value takes the output's name.
	l.graph.Node[len(l.graph.Node)-1].Output[0] = l.graph.Output[0].Name
}
