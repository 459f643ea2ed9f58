package pass

import (
	"slices"

	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// channels-last-labels turns the scores before the last resize where only their arg-max is wanted.
//
//	                                   t = Transpose<0, 2, 3, 1>(x)
//	y = Resize(x, to N×C×H×W)          y = Resize(t, to N×H×W×C)
//	l = ArgMax<axis = 1>(y)      →     l = ArgMax<axis = 3>(y)
//
// Each score is interpolated from the same four with the same weights, so the labels are the same. The scores of a
// pixel now lie together, both for the resize, whose weights serve them all, and for the arg-max: ONNX Runtime 1.30
// takes 6.6 ms in place of 19.2 ms for 19 classes, 129×129 → 513×513, on one thread. The transpose is of the small
// tensor. It applies to modes nearest and linear that leave the first two axes alone, and to an ArgMax that drops its
// axis and is the only reader.
//
// Opt-in: the embedded runtime's fast resize is the one with channels first, and network S with labels at 513×513 takes
// 30 ms of 470 ms longer there (one thread).
func channelsLastLabels(g *Graph, opset int) error {
	if opset < 11 {
		return nil
	}
	values, err := g.values(opset)
	if err != nil {
		return err
	}
	var nodes []*onnx.Node
	for _, n := range g.GetNode() {
		nodes = append(nodes, n)
		if axis := intAttr(n, "axis", 0); !is(n, "ArgMax", 1) || axis != 1 && axis != -3 || intAttr(n, "keepdims", 1) != 0 {
			continue
		}
		resize := g.Producer[n.Input[0]]
		if resize == nil || g.Uses[n.Input[0]] != 1 || g.Fixed[n.Input[0]] || !g.turnable(resize, values) {
			continue
		}
		at := slices.Index(nodes, resize)
		if at < 0 {
			continue
		}
		turned := onnx.NewNode("Transpose", g.freshNode(resize.GetName()+"/Transpose"), []string{resize.Input[0]},
			[]string{g.fresh(resize.Output[0] + "/channels_last")}, onnx.AttrInts("perm", 0, 2, 3, 1))
		before := []*onnx.Node{turned}
		inputs := slices.Clone(resize.Input)
		inputs[0] = turned.Output[0]
		for i := 2; i < len(inputs); i++ { // scales and sizes; an empty one is one that is left out
			v := values[inputs[i]]
			switch {
			case inputs[i] == "" || v.Dims[0].Size == 0:
			case g.Consts[inputs[i]] != nil:
				inputs[i] = g.setConst(g.fresh(inputs[i]+"/channels_last"), permuted(v.Value))
			default:
				order := g.setConst(g.fresh(resize.Output[0]+"/order"), tensor.Of([]int64{0, 2, 3, 1}, 4))
				gather := onnx.NewNode("Gather", g.freshNode(resize.GetName()+"/Gather"), []string{inputs[i], order},
					[]string{g.fresh(inputs[i] + "/channels_last")}, onnx.AttrInt("axis", 0))
				before = append(before, gather)
				inputs[i] = gather.Output[0]
			}
		}
		resize.Input = inputs
		nodes = slices.Insert(nodes, at, before...)
		for _, a := range n.Attribute {
			if a.GetName() == "axis" {
				a.I = 3
			}
		}
	}
	g.Node = nodes
	return nil
}

// turnable reports whether a node is a Resize of height and width alone whose scales and sizes can be permuted.
func (g *Graph) turnable(n *onnx.Node, values map[string]*op.Info) bool {
	mode := stringAttr(n, "mode", "nearest")
	if !is(n, "Resize", 3) || mode != "nearest" && mode != "linear" || intsAttr(n, "axes") != nil || intAttr(n, "antialias", 0) != 0 ||
		stringAttr(n, "coordinate_transformation_mode", "") == "tf_crop_and_resize" || stringAttr(n, "keep_aspect_ratio_policy", "stretch") != "stretch" {
		return false
	}
	x, y := values[n.Input[0]], values[n.Output[0]]
	if x == nil || y == nil || x.Rank() != 4 || y.Rank() != 4 || !same(x.Dims[0], y.Dims[0]) || !same(x.Dims[1], y.Dims[1]) {
		return false
	}
	for _, in := range n.Input[2:] {
		if in == "" {
			continue
		}
		v := values[in]
		if v == nil || v.Rank() != 1 || v.Dims[0].Size != 0 && v.Dims[0].Size != 4 || g.Consts[in] != nil && v.Value == nil {
			return false
		}
	}
	return true
}

// permuted gives four numbers in the order N, H, W, C.
func permuted(t *tensor.Tensor) *tensor.Tensor {
	switch d := t.Data.(type) {
	case []int64:
		return tensor.Of([]int64{d[0], d[2], d[3], d[1]}, 4)
	case []float32:
		return tensor.Of([]float32{d[0], d[2], d[3], d[1]}, 4)
	}
	return t // unreachable: scales are float and sizes int64, which inference has checked
}
