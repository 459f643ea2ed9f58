package pass

import (
	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// stride-sampling picks rows and columns where a resize does nothing else.
//
//	x is float[1,8,65,97]                      x is float[1,8,65,97]
//	y = Resize<align_corners>(x, to 33×49)  →  y = Slice(x, from 0, 0, by steps of 2, 2)
//
// With align_corners, n rows resized to m read row i·(n−1)/(m−1). Where m−1 divides n−1 that is a whole number for every
// i, so that interpolation gives each row the weight 1 or 0: the result is the same bits. A resize to the size that its
// input has already goes altogether. It applies to mode linear and nearest, on axes of known size; the first two axes
// must stay.
//
// The sampling could go on into the convolutions that read it, as their stride and dilation. ONNX Runtime is no faster
// for it (it gathers columns either way), and a tensor that several convolutions read would be gathered at full size by
// each.
func strideSampling(g *Graph, opset int) error {
	if opset < 11 {
		return nil // neither Resize with align_corners nor Slice with steps as an input
	}
	values, err := g.values(opset)
	if err != nil {
		return err
	}
	dead := make(map[*onnx.Node]bool)
	for i, n := range g.GetNode() {
		from, to, ok := alignedResize(n, values)
		if !ok {
			continue
		}
		var axes, starts, ends, steps []int64
		for k := 2; k < len(from) && ok; k++ {
			var step int
			if step, ok = samplingStep(from[k], to[k]); step > 1 {
				axes, starts, ends, steps = append(axes, int64(k)), append(starts, 0), append(ends, int64(from[k].Size)), append(steps, int64(step))
			}
		}
		if !ok {
			continue
		}
		if len(axes) == 0 { // it keeps its input as it is
			if !g.Fixed[n.Output[0]] {
				g.Replace(n.Output[0], n.Input[0])
				dead[n] = true
			}
			continue
		}
		at := n.Output[0]
		vector := func(name string, v []int64) string {
			return g.setConst(g.fresh(at+"/"+name), tensor.Of(v, len(v)))
		}
		g.Node[i] = onnx.NewNode("Slice", n.GetName(), []string{
			n.Input[0], vector("starts", starts), vector("ends", ends), vector("axes", axes), vector("steps", steps),
		}, n.Output[:1])
	}
	g.Remove(dead)
	return nil
}

// alignedResize gives the dimensions before and after a Resize with align_corners in mode linear or nearest that leaves
// the first two axes alone.
func alignedResize(n *onnx.Node, values map[string]*op.Info) (from, to []op.Dim, ok bool) {
	if !is(n, "Resize", 3) || stringAttr(n, "coordinate_transformation_mode", "half_pixel") != "align_corners" ||
		intAttr(n, "antialias", 0) != 0 || intAttr(n, "exclude_outside", 0) != 0 {
		return nil, nil, false
	}
	if mode := stringAttr(n, "mode", "nearest"); mode != "linear" && mode != "nearest" {
		return nil, nil, false
	}
	// With scales in place of sizes the last row need not be the last of the source.
	if len(n.Input) < 4 || n.Input[3] == "" {
		return nil, nil, false
	}
	x, y := values[n.Input[0]], values[n.Output[0]]
	if x == nil || y == nil || x.Rank() < 3 || x.Rank() != y.Rank() || !same(x.Dims[0], y.Dims[0]) || !same(x.Dims[1], y.Dims[1]) {
		return nil, nil, false
	}
	return x.Dims, y.Dims, true
}

// samplingStep gives the number of rows from one row that is read to the next, if it is the same everywhere.
func samplingStep(from, to op.Dim) (int, bool) {
	switch {
	case same(from, to):
		return 1, true
	case !from.IsKnown() || !to.IsKnown() || to.Size < 2 || (from.Size-1)%(to.Size-1) != 0:
		return 0, false
	}
	return (from.Size - 1) / (to.Size - 1), true
}
