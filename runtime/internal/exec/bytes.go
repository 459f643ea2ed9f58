package exec

import (
	"fmt"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// Kernels on stored bytes: what a float operator between DequantizeLinear and QuantizeLinear comes to. The runtime's
// rewrite rules make them; none is an operator of its own.

// Shaper is a Kernel that can tell the shape of its only output from its inputs. Kernels that stand for several nodes
// are Shapers, since no one node's shape rule would do.
type Shaper interface {
	Shape(in []*tensor.Tensor) ([]int, error)
}

// convBytes is a Conv of uint8 by constant int8 weights to uint8.
type convBytes struct {
	sizer   convSizer
	weights []int
	ready   *kernel.ConvBytes
	relu    bool
}

// BindConvBytes makes the kernel of a Conv whose input is bytes with a zero point, whose weights [Out, In/group, H, W] are
// int8, and whose sums become bytes as e says. Inputs of the kernel: the stored input alone. It gives nil where there is
// no such kernel for the convolution.
func BindConvBytes(conv *op.Call, weights *tensor.Tensor, zero uint8, e kernel.BytesEpilogue, relu bool) (Kernel, error) {
	steps, err := op.ConvSteps(conv, weights.Shape[2:])
	if err != nil {
		return nil, err
	}
	p, _ := convGeometry(conv, steps, weights.Shape, nil, false)
	ready, err := kernel.NewConvBytes(p, tensor.Data[int8](weights), zero, e)
	if ready == nil || err != nil {
		return nil, err
	}
	return &convBytes{sizer: convSizer{call: conv}, weights: weights.Shape, ready: ready, relu: relu}, nil
}

func (k *convBytes) Shape(in []*tensor.Tensor) ([]int, error) {
	g, err := k.sizer.sizes(in[0].Shape, k.weights)
	if err != nil {
		return nil, err
	}
	return append([]int{g.s.Batch, g.p.Out}, g.s.Out...), nil
}

func (k *convBytes) Run(c *Context, in, out []*tensor.Tensor) error {
	g, err := k.sizer.sizes(in[0].Shape, k.weights)
	if err != nil {
		return err
	}
	if !k.ready.Fits(g.s) {
		return fmt.Errorf("a convolution with dilations of this size is not supported in 8 bits")
	}
	return k.ready.Run(c.Pool, c.Scratch(k.ready.Scratch(c.Pool, g.s)), tensor.Data[uint8](out[0]), tensor.Data[uint8](in[0]), g.s)
}

// Describe names the method.
func (k *convBytes) Describe(_ *Context, _, out []*tensor.Tensor) (method string, multiplyAdds int64) {
	method = "bytes"
	if k.relu {
		method += " +Relu"
	}
	return method, int64(out[0].NumElems()) * int64(elements(k.weights[1:]))
}

// addBytes is an Add of two tensors of one shape.
type addBytes struct {
	from  [2]kernel.ByteParams
	to    kernel.ByteParams
	least uint8
}

// BindAddBytes makes the kernel of an Add of stored tensors of equal shapes; nothing is stored below least.
func BindAddBytes(from [2]kernel.ByteParams, to kernel.ByteParams, least uint8) Kernel {
	return &addBytes{from, to, least}
}

func (k *addBytes) Shape(in []*tensor.Tensor) ([]int, error) { return in[0].Shape, nil }

func (k *addBytes) Run(c *Context, in, out []*tensor.Tensor) error {
	kernel.AddBytes(c.Pool, tensor.Data[uint8](out[0]), tensor.Data[uint8](in[0]), tensor.Data[uint8](in[1]), k.from, k.to, k.least)
	return nil
}

// mapBytes is a function of one number.
type mapBytes struct{ table [256]uint8 }

// BindMapBytes makes the kernel of a function of stored numbers, given as a table.
func BindMapBytes(table [256]uint8) Kernel { return &mapBytes{table} }

func (k *mapBytes) Shape(in []*tensor.Tensor) ([]int, error) { return in[0].Shape, nil }

func (k *mapBytes) Run(c *Context, in, out []*tensor.Tensor) error {
	kernel.MapBytes(c.Pool, tensor.Data[uint8](out[0]), tensor.Data[uint8](in[0]), &k.table)
	return nil
}

// concatBytes joins stored tensors, each of whose numbers a table brings to how the output is stored.
type concatBytes struct {
	axis   int
	tables [][256]uint8
}

// BindConcatBytes makes the kernel of a Concat of stored tensors with a table for each.
func BindConcatBytes(axis int, tables [][256]uint8) Kernel { return &concatBytes{axis, tables} }

func (k *concatBytes) Shape(in []*tensor.Tensor) ([]int, error) {
	shape := append([]int(nil), in[0].Shape...)
	axis := positive(k.axis, len(shape))
	for _, t := range in[1:] {
		shape[axis] += t.Shape[axis]
	}
	return shape, nil
}

func (k *concatBytes) Run(c *Context, in, out []*tensor.Tensor) error {
	dst := tensor.Data[uint8](out[0])
	_, total, inner := around(out[0].Shape, positive(k.axis, len(out[0].Shape)))
	at := 0
	for i, t := range in {
		outer, n, _ := around(t.Shape, positive(k.axis, len(t.Shape)))
		src := tensor.Data[uint8](t)
		for o := range outer {
			kernel.MapBytes(c.Pool, dst[o*total*inner+at:][:n*inner], src[o*n*inner:], &k.tables[i])
		}
		at += n * inner
	}
	return nil
}

// OfBytes is a node as if its inputs and outputs of float32 were uint8, for operators that only move elements.
func OfBytes(n *Node) *Node {
	call := *n.Call
	call.In = append([]*op.Info(nil), n.In...)
	call.Out = append([]op.Info(nil), n.Out...)
	stored := *call.In[0]
	stored.DType, stored.Value = tensor.Uint8, nil
	call.In[0] = &stored
	for i := range call.Out {
		call.Out[i].DType = tensor.Uint8
	}
	return &Node{Name: n.Name, Outputs: n.Outputs, Call: &call}
}
