package exec

import (
	"fmt"
	"math"
	"slices"
	"sync/atomic"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// resizeBinders covers Resize and Upsample. Nearest serves every element type; linear and cubic compute in float32 or
// float64, integers in float64 with the results rounded and clipped (as ONNX's reference does; ONNX Runtime cuts them
// off). Coordinates are computed in float32 as ONNX Runtime does, for float64 data and integers in float64.
var resizeBinders = map[string]Binder{"Resize": bindResize, "Upsample": bindResize}

var resizeCoordinates = map[string]kernel.Coordinates{
	"half_pixel": kernel.HalfPixel, "half_pixel_symmetric": kernel.HalfPixelSymmetric,
	"pytorch_half_pixel": kernel.PytorchHalfPixel, "align_corners": kernel.AlignCorners, "asymmetric": kernel.Asymmetric,
	"tf_crop_and_resize": kernel.CropAndResize, "tf_half_pixel_for_nn": kernel.HalfPixelForNearest,
}

var resizeRoundings = map[string]kernel.Rounding{
	"round_prefer_floor": kernel.RoundPreferFloor, "round_prefer_ceil": kernel.RoundPreferCeil,
	"floor": kernel.RoundFloor, "ceil": kernel.RoundCeil,
}

func bindResize(n *Node) (Kernel, error) {
	s := kernel.Sampling{
		Coordinates: kernel.Asymmetric, Rounding: kernel.RoundOld, // before opset 11, which introduced the attributes
		CubicA:         float64(n.Attrs.Float("cubic_coeff_a")),
		ExcludeOutside: n.Attrs.Int("exclude_outside") == 1,
		Antialias:      n.Attrs.Int("antialias") == 1,
	}
	if n.Schema.Since >= 11 {
		var okC, okR bool
		s.Coordinates, okC = resizeCoordinates[n.Attrs.String("coordinate_transformation_mode")]
		s.Rounding, okR = resizeRoundings[n.Attrs.String("nearest_mode")]
		if !okC || !okR {
			return nil, fmt.Errorf("coordinate_transformation_mode %q or nearest_mode %q is not supported",
				n.Attrs.String("coordinate_transformation_mode"), n.Attrs.String("nearest_mode"))
		}
	}
	fill := n.Attrs.Float("extrapolation_value")
	d := n.In[0].DType
	switch mode := n.Attrs.String("mode"); mode {
	case "nearest":
		return &resizeNearest{resizer[float32]{call: n.Call, sampling: s}, fill}, nil
	case "linear":
		s.Interpolation = kernel.Linear
	case "cubic":
		s.Interpolation = kernel.Cubic
	default:
		return nil, fmt.Errorf("mode %q is not supported (nearest, linear and cubic are)", mode)
	}
	switch {
	case d == tensor.Float32:
		return &resize[float32]{resizer[float32]{call: n.Call, sampling: s}, fill}, nil
	case isHalf(d):
		return halves(&resize[float32]{resizer[float32]{call: n.Call, sampling: s}, fill}), nil
	case d == tensor.Float64 || d.IsInt():
		return &resize[float64]{resizer[float64]{call: n.Call, sampling: s}, float64(fill)}, nil
	}
	return nil, fmt.Errorf("mode %s of input %q of type %s is not supported (numbers are; nearest serves every type)",
		n.Attrs.String("mode"), n.InputName(0), d)
}

// resizer makes the tables of a resize, and keeps the last ones: a model mostly sees the same sizes again.
type resizer[F float32 | float64] struct {
	call     *op.Call
	sampling kernel.Sampling
	last     atomic.Pointer[resizeTables[F]]
}

type resizeTables[F float32 | float64] struct {
	axes []op.ResizeAxis
	taps []*kernel.Taps[F]
}

func (r *resizer[F]) tables(in []*tensor.Tensor) ([]*kernel.Taps[F], error) {
	axes, err := op.ResizeAxes(known(r.call, in))
	if err != nil {
		return nil, err
	}
	if t := r.last.Load(); t != nil && slices.Equal(t.axes, axes) {
		return t.taps, nil
	}
	t := &resizeTables[F]{axes: axes, taps: make([]*kernel.Taps[F], len(axes))}
	for k, a := range axes {
		if a.In > math.MaxInt32 || a.Out > math.MaxInt32 {
			return nil, fmt.Errorf("%w: axis %d goes from %d to %d, at most %d is supported", op.ErrLimit, k, a.In, a.Out, math.MaxInt32)
		}
		if !a.Keeps() {
			t.taps[k] = kernel.NewTaps[F](kernel.Span(a), r.sampling)
		}
	}
	r.last.Store(t)
	return t.taps, nil
}

type resize[F float32 | float64] struct {
	resizer[F]
	fill F
}

func (k *resize[F]) Run(c *Context, in, out []*tensor.Tensor) error {
	if out[0].NumElems() == 0 { // nor may there be room for tables of the other axes
		return nil
	}
	taps, err := k.tables(in)
	if err != nil {
		return err
	}
	if y, ok := out[0].Data.([]F); ok {
		kernel.Resize(c.Pool, y, floats[F](in[0]), in[0].Shape, taps, k.fill)
		return nil
	}
	y := make([]F, out[0].NumElems())
	kernel.Resize(c.Pool, y, floats[F](in[0]), in[0].Shape, taps, k.fill)
	storeFloats(out[0], y)
	return nil
}

type resizeNearest struct {
	resizer[float32]
	fill float32
}

func (k *resizeNearest) Run(c *Context, in, out []*tensor.Tensor) error {
	if out[0].NumElems() == 0 {
		return nil
	}
	taps, err := k.tables(in)
	if err != nil {
		return err
	}
	fill, err := tensor.New(in[0].DType, []int{1})
	if err != nil {
		return err
	}
	storeFloats(fill, []float32{k.fill})
	switch x := words(in[0]).(type) {
	case []uint8:
		nearest(c, in, out, x, taps, fill)
	case []uint16:
		nearest(c, in, out, x, taps, fill)
	case []uint32:
		nearest(c, in, out, x, taps, fill)
	case []uint64:
		nearest(c, in, out, x, taps, fill)
	case []string:
		nearest(c, in, out, x, taps, fill)
	}
	return nil
}

func nearest[T any](c *Context, in, out []*tensor.Tensor, x []T, taps []*kernel.Taps[float32], fill *tensor.Tensor) {
	kernel.ResizeNearest(c.Pool, words(out[0]).([]T), x, in[0].Shape, taps, words(fill).([]T)[0])
}
