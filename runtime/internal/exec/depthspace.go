package exec

import (
	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/tensor"
)

// depthspaceBinders covers DepthToSpace and SpaceToDepth, for every element type.
var depthspaceBinders = map[string]Binder{"DepthToSpace": bindBlocks, "SpaceToDepth": bindBlocks}

func bindBlocks(n *Node) (Kernel, error) {
	k := &blocks{size: n.Attrs.Int("blocksize"), toSpace: n.Schema.Name == "DepthToSpace", crd: n.Attrs.String("mode") == "CRD"}
	return KernelFunc(k.run), nil
}

type blocks struct {
	size         int
	toSpace, crd bool
}

func (k *blocks) run(c *Context, in, out []*tensor.Tensor) error {
	if out[0].NumElems() == 0 {
		return nil
	}
	switch x := words(in[0]).(type) {
	case []uint8:
		moveBlocks(k, c, in, out, x)
	case []uint16:
		moveBlocks(k, c, in, out, x)
	case []uint32:
		moveBlocks(k, c, in, out, x)
	case []uint64:
		moveBlocks(k, c, in, out, x)
	case []string:
		moveBlocks(k, c, in, out, x)
	}
	return nil
}

func moveBlocks[T any](k *blocks, c *Context, in, out []*tensor.Tensor, x []T) {
	y := words(out[0]).([]T)
	if k.toSpace {
		s, channels := in[0].Shape, out[0].Shape[1]
		kernel.DepthToSpace(c.Pool, y, x, s[0], channels, s[2], s[3], k.size, k.crd)
		return
	}
	s, channels := out[0].Shape, in[0].Shape[1]
	kernel.SpaceToDepth(c.Pool, y, x, s[0], channels, s[2], s[3], k.size)
}
