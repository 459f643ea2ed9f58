package exec

import (
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// splitBinders covers Split, for every element type.
var splitBinders = map[string]Binder{"Split": bindSplit}

func bindSplit(n *Node) (Kernel, error) {
	return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		k := known(n.Call, in)
		k.Out = make([]op.Info, len(out))
		walks, err := op.SplitWalks(k)
		if err != nil {
			return err
		}
		for i, t := range out {
			if t == nil {
				continue
			}
			if err := moveWalk(c, t, in[0], &walks[i]); err != nil {
				return err
			}
		}
		return nil
	}), nil
}
