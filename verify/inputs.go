package verify

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"

	"autodeeplab/internal/imageio"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime"
)

// Picture is a picture that both sides see. Load reads it when its turn comes.
type Picture struct {
	Name string
	Load func() (*imageio.Picture, error)
}

// sample is what both sides are given.
type sample struct {
	name   string
	inputs [2]map[string]*tensor.Tensor
	fits   [2]imageio.Fit // how a picture lies in the input; zero for what is no picture
}

// samples lists what the sides are to be given, each made when its turn comes.
func (c *comparison) samples() ([]func() (*sample, error), error) {
	pictures := c.models[0] != nil && c.models[1] != nil
	if len(c.Pictures) > 0 {
		for i, m := range c.models {
			if m == nil {
				return nil, optionError("%s takes no pictures: %w; leave the pictures away for seeded inputs", c.sides[i].Name, c.why[i])
			}
		}
		var list []func() (*sample, error)
		for _, p := range c.Pictures {
			list = append(list, func() (*sample, error) {
				picture, err := p.Load()
				if err != nil {
					return nil, err
				}
				return c.pictureSample(p.Name, picture), nil
			})
		}
		return list, nil
	}
	name := fmt.Sprintf("seed %d", c.Seed)
	if pictures && len(c.Shapes) == 0 {
		h, w := c.side(c.models[0].Height, c.models[1].Height, c.Height), c.side(c.models[0].Width, c.models[1].Width, c.Width)
		if h == 0 || w == 0 {
			return nil, optionError("the model's input is of any size: --input-size HxW says which")
		}
		return []func() (*sample, error){func() (*sample, error) { return c.pictureSample(name, noise(c.Seed, h, w)), nil }}, nil
	}
	return []func() (*sample, error){func() (*sample, error) { return c.seeded(name) }}, nil
}

// side is the first of the sizes that is fixed.
func (c *comparison) side(sizes ...int) int {
	for _, n := range sizes {
		if n > 0 {
			return n
		}
	}
	return 0
}

// pictureSample puts a picture through both models' preprocessing. Where one of them takes bytes, the other one gets the
// same whole numbers.
func (c *comparison) pictureSample(name string, p *imageio.Picture) *sample {
	s := &sample{name: name}
	bytes := c.models[0].Input.DType == tensor.Uint8 || c.models[1].Input.DType == tensor.Uint8
	for i, m := range c.models {
		s.fits[i] = imageio.NewFit(p.Width(), p.Height(), m.Width, m.Height, c.MaxSide)
		x := p.Tensor(s.fits[i])
		if bytes {
			for k, v := range tensor.Data[float32](x) {
				tensor.Data[float32](x)[k] = float32(math.Floor(float64(v) + 0.5))
			}
		}
		s.inputs[i] = m.Feed(x)
	}
	return s
}

// noise is a picture of random colours in blocks of a few sizes, so that it has edges and areas.
func noise(seed uint64, h, w int) *imageio.Picture {
	p := &imageio.Picture{RGBA: image.NewRGBA(image.Rect(0, 0, w, h)), Orientation: 1}
	for octave, block := range []int{64, 16, 4, 1} {
		r := rand.New(rand.NewPCG(seed, uint64(octave)))
		columns, rows := (w+block-1)/block, (h+block-1)/block
		values := make([]uint8, 3*columns*rows)
		for i := range values {
			values[i] = uint8(r.IntN(64))
		}
		for y := range h {
			row := p.RGBA.Pix[y*p.RGBA.Stride:]
			for x := range w {
				v := values[3*(y/block*columns+x/block):]
				for k := range 3 {
					row[4*x+k] += v[k]
				}
				row[4*x+3] = 255
			}
		}
	}
	return p
}

