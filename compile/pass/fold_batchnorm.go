package pass

import (
	"math"
	"strings"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// fold-batchnorm merges a BatchNormalization in inference mode into the convolution before it.
//
//	c = Conv(x, w)                                    c' = Conv(x, w·a, b·a + d)
//	y = BatchNormalization(c, s, t, mean, var)   →    y: the convolution writes it itself
//
//	a = s / sqrt(var + epsilon),  d = t − mean·a, per output channel
//
// It is exact up to rounding, because both are linear in c. It applies where c has no other reader and weights and
// statistics are constants; the kernel must have no other reader either. The products are computed in float64 and
// rounded once.
func foldBatchNorm(g *Graph, opset int) error {
	if opset < 7 {
		return nil // there, another attribute says whether it is in inference mode
	}
	dead := make(map[*onnx.Node]bool)
	for _, bn := range g.GetNode() {
		if !is(bn, "BatchNormalization", 5) || len(bn.GetOutput()) != 1 || intAttr(bn, "training_mode", 0) != 0 || intAttr(bn, "spatial", 1) != 1 {
			continue
		}
		conv := g.Producer[bn.Input[0]]
		if conv == nil || !is(conv, "Conv", 2) || g.Uses[bn.Input[0]] != 1 {
			continue
		}
		ok, err := g.mergeBatchNorm(conv, bn)
		if err != nil {
			return err
		}
		if ok {
			conv.Output[0] = bn.Output[0]
			dead[bn] = true
		}
	}
	g.Remove(dead)
	return nil
}

// mergeBatchNorm reports whether it could merge bn into conv's weights. The nodes' outputs are left to the caller.
func (g *Graph) mergeBatchNorm(conv, bn *onnx.Node) (bool, error) {
	w, err := g.floats(conv.Input[1])
	if w == nil || err != nil || len(w.Shape) == 0 || g.Uses[conv.Input[1]] != 1 {
		return false, err
	}
	channels := w.Shape[0]
	var stats [4][]float32 // scale, shift, mean, variance
	for i := range stats {
		t, err := g.floats(bn.Input[1+i])
		if t == nil || err != nil || t.NumElems() != channels {
			return false, err
		}
		stats[i] = tensor.Data[float32](t)
	}
	bias := make([]float32, channels)
	if len(conv.Input) > 2 && conv.Input[2] != "" {
		t, err := g.floats(conv.Input[2])
		if t == nil || err != nil || t.NumElems() != channels {
			return false, err
		}
		copy(bias, tensor.Data[float32](t))
	}
	epsilon := float64(floatAttr(bn, "epsilon", 1e-5))
	kernel := tensor.Data[float32](w) // decoded for us alone
	per := len(kernel) / max(channels, 1)
	for c := range channels {
		a := float64(stats[0][c]) / math.Sqrt(float64(stats[3][c])+epsilon)
		for i := c * per; i < (c+1)*per; i++ {
			kernel[i] = float32(float64(kernel[i]) * a)
		}
		shift := float64((float64(bias[c]) - float64(stats[2][c])) * a)
		bias[c] = float32(shift + float64(stats[1][c]))
	}
	conv.Input = []string{
		conv.Input[0],
		g.setConst(conv.Input[1], w),
		g.setConst(g.fresh(strings.TrimSuffix(conv.Input[1], "/weight")+"/bias"), tensor.Of(bias, channels)),
	}
	return true, nil
}
