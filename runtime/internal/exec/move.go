package exec

import (
	"fmt"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// moveBinders covers the operators whose output is a strided walk over their input, for every element type: package op
// works the walk out, from the same parameters that gave the output its shape.
var moveBinders = map[string]Binder{
	"Slice":     bindWalk(op.SliceWalk),
	"Transpose": bindWalk(op.TransposeWalk),
	"Expand":    bindWalk(op.ExpandWalk),
	"Tile":      bindWalk(op.TileWalk),
}

func bindWalk(walk func(*op.Call) (op.Walk, error)) Binder {
	return func(n *Node) (Kernel, error) {
		return KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
			w, err := walk(known(n.Call, in))
			if err != nil {
				return err
			}
			return moveWalk(c, out[0], in[0], &w)
		}), nil
	}
}

// moveWalk copies what w finds in src to dst. Parameters that are inputs of the run may have turned out other than the
// output was planned for, which is an error.
func moveWalk(c *Context, dst, src *tensor.Tensor, w *op.Walk) error {
	n, err := tensor.NumElems(w.Sizes)
	if err != nil || n != dst.NumElems() {
		return fmt.Errorf("the inputs ask for %d elements, but the output is %s", n, dst)
	}
	switch x := words(src).(type) {
	case []uint8:
		kernel.Strided(c.Pool, words(dst).([]uint8), x, w.Sizes, w.Steps, w.Offset)
	case []uint16:
		kernel.Strided(c.Pool, words(dst).([]uint16), x, w.Sizes, w.Steps, w.Offset)
	case []uint32:
		kernel.Strided(c.Pool, words(dst).([]uint32), x, w.Sizes, w.Steps, w.Offset)
	case []uint64:
		kernel.Strided(c.Pool, words(dst).([]uint64), x, w.Sizes, w.Steps, w.Offset)
	case []string:
		kernel.Strided(c.Pool, dst.Data.([]string), x, w.Sizes, w.Steps, w.Offset)
	}
	return nil
}