// seeded makes inputs of any kind, the same for both sides. Their names must be equal.
func (c *comparison) seeded(name string) (*sample, error) {
	s := &sample{name: name}
	first, second := c.sessions[0].Inputs(), c.sessions[1].Inputs()
	if len(first) != len(second) {
		return nil, optionError("%s has %d inputs, %s has %d", c.sides[0].Name, len(first), c.sides[1].Name, len(second))
	}
	for given := range c.Shapes {
		if !hasInput(first, given) {
			return nil, optionError("the model has no input %q; it has %v (--shape)", given, first)
		}
	}
	for i := range s.inputs {
		s.inputs[i] = make(map[string]*tensor.Tensor)
	}
	for k, v := range first {
		w := second[k]
		if hasInput(second, v.Name) {
			for _, other := range second {
				if other.Name == v.Name {
					w = other
				}
			}
		}
		if w.DType != v.DType {
			return nil, optionError("input %s of %s is %s of %s, which seeded inputs cannot serve alike; give pictures", v, c.sides[0].Name, w, c.sides[1].Name)
		}
		shape, err := c.shape(v)
		if err != nil {
			return nil, err
		}
		t, err := random(v.DType, shape, rand.New(rand.NewPCG(c.Seed, uint64(k))))
		if err != nil {
			return nil, fmt.Errorf("input %s: %w", v.Name, err)
		}
		s.inputs[0][v.Name], s.inputs[1][w.Name] = t, t
	}
	return s, nil
}

func hasInput(values []runtime.Value, name string) bool {
	for _, v := range values {
		if v.Name == name {
			return true
		}
	}
	return false
}

// shape is what --shape says, else what the model does, with open axes 1 long but for height and width.
func (c *comparison) shape(v runtime.Value) ([]int, error) {
	given, ok := c.Shapes[v.Name]
	if !v.HasRank() {
		if !ok {
			return nil, optionError("the model does not say how many axes its input %q has: --shape %s=… does", v.Name, v.Name)
		}
		return given, nil
	}
	if ok && len(given) != len(v.Dims) {
		return nil, optionError("--shape %s=%s: the model wants %s", v.Name, tensor.FormatShape(given), &v.Info)
	}
	shape := make([]int, len(v.Dims))
	for i, d := range v.Dims {
		switch {
		case ok && d.IsKnown() && d.Size != given[i]:
			return nil, optionError("--shape %s=%s: the model wants %s", v.Name, tensor.FormatShape(given), &v.Info)
		case ok:
			shape[i] = given[i]
		case d.IsKnown():
			shape[i] = d.Size
		case len(v.Dims) == 4 && i >= 2 && c.Height > 0:
			shape[i] = []int{c.Height, c.Width}[i-2]
		case len(v.Dims) == 4 && i >= 2:
			return nil, optionError("axis %d of the model's input %s is open: --input-size HxW, or --shape %s=…, says how long it is", i, v, v.Name)
		default:
			shape[i] = 1
		}
	}
	return shape, nil
}

// random makes a tensor: floats of the standard normal distribution, integers 0 to 3, which most indices and counts can
// be, bytes 0 to 255, booleans of both kinds.
func random(d tensor.DType, shape []int, r *rand.Rand) (*tensor.Tensor, error) {
	t, err := tensor.New(d, shape)
	if err != nil {
		return nil, err
	}
	switch x := t.Data.(type) {
	case []float32:
		fill(x, func() float32 { return float32(r.NormFloat64()) })
	case []float64:
		fill(x, r.NormFloat64)
	case []tensor.F16:
		fill(x, func() tensor.F16 { return tensor.ToF16(float32(r.NormFloat64())) })
	case []tensor.BF16:
		fill(x, func() tensor.BF16 { return tensor.ToBF16(float32(r.NormFloat64())) })
	case []uint8:
		fill(x, func() uint8 { return uint8(r.IntN(256)) })
	case []int8:
		fill(x, func() int8 { return int8(r.IntN(256) - 128) })
	case []bool:
		fill(x, func() bool { return r.IntN(2) == 1 })
	case []int16:
		fill(x, func() int16 { return int16(r.IntN(4)) })
	case []uint16:
		fill(x, func() uint16 { return uint16(r.IntN(4)) })
	case []int32:
		fill(x, func() int32 { return int32(r.IntN(4)) })
	case []uint32:
		fill(x, func() uint32 { return uint32(r.IntN(4)) })
	case []int64:
		fill(x, func() int64 { return int64(r.IntN(4)) })
	case []uint64:
		fill(x, func() uint64 { return uint64(r.IntN(4)) })
	default:
		return nil, optionError("inputs of type %s cannot be made from a seed", d)
	}
	return t, nil
}

func fill[T any](x []T, next func() T) {
	for i := range x {
		x[i] = next()
	}
}
