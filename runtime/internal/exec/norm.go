package exec

import (
	"fmt"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/tensor"
)

// normBinders covers the normalisations. They compute in float32 or float64, by the type of the data; parameters of
// another type are converted.
var normBinders = map[string]Binder{
	"BatchNormalization": bindBatchNorm, "InstanceNormalization": bindInstanceNorm, "LayerNormalization": bindLayerNorm,
}

func bindBatchNorm(n *Node) (Kernel, error) {
	if n.Attrs.Has("spatial") && n.Attrs.Int("spatial") == 0 {
		return nil, fmt.Errorf("attribute \"spatial\" 0 is not supported (only 1, statistics by channel, is; opset 9 has no other)")
	}
	for i, name := range n.Outputs {
		if i > 0 && name != "" && n.Schema.Since < 14 {
			return nil, fmt.Errorf("output %d %q, which asks for training mode, is not supported before opset 14", i, name)
		}
	}
	k := &batchNorm{
		epsilon: float64(n.Attrs.Float("epsilon")), momentum: float64(n.Attrs.Float("momentum")),
		training: n.Attrs.Int("training_mode") == 1,
	}
	return floatKernel(n, k)
}

type batchNorm struct {
	epsilon, momentum float64
	training          bool
}

func (k *batchNorm) Run(c *Context, in, out []*tensor.Tensor) error {
	if _, ok := in[0].Data.([]float64); ok {
		batchNormOf[float64](k, c, in, out)
	} else {
		batchNormOf[float32](k, c, in, out)
	}
	return nil
}

func batchNormOf[T float32 | float64](k *batchNorm, c *Context, in, out []*tensor.Tensor) {
	shape := in[0].Shape
	if len(shape) == 1 {
		shape = []int{shape[0], 1}
	}
	n, channels, size := around(shape, 1)
	x, scale, bias := floats[T](in[0]), floats[T](in[1]), floats[T](in[2])
	if !k.training {
		kernel.BatchNorm(c.Pool, tensor.Data[T](out[0]), x, n, channels, size, scale, bias, floats[T](in[3]), floats[T](in[4]), k.epsilon)
		return
	}
	mean, variance := make([]float64, channels), make([]float64, channels)
	kernel.BatchStats(c.Pool, mean, variance, x, n, channels, size)
	if out[0] != nil {
		kernel.Standardise(c.Pool, tensor.Data[T](out[0]), x, n, channels, size, scale, bias, mean, variance, k.epsilon)
	}
	k.running(out, 1, in[3], mean)
	k.running(out, 2, in[4], variance)
}

// running writes the running statistics: momentum of the old ones, the rest of the batch's.
func (k *batchNorm) running(out []*tensor.Tensor, i int, old *tensor.Tensor, batch []float64) {
	if i >= len(out) || out[i] == nil {
		return
	}
	mixed := make([]float64, len(batch))
	for c, v := range floats[float64](old) {
		mixed[c] = v*k.momentum + batch[c]*(1-k.momentum)
	}
	storeFloats(out[i], mixed)
}

func bindInstanceNorm(n *Node) (Kernel, error) {
	epsilon := float64(n.Attrs.Float("epsilon"))
	return floatKernel(n, KernelFunc(func(c *Context, in, out []*tensor.Tensor) error {
		b, channels, size := around(in[0].Shape, 1)
		if x, ok := in[0].Data.([]float64); ok {
			kernel.InstanceNorm(c.Pool, tensor.Data[float64](out[0]), x, b, channels, size, floats[float64](in[1]), floats[float64](in[2]), epsilon)
			return nil
		}
		kernel.InstanceNorm(c.Pool, tensor.Data[float32](out[0]), tensor.Data[float32](in[0]), b, channels, size,
			floats[float32](in[1]), floats[float32](in[2]), epsilon)
		return nil
	}))
}

func bindLayerNorm(n *Node) (Kernel, error) {
	return floatKernel(n, &layerNorm{epsilon: float64(n.Attrs.Float("epsilon")), axis: n.Attrs.Int("axis")})
}

type layerNorm struct {
	epsilon float64
	axis    int
}

func (k *layerNorm) Run(c *Context, in, out []*tensor.Tensor) error {
	if _, ok := in[0].Data.([]float64); ok {
		layerNormOf[float64](k, c, in, out)
	} else {
		layerNormOf[float32](k, c, in, out)
	}
	return nil
}

func layerNormOf[T float32 | float64](k *layerNorm, c *Context, in, out []*tensor.Tensor) {
	shape := in[0].Shape
	axis := positive(k.axis, len(shape))
	rows, length := elements(shape[:axis]), elements(shape[axis:])
	var bias []T
	if len(in) > 2 {
		bias = stretched[T](in[2], shape, axis)
	}
	moment := func(i int) []float64 {
		if i < len(out) && out[i] != nil {
			return make([]float64, rows)
		}
		return nil
	}
	mean, inverse := moment(1), moment(2)
	y := tensor.Data[T](out[0])
	if out[0] == nil {
		y = make([]T, rows*length)
	}
	kernel.LayerNorm(c.Pool, y, floats[T](in[0]), rows, length, stretched[T](in[1], shape, axis), bias, mean, inverse, k.epsilon)
	if mean != nil {
		storeFloats(out[1], mean)
	}
	if inverse != nil {
		storeFloats(out[2], inverse)
	}
}

// stretched broadcasts a parameter to the normalised axes, or to the whole shape if it differs from row to row.
// It is nil for a missing tensor.
func stretched[T float32 | float64](t *tensor.Tensor, shape []int, axis int) []T {
	if t == nil {
		return nil
	}
	data, from := floats[T](t), t.Shape
	for len(from) > 0 && from[0] == 1 {
		from = from[1:]
	}
	to := shape[axis:]
	if len(from) > len(to) {
		to = shape
	}
	if len(data) == elements(to) {
		return data
	}
	out := make([]T, elements(to))
	for i := range out {
		at, stride := 0, 1
		for k, rest := 1, i; k <= len(from); k++ {
			n := to[len(to)-k]
			if d := from[len(from)-k]; d != 1 {
				at += rest % n * stride
				stride *= d
			}
			rest /= n
		}
		out[i] = data[at]
	}
	return out
}

// elements multiplies the dimensions of a shape that a tensor has.
func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
