package randomgraph

import (
	"slices"

	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// window is the geometry of a convolution or pool along its spatial axes.
type window struct {
	kernel, stride, dilation, begin, end []int
	auto                                 string // auto_pad, "" where pads are given
	ceil                                 bool
}

// window draws one that fits an image. No tap but those of a dilated convolution may be all in the padding: of a pool
// that sees no pixel the maximum is a matter of taste.
func (b *builder) window(spatial []int, dilate, pool bool) window {
	n := len(spatial)
	w := window{make([]int, n), make([]int, n), make([]int, n), make([]int, n), make([]int, n), "", false}
	if b.chance(4) {
		w.auto = oneOf(b, "SAME_UPPER", "SAME_LOWER", "VALID")
	}
	for i, size := range spatial {
		w.kernel[i] = b.between(1, min(5, size))
		w.stride[i] = b.between(1, 3)
		w.dilation[i] = 1
		if dilate && w.auto == "" && b.chance(2) {
			w.dilation[i] = b.between(1, 3)
		}
		extent := w.dilation[i]*(w.kernel[i]-1) + 1
		switch w.auto {
		case "":
			if w.dilation[i] == 1 || !pool {
				w.begin[i], w.end[i] = b.rng.IntN(w.kernel[i]), b.rng.IntN(w.kernel[i])
			}
			for size+w.begin[i]+w.end[i] < extent {
				if w.dilation[i] > 1 {
					w.dilation[i]--
					extent = w.dilation[i]*(w.kernel[i]-1) + 1
				} else {
					w.end[i]++ // never beyond the kernel: the image has a pixel
				}
			}
		case "SAME_UPPER", "SAME_LOWER":
			out := (size + w.stride[i] - 1) / w.stride[i]
			total := (out-1)*w.stride[i] + extent - size
			if total < 0 { // ONNX Runtime refuses it, in some operators
				w.stride[i], total = 1, extent-1
			}
			w.begin[i], w.end[i] = total/2, total-total/2
			if w.auto == "SAME_LOWER" {
				w.begin[i], w.end[i] = w.end[i], w.begin[i]
			}
		}
	}
	return w
}

func (w *window) out(spatial []int) []int {
	out := make([]int, len(spatial))
	for i, size := range spatial {
		room := size + w.begin[i] + w.end[i] - (w.dilation[i]*(w.kernel[i]-1) + 1)
		out[i] = room/w.stride[i] + 1
		if w.ceil {
			out[i] = (room+w.stride[i]-1)/w.stride[i] + 1
		}
	}
	return out
}

// roundUp makes a third of the windows with given pads round their number up, unless a last window would begin in the
// padding behind the image: until opset 22 ONNX's shape inference counts it, and the operators' kernels do not.
func (b *builder) roundUp(w *window, spatial []int) []*onnx.Attribute {
	if b.opset < 10 || w.auto != "" || !b.chance(3) {
		return nil
	}
	for i, size := range spatial {
		room := size + w.begin[i] + w.end[i] - (w.dilation[i]*(w.kernel[i]-1) + 1)
		if (room+w.stride[i]-1)/w.stride[i]*w.stride[i] >= size+w.begin[i] {
			return nil
		}
	}
	w.ceil = true
	return []*onnx.Attribute{onnx.AttrInt("ceil_mode", 1)}
}

func (w *window) attrs() []*onnx.Attribute {
	a := []*onnx.Attribute{onnx.AttrInts("kernel_shape", w.kernel...), onnx.AttrInts("strides", w.stride...)}
	if slices.Max(w.dilation) > 1 {
		a = append(a, onnx.AttrInts("dilations", w.dilation...))
	}
	if w.auto != "" {
		return append(a, onnx.AttrString("auto_pad", w.auto))
	}
	return append(a, onnx.AttrInts("pads", slices.Concat(w.begin, w.end)...))
}

func (b *builder) image(fits func(*value) bool) *value { return b.float(fits, 4, 4, 4, 3) }

func conv(b *builder) {
	x := b.image(any_)
	n, c, spatial := x.shape[0], x.shape[1], x.shape[2:]
	w := b.window(spatial, true, false)
	group := 1
	if b.chance(3) {
		group = c // depthwise
	} else if c%2 == 0 && b.chance(3) {
		group = 2
	}
	m := group * b.between(1, 4)
	kernel := b.constant(tensor.Float32, slices.Concat([]int{m, c / group}, w.kernel)...)
	in := []string{x.name, kernel.name}
	bound := x.bound*3*float64(c/group*count(w.kernel)) + 3
	if b.chance(2) {
		in = append(in, b.constant(tensor.Float32, m).name)
	}
	attrs := append(w.attrs(), onnx.AttrInt("group", group))
	b.node("Conv", in, attrs, rough(bound, slices.Concat([]int{n, m}, w.out(spatial))...))
}

func convTranspose(b *builder) {
	x := b.float(any_, 4)
	n, c, spatial := x.shape[0], x.shape[1], x.shape[2:]
	group := 1
	if c%2 == 0 && b.chance(3) {
		group = 2
	}
	m := b.between(1, 3)
	var kernel, strides, dilations, begin, end, extra, out []int
	for _, size := range spatial {
		k, s, d := b.between(1, 4), b.between(1, 3), b.between(1, 2)
		p, q := b.rng.IntN(k), b.rng.IntN(k)
		e := b.rng.IntN(s)
		o := s*(size-1) + e + d*(k-1) + 1 - p - q
		if o < 1 {
			return
		}
		kernel, strides, dilations = append(kernel, k), append(strides, s), append(dilations, d)
		begin, end, extra, out = append(begin, p), append(end, q), append(extra, e), append(out, o)
	}
	weights := b.constant(tensor.Float32, slices.Concat([]int{c, m}, kernel)...)
	in := []string{x.name, weights.name}
	if b.chance(2) {
		in = append(in, b.constant(tensor.Float32, m*group).name)
	}
	b.node("ConvTranspose", in, []*onnx.Attribute{onnx.AttrInts("kernel_shape", kernel...), onnx.AttrInts("strides", strides...), onnx.AttrInts("dilations", dilations...),
		onnx.AttrInts("pads", slices.Concat(begin, end)...), onnx.AttrInts("output_padding", extra...), onnx.AttrInt("group", group)},
		rough(x.bound*3*float64(c/group*count(kernel))+3, slices.Concat([]int{n, m * group}, out)...))
}

func maxPool(b *builder) {
	x := b.image(any_)
	w := b.window(x.shape[2:], b.opset >= 10, true)
	attrs := append(w.attrs(), b.roundUp(&w, x.shape[2:])...)
	shape := slices.Concat(x.shape[:2], w.out(x.shape[2:]))
	outs := []*value{like(x, shape...)}
	if x.exact && b.chance(3) {
		outs = append(outs, &value{dtype: tensor.Int64, shape: shape, exact: true, bound: maxElems})
	}
	b.node("MaxPool", []string{x.name}, attrs, outs...)
}

func averagePool(b *builder) {
	x := b.image(any_)
	w := b.window(x.shape[2:], b.opset >= 19, true)
	attrs := append(w.attrs(), b.roundUp(&w, x.shape[2:])...)
	if b.chance(2) {
		attrs = append(attrs, onnx.AttrInt("count_include_pad", 1))
	}
	b.node("AveragePool", []string{x.name}, attrs, rough(x.bound, slices.Concat(x.shape[:2], w.out(x.shape[2:]))...))
}

func globalPool(op string) func(*builder) {
	return func(b *builder) {
		x := b.image(any_)
		shape := slices.Clone(x.shape)
		for i := range shape[2:] {
			shape[2+i] = 1
		}
		out := rough(x.bound, shape...)
		out.exact = x.exact && op == "GlobalMaxPool"
		b.node(op, []string{x.name}, nil, out)
	}
}

// resize scales the last two axes of an image.
func resize(b *builder) {
	x := b.float(any_, 4)
	mode := oneOf(b, "nearest", "linear", "linear", "cubic")
	modes := []string{"half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"}
	if b.opset >= 19 {
		modes = append(modes, "half_pixel_symmetric")
	}
	coordinates := modes[b.rng.IntN(len(modes))]
	corners := coordinates == "align_corners"
	attrs := []*onnx.Attribute{onnx.AttrString("mode", mode), onnx.AttrString("coordinate_transformation_mode", coordinates)}
	if mode == "nearest" {
		attrs = append(attrs, onnx.AttrString("nearest_mode", oneOf(b, "round_prefer_floor", "round_prefer_ceil", "floor", "ceil")))
	}
	if mode == "cubic" && b.chance(2) {
		attrs = append(attrs, onnx.AttrFloat("cubic_coeff_a", -0.5))
	}
	shape := slices.Clone(x.shape)
	in := []string{x.name, ""}
	if b.opset < 13 {
		in[1] = b.floats() // roi was no optional input then
	}
	if b.chance(2) {
		scales := []float32{1, 1, 1, 1}
		for i := 2; i < 4; i++ {
			// Powers of two times small integers: no engine's arithmetic can round the size another way.
			scales[i] = oneOf(b, float32(0.5), 1, 1.5, 2, 3)
			scaled := scales[i] * float32(shape[i])
			shape[i] = int(scaled)
			// For align_corners ONNX's own tests divide by the scaled size less one, rounded or not; ONNX Runtime, which
			// is known to fail them, by the rounded one.
			if shape[i] == 0 || float32(shape[i]) != scaled && corners {
				return
			}
		}
		in = append(in, b.floats(scales...))
	} else {
		for i := 2; i < 4; i++ {
			shape[i] = b.between(1, 2*shape[i]+1)
		}
		if b.opset < 13 {
			in = append(in, b.floats())
		} else {
			in = append(in, "")
		}
		in = append(in, b.ints(shape...))
	}
	out := rough(2*x.bound, shape...)
	if mode == "nearest" {
		out = like(x, shape...)
	}
	b.node("Resize", in, attrs, out)
}

func upsample(b *builder) {
	x := b.float(any_, 4)
	mode := oneOf(b, "nearest", "linear")
	h, w := b.between(1, 3), b.between(1, 3)
	out := rough(x.bound, x.shape[0], x.shape[1], x.shape[2]*h, x.shape[3]*w)
	if mode == "nearest" {
		out = like(x, out.shape...)
	}
	b.node("Upsample", []string{x.name, b.floats(1, 1, float32(h), float32(w))}, []*onnx.Attribute{onnx.AttrString("mode", mode)}, out)
}

var windows = []maker{
	{"Conv", 0, 0, conv},
	{"Conv", 0, 0, conv},
	{"Conv", 0, 0, conv},
	{"ConvTranspose", 11, 0, convTranspose},
	{"MaxPool", 0, 0, maxPool},
	{"AveragePool", 0, 0, averagePool},
	{"GlobalAveragePool", 0, 0, globalPool("GlobalAveragePool")},
	{"GlobalMaxPool", 0, 0, globalPool("GlobalMaxPool")},
	{"Resize", 11, 0, resize},
	{"Resize", 11, 0, resize},
	{"Upsample", 9, 9, upsample},
}
