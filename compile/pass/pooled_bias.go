package pass

import (
	"fmt"
	"strings"

	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// pooled-bias takes a spread-out pixel out of a concatenation before a 1×1 convolution: what the convolution makes of it
// is the same at every place, and so a bias.
//
//	e = Expand(p, to H×W)            p is float[N,C,1,1]
//	c = Concat(e, a, b)              c = Concat(a, b)
//	y = Conv<1×1>(c, w, bias)    →   s = Conv<1×1>(c, w[:, C:])
//	                                 q = Conv<1×1>(p, w[:, :C], bias)      float[N,O,1,1]
//	                                 y = Add(s, q)
//
// It is the image-pooling branch of atrous spatial pyramid pooling. The same products are added in another order, so it
// is exact up to rounding. It applies where the spreading is an Expand, or a Resize from 1×1, that changes nothing but
// the last two axes; where the concatenation is over channels and has other parts and no other reader; and where the
// convolution has one group, no padding and a constant kernel. Convolutions that share a kernel share its parts.
func pooledBias(g *Graph, opset int) error {
	values, err := g.values(opset)
	if err != nil {
		return err
	}
	var nodes []*onnx.Node
	made := make(map[string]string)
	for _, n := range g.GetNode() {
		before, after, err := g.splitPooled(n, values, made)
		if err != nil {
			return err
		}
		nodes = append(append(append(nodes, before...), n), after...)
	}
	g.Node = nodes
	return nil
}

// splitPooled takes the spread-out parts out of what a convolution reads, and gives the nodes to stand before and after
// it. made holds the parts of kernels.
func (g *Graph) splitPooled(conv *onnx.Node, values map[string]*op.Info, made map[string]string) (before, after []*onnx.Node, err error) {
	if !is(conv, "Conv", 2) || intAttr(conv, "group", 1) != 1 || !padsNothing(conv, []int{1, 1}) {
		return nil, nil, nil
	}
	s, err := g.splitInput(conv, values, func(in string) bool { return g.spread(in, values) != "" })
	if s == nil || err != nil || len(s.rest) == 0 || s.kernel.Shape[2] != 1 || s.kernel.Shape[3] != 1 {
		return nil, nil, err
	}
	before = s.read(g, conv, "/spatial")
	out := conv.Output[0]
	place, weight := strings.TrimSuffix(conv.GetName(), "/Conv"), conv.Input[1]
	bias := conv.Input[2:]
	part := func(own bool, suffix string, columns []int) string {
		return g.derived(weight, own, suffix, fmt.Sprint(columns), made, func() *tensor.Tensor { return takeColumns(s.kernel, columns) })
	}
	conv.Input = []string{conv.Input[0], part(true, "/spatial/weight", s.restColumns)}
	sum := g.fresh(out + "/spatial")
	conv.Output[0] = sum
	for i, in := range s.parts {
		p := g.spread(in, values)
		kernel := part(false, "/pooled/weight", s.columns[i])
		one := onnx.NewNode("Conv", g.freshNode(place+"/pooled/Conv"), append([]string{p, kernel}, bias...), []string{g.fresh(out + "/pooled")}, onnx.AttrInts("kernel_shape", 1, 1))
		bias = nil
		next := out
		if i < len(s.parts)-1 {
			next = g.fresh(out + "/sum")
		}
		after = append(after, one, onnx.NewNode("Add", g.freshNode(place+"/pooled/Add"), []string{sum, one.Output[0]}, []string{next}))
		sum = next
	}
	return before, after, nil
}

// spread gives the value of one pixel that a value spreads over height and width, "" if it is none.
func (g *Graph) spread(name string, values map[string]*op.Info) string {
	n := g.Producer[name]
	if n == nil || len(n.GetInput()) == 0 {
		return ""
	}
	switch mode := stringAttr(n, "mode", "nearest"); {
	case is(n, "Expand", 2):
	case is(n, "Resize", 3) && (mode == "nearest" || mode == "linear") && stringAttr(n, "coordinate_transformation_mode", "") != "tf_crop_and_resize":
	default:
		return ""
	}
	from, to := values[n.Input[0]], values[name]
	if from == nil || to == nil || from.Rank() != 4 || to.Rank() != 4 || !same(from.Dims[0], to.Dims[0]) || !same(from.Dims[1], to.Dims[1]) ||
		from.Dims[2].Size != 1 || from.Dims[3].Size != 1 {
		return ""
	}
	return n.Input[0]
}
